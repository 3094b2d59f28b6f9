/** Who may do what: the one table that messages and routes both go by. */
import type { Role } from './types.ts';

const EVERYBODY: readonly Role[] = ['host', 'co-author', 'viewer'];
const WRITERS: readonly Role[] = ['host', 'co-author'];
const HOSTS: readonly Role[] = ['host'];

export const PERMISSIONS = {
  // In a room.
  edit_code: WRITERS,
  move_cursor: WRITERS,
  play: WRITERS,
  ask_agent: WRITERS,
  /** What writers and the assistant say to each other. */
  read_conversation: WRITERS,
  switch_strudel: WRITERS,
  chat: EVERYBODY,
  ping: EVERYBODY,
  // Over HTTP.
  read_session: EVERYBODY,
  read_messages: EVERYBODY,
  read_participants: EVERYBODY,
  leave: EVERYBODY,
  write_code: WRITERS,
  write_title: HOSTS,
  read_invites: HOSTS,
  manage_invites: HOSTS,
  manage_participants: HOSTS,
  manage_session: HOSTS,
  end_session: HOSTS,
} as const satisfies Record<string, readonly Role[]>;

export type Action = keyof typeof PERMISSIONS;

/**
 * What goes on once a session has ended: reading, and ending it again, which tells whoever may not have
 * heard.
 */
const AFTER_THE_END: ReadonlySet<Action> = new Set([
  'read_session',
  'read_messages',
  'read_conversation',
  'read_participants',
  'read_invites',
  'end_session',
]);

export function isPossibleAfterTheEnd(action: Action): boolean {
  return AFTER_THE_END.has(action);
}

export function may(role: Role, action: Action): boolean {
  return PERMISSIONS[action].includes(role);
}
