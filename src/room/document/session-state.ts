/** What a client is shown of the session: its `session_state`. */
import { may } from '../../domain/permissions.ts';
import type { Transport } from '../../domain/transport.ts';
import type { ServerPayload, WireParticipant, WireTransport } from '../../protocol/index.ts';
import { hasJoined, isAway, type JoinedConnection } from '../connections/connection.ts';
import { participantOf } from '../connections/connection-state.ts';
import type { Knocks } from '../connections/knocks.ts';
import type { Outbox } from '../connections/outbox.ts';
import type { Participants } from '../connections/participants.ts';
import { chatHistory, conversationHistory } from './histories.ts';
import type { HostedSession } from './hosted-session.ts';
import type { LiveSession } from './live-session.ts';
import type { Messages } from './message-history.ts';
import type { SharedEdits } from './shared-edits.ts';
import type { StrudelContext } from './strudel-context.ts';

export interface SessionStateOptions {
  session: Pick<HostedSession, 'open'>;
  participants: Pick<Participants, 'connections' | 'connectionsOf' | 'listed' | 'unlisted'>;
  strudel: Pick<StrudelContext, 'strudelId' | 'importedConversation'>;
  outbox: Pick<Outbox, 'reply'>;
  edits: Pick<SharedEdits, 'startFrom'>;
  knocks: Pick<Knocks, 'shownTo'>;
}

export class SessionState {
  readonly #options: SessionStateOptions;
  /** Connections that got their state while the old messages couldn't be read. */
  readonly #lackHistory = new WeakSet<JoinedConnection>();

  constructor(options: SessionStateOptions) {
    this.#options = options;
  }

  /** Sends one connection the session as it is now. @throws {StorageUnavailableError} */
  async sendState(to: JoinedConnection, requestId?: string): Promise<void> {
    const session = await this.#options.session.open();
    const history = await session.history();
    if (!hasJoined(to)) return;
    this.send(to, session, history, requestId === undefined ? {} : { request_id: requestId });
  }

  /** The old messages can be read again: sends the state to the connections that lack them. */
  async sendMissedHistory(): Promise<void> {
    for (const member of [...this.#options.participants.connections()]) {
      if (this.#lackHistory.delete(member)) await this.sendState(member);
    }
  }

  /** Sends the state, as this connection may see it. */
  send(
    to: JoinedConnection,
    session: LiveSession,
    history: Messages,
    besides: Pick<ServerPayload<'session_state'>, 'request_id' | 'token'>,
  ): void {
    this.#options.outbox.reply(to, 'session_state', {
      ...this.#payloadFor(to, session, history),
      ...besides,
    });
    // The acknowledgement may have been lost with the last connection.
    session.acknowledgeAgain(to.state.participantId, to.id);
  }

  #payloadFor(
    member: JoinedConnection,
    session: LiveSession,
    { messages, isWhole }: Messages,
  ): ServerPayload<'session_state'> {
    if (!isWhole) this.#lackHistory.add(member);
    const { role, displayName } = member.state;
    const { participants, strudel, edits } = this.#options;
    const knocks = this.#options.knocks.shownTo(member);
    const { strudelId, importedConversation } = strudel;
    return {
      ...edits.startFrom(member, session),
      transport: session.transport && transportPayload(session.transport),
      flushed_rev: session.flushedRev,
      your_role: role,
      your_display_name: displayName,
      participants: this.#participants(),
      ...(participants.unlisted === 0 ? {} : { watching: participants.unlisted }),
      chat_history: chatHistory(messages),
      conversation_history: may(role, 'read_conversation')
        ? [...importedConversation, ...conversationHistory(messages, strudelId)]
        : [],
      strudel_id: strudelId,
      ...(knocks === undefined ? {} : { knocks }),
    };
  }

  /** Those who are listed, once however many tabs they have. */
  #participants(): WireParticipant[] {
    const { participants } = this.#options;
    return [...participants.listed()].map(({ state }) => ({
      ...participantOf(state),
      ...(isAway(participants.connectionsOf(state.participantId)) ? { away: true } : {}),
    }));
  }
}

/** What plays, as clients are told. */
export function transportPayload({ sinceMs, ...transport }: Transport): WireTransport {
  return { playing: true, ...transport, since: sinceMs };
}
