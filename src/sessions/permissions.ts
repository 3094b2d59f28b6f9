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
  manage_invites: HOSTS,
  manage_participants: HOSTS,
  manage_session: HOSTS,
} as const satisfies Record<string, readonly Role[]>;

export type Action = keyof typeof PERMISSIONS;

export function may(role: Role, action: Action): boolean {
  return PERMISSIONS[action].includes(role);
}
