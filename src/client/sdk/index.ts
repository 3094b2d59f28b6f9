/**
 * The package's entry point for pages and programs of others: `import { SessionClient } from
 * 'backbeat/client'`.
 */
export { knock, previewInvite } from '../../protocol/http/coming-in.ts';
export { createInvite, joinSession, listParticipants } from '../../protocol/http/people.ts';
export {
  createSession,
  endSession,
  getSession,
  leaveSession,
  listLiveSessions,
  listMessages,
  listSessions,
} from '../../protocol/http/sessions.ts';
export { ApiError, call } from './call.ts';
export { type KnockOptions, type KnockOutcome, knockAndWait } from './knocker.ts';
export {
  SessionClient,
  type SessionClientEvents,
  type SessionClientOptions,
  type Snapshot,
} from './session-client.ts';
