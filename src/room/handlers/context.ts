/** What handlers work with. */
import type { StrudelRepository } from '../../domain/strudels.ts';
import type { AgentRuns } from '../agent/agent-runs.ts';
import type { JoinedConnection } from '../connections/connection.ts';
import type { Knocks } from '../connections/knocks.ts';
import type { Liveness } from '../connections/liveness.ts';
import type { Outbox } from '../connections/outbox.ts';
import type { Participants } from '../connections/participants.ts';
import type { RateLimits } from '../connections/rate-limits.ts';
import type { SlowConsumers } from '../connections/slow-consumers.ts';
import type { HostedSession } from '../document/hosted-session.ts';
import type { MessageAuthors } from '../document/message-authors.ts';
import type { SessionState } from '../document/session-state.ts';
import type { SharedEdits } from '../document/shared-edits.ts';
import type { StrudelContext } from '../document/strudel-context.ts';
import type { Connection } from '../host.ts';
import type { RoomLog } from '../log.ts';

/** The parts of the room that handlers may use. */
export interface HandlerParts {
  /** Opened on first use. A ping must not open it: see `ping.ts`. */
  session: Pick<HostedSession, 'open' | 'live' | 'isOpening'>;
  edits: SharedEdits;
  sessionState: Pick<SessionState, 'sendState'>;
  participants: Pick<Participants, 'connections' | 'size' | 'withConnectionId' | 'writers'>;
  outbox: Pick<Outbox, 'broadcast' | 'reply' | 'refuse'>;
  limits: Pick<RateLimits, 'takeAudienceChat' | 'takePerMinute' | 'takeResync'>;
  liveness: Pick<Liveness, 'setHidden'>;
  slowConsumers: Pick<SlowConsumers<Connection>, 'pinged'>;
  strudel: Pick<StrudelContext, 'strudelId' | 'importedTurns' | 'switchTo' | 'aiSubject' | 'forgetOrigin'>;
  strudels: Pick<StrudelRepository, 'use'>;
  agents: Pick<AgentRuns, 'ask'>;
  knocks: Pick<Knocks, 'answer'>;
  authors: Pick<MessageAuthors, 'claim' | 'record'>;
  log: RoomLog;
}

/** One message's handler gets the parts, who sent it, and the request id that a refusal has to repeat. */
export interface HandlerContext extends HandlerParts {
  sender: JoinedConnection;
  requestId: string | undefined;
}
