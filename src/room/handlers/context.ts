import type { StrudelRepository } from '../../domain/strudels.ts';
import type { ConversationEntry, ErrorCode, ServerMessageType, ServerPayload } from '../../protocol/index.ts';
import type { AgentRuns } from '../agent/agent-runs.ts';
import type { Member } from '../connections/connection.ts';
import type { PerMinute } from '../connections/member-limits.ts';
import type { LiveSession } from '../document/live-session.ts';
import type { BroughtEntry } from '../document/strudel-context.ts';

/** What a handler may do. */
export interface HandlerContext {
  sender: Member;
  requestId: string | undefined;
  room: {
    /** The session's state; loaded from storage on first use. @throws {StorageUnavailableError} */
    session(): Promise<LiveSession>;
    /** Everybody who is in. */
    members(): Iterable<Member>;
    /** The saved strudel that the session is about, null for its scratch code. */
    strudelId(): string | null;
    /** The conversation that came with its code, oldest first. */
    brought(): readonly ConversationEntry[];
    /** From now on the session is about this strudel, or about scratch code (null). */
    switchStrudel(strudelId: string | null, conversation: readonly BroughtEntry[]): void;
    strudels: Pick<StrudelRepository, 'get'>;
    /** To everybody, but for `except`. */
    broadcast<T extends ServerMessageType>(type: T, payload: ServerPayload<T>, except?: Member): void;
    /** To one connection. */
    reply<T extends ServerMessageType>(to: Member, type: T, payload: ServerPayload<T>): void;
    /** An `error` to one connection, echoing the request it is about. */
    refuse(to: Member, error: ErrorCode, message: string, requestId: string | undefined): void;
    /** The session as it is now, to one connection. */
    tellState(to: Member, requestId: string | undefined): Promise<void>;
    /** Counts against one of the sender's limits per minute. */
    takePerMinute(member: Member, what: PerMinute): boolean;
    /** Takes a ping's mark for proof of what its sender has read. @returns the mark of the pong. */
    pinged(member: Member, mark: string | undefined): string;
    log(event: string, detail: string): void;
    agents: AgentRuns;
  };
}
