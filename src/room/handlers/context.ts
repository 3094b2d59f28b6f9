import type { ErrorCode, ServerMessageType, ServerPayload } from '../../protocol/index.ts';
import type { AgentRuns } from '../agent-runs.ts';
import type { Member } from '../connection.ts';
import type { LiveSession } from '../live-session.ts';

/** What a handler may do. */
export interface HandlerContext {
  sender: Member;
  requestId: string | undefined;
  room: {
    /** The session's state; loaded from storage on first use. @throws {StorageUnavailableError} */
    session(): Promise<LiveSession>;
    /** To everybody, but for `except`. */
    broadcast<T extends ServerMessageType>(type: T, payload: ServerPayload<T>, except?: Member): void;
    /** To one connection. */
    reply<T extends ServerMessageType>(to: Member, type: T, payload: ServerPayload<T>): void;
    /** An `error` to one connection, echoing the request it is about. */
    refuse(to: Member, error: ErrorCode, message: string, requestId: string | undefined): void;
    /** Counts a chat message against the sender's limit. */
    takeChat(member: Member): boolean;
    /** Everybody who is in. */
    members(): Iterable<Member>;
    /** The saved strudel that the session is about, null for its scratch code. */
    strudelId(): string | null;
    agents: AgentRuns;
  };
}
