/** Who may do what: the one table that messages and routes both go by. */
import type { Role } from './types.ts';

const ALL_ROLES: readonly Role[] = ['host', 'co-author', 'viewer'];
const WRITERS: readonly Role[] = ['host', 'co-author'];
const HOSTS: readonly Role[] = ['host'];

const PERMISSIONS = {
  // In a room.
  edit_code: WRITERS,
  move_cursor: WRITERS,
  play: WRITERS,
  ask_agent: WRITERS,
  /** What writers and the assistant say to each other. */
  read_conversation: WRITERS,
  switch_strudel: WRITERS,
  /** Letting in callers who ask for it, or refusing them. */
  answer_knocks: HOSTS,
  chat: ALL_ROLES,
  ping: ALL_ROLES,
  // Over HTTP.
  read_session: ALL_ROLES,
  read_messages: ALL_ROLES,
  read_versions: ALL_ROLES,
  read_participants: ALL_ROLES,
  change_own_name: ALL_ROLES,
  leave: ALL_ROLES,
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
 * What is allowed once a session has ended: reading, and ending it again, which repeats the end to a room or
 * client that missed it.
 */
const ALLOWED_AFTER_END: ReadonlySet<Action> = new Set([
  'read_session',
  'read_messages',
  'read_versions',
  'read_conversation',
  'read_participants',
  'read_invites',
  'end_session',
]);

export function isAllowedAfterEnd(action: Action): boolean {
  return ALLOWED_AFTER_END.has(action);
}

export function may(role: Role, action: Action): boolean {
  return PERMISSIONS[action].includes(role);
}
