/** What the session client takes, shows and tells. */
import type {
  AgentRequest,
  Role,
  ServerMessage,
  ServerPayload,
  WireKnock,
  WireParticipant,
  WireTransport,
} from '../../protocol/index.ts';
import type { ChatEntry } from './chat-log.ts';
import type { RemoteChange } from './code-sync.ts';
import type { ConnectionState, WebSocketConstructor } from './connection.ts';
import type { ConversationTurn, RequestsLeft } from './conversation.ts';
import type { LocalEdit } from './own-edits.ts';
import type { PeerSelection } from './peer-selections.ts';
import type { OfferedText, UnacknowledgedStore } from './unacknowledged.ts';

export interface SessionClientOptions {
  /** Base URL of the room server, `http(s)` or `ws(s)`. */
  url: string;
  sessionId: string;
  /**
   * Session token or user's token, or a function that is asked for it before each attempt to connect; null
   * for a caller who has neither, whom rooms admit by an invite or where the session is discoverable.
   */
  token: string | null | (() => string | null | Promise<string | null>);
  /** An invite's secret, for who has no session token yet. */
  invite?: string;
  /** The name of a participant who has no token. */
  displayName?: string;
  /**
   * Says to the room which client this is, over reconnects and reloads, so that it knows a resend for what it
   * is. Two open clients must not share one. By default a new one.
   */
  connectionId?: string;
  /** Keeps what is unacknowledged over a reload. By default it lives as long as this object. */
  store?: UnacknowledgedStore;
  /** By default the global one (Node 20 has none: pass that of the `ws` package). */
  WebSocket?: WebSocketConstructor;
  /** By default the global one; used to learn why a room refuses. */
  fetch?: typeof fetch;
  /** Least time between two edits that are sent; edits in between coalesce. By default 50 ms. */
  editIntervalMs?: number;
  /** Least time between two cursor positions that are sent. By default 100 ms. */
  cursorIntervalMs?: number;
  /** By default 20 s; less than half of what the room waits. */
  pingIntervalMs?: number;
  /** A connection that was silent this long is replaced. By default 45 s. */
  silenceLimitMs?: number;
  /**
   * Pause before the first reconnect, doubled at random at most; it grows up to `maxReconnectMs`. By default
   * 300 ms and 4 s.
   */
  minReconnectMs?: number;
  maxReconnectMs?: number;
}

/** Everything there is to show. Never changes; each change makes a new one. */
export interface Snapshot {
  readonly connection: ConnectionState;
  readonly code: string;
  /** The newest revision heard of. */
  readonly rev: number;
  /** This client's edits up to this revision are acknowledged. */
  readonly savedRev: number;
  /** Why own edits aren't sent now, though there is a connection; null when they are. */
  readonly heldBack: 'too_large' | null;
  /** Own text that can't be sent, for its author to copy; null when there is none. */
  readonly offered: OfferedText | null;
  /** Postgres holds everything up to this revision. */
  readonly flushedRev: number;
  /** This client's recent edits, oldest first. */
  readonly edits: readonly LocalEdit[];
  /** null until the room has said it. */
  readonly role: Role | null;
  readonly displayName: string | null;
  readonly participants: readonly WireParticipant[];
  /** How many watchers there are besides these. */
  readonly watching: number;
  /** Index of this client's own participant in `participants`; -1 while it isn't known. */
  readonly self: number;
  /** The saved strudel that the session is about; null for scratch code. */
  readonly strudelId: string | null;
  /** What was said with the AI about it; only writers hear of it. */
  readonly conversation: readonly ConversationTurn[];
  /** A request to the AI is under way, of any participant: the room takes no other meanwhile. */
  readonly isAnswering: boolean;
  /** How many AI requests this participant has left; null until the room has said it. */
  readonly requestsLeft: RequestsLeft | null;
  readonly chat: readonly ChatEntry[];
  /** Callers who ask to be let in, oldest first; only hosts hear of them. */
  readonly knocks: readonly WireKnock[];
  /** What plays for all; null: nothing does. */
  readonly transport: WireTransport | null;
  /** Set while the room can't store: what is pending stays pending. */
  readonly degraded: { readonly reason: string; readonly since: string } | null;
}

export interface SessionClientEvents {
  /** The local text changed, and not by an own edit. */
  change: RemoteChange & {
    /**
     * This client's participant asked for it: an AI's answer, a strudel that they switched to, a version that
     * they restored, or the taking back of one of these, where that is a step of undo.
     */
    isOwnRequest: boolean;
  };
  /** Another participant's selection was set or removed: the selections of all others, in the local text. */
  selections: readonly PeerSelection[];
  /** A local edit's status changed. */
  edit: LocalEdit;
  /** A chat message of the room, the echo of an own one included. */
  chat: ServerPayload<'chat_message'>;
  /** A participant asked the AI; an own request comes back here too. */
  agentRequest: ServerPayload<'agent_request'>;
  /** A piece of the answer; with `ended`, that there will be none. */
  agentDelta: ServerPayload<'agent_delta'>;
  /** The whole answer. Code that it brings comes as a `change` event too. */
  agentResponse: ServerPayload<'agent_response'>;
  /** Another participant started or stopped what plays. */
  play: ServerPayload<'play'>;
  stop: ServerPayload<'stop'>;
  /** What plays for all has changed; null: it stopped. */
  transport: WireTransport | null;
  /** A caller asks to be let in; only hosts hear of it. They are in the snapshot's `knocks`. */
  knock: WireKnock;
  /** A knock is over: a host has answered it, or the caller doesn't wait any more. */
  knockAnswered: ServerPayload<'knock_answered'>;
  /** The code became a version of the session's history, which can be read over HTTP. */
  version: ServerPayload<'version'>;
  joined: WireParticipant;
  left: WireParticipant;
  /** Another participant has a new role. */
  roleOf: WireParticipant;
  /** This client's own role changed. */
  role: { role: Role; before: Role };
  /** The room gave this client a session token: with it they are the same participant when they come back. */
  token: string;
  /** The room's `error`, or a local one for what wouldn't pass its schema. */
  error: ServerPayload<'error'>;
  /** The session was ended; the client stays closed. */
  ended: { reason: string };
  /** The room is going away; the client reconnects. */
  shutdown: { reason: string };
  /** Anything else that was understood. */
  message: ServerMessage;
}

/** What may go with a question to the AI. */
export interface AskDetails {
  /** The provider to ask; by default the one that the server is set up for. */
  provider?: AgentRequest['provider'];
  /** An own key for `provider`, for this one request. The room passes it on and forgets it. */
  providerApiKey?: string;
  /** The conversation so far, by default the session's. */
  history?: AgentRequest['conversation_history'];
}

/** A host's answer to a caller who asks to be let in. */
export type KnockAnswer =
  | {
      role: Exclude<Role, 'host'>;
      /** Needed for one whom a host removed (`was_removed`): they are let in all the same. */
      readmit?: boolean;
    }
  | { refused: true };
