/** Names of participants who give none: their role says what they are called. Pure. */
import type { Role } from './types.ts';

/** Of a caller who has no role yet. */
export const NAMELESS = 'Anonymous';

/** What the first nameless participant of a role is called. */
export function guestName(role: Role): string {
  return `${NAMELESS} ${role}`;
}

/** Such names; also as Postgres reads regular expressions. */
export const GUEST_NAME = /^Anonymous( (host|co-author|viewer)( [0-9]+)?)?$/;

/** Whether a name says only that its bearer has given none. */
export function isGuestName(name: string): boolean {
  return GUEST_NAME.test(name);
}

/**
 * A nameless participant's name, which no other in the room has: "Anonymous viewer", "Anonymous viewer 2" and
 * so on.
 * @param wanted what they were called before: it is kept if it fits their role and is free.
 */
export function freeGuestName(role: Role, wanted: string, taken: ReadonlySet<string>): string {
  const first = guestName(role);
  if (wanted.startsWith(first) && !taken.has(wanted)) return wanted;
  let name = first;
  for (let number = 2; taken.has(name); number += 1) name = `${first} ${number}`;
  return name;
}
