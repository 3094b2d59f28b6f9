/** The list of present participants, as a room tells it: one entry each, however many tabs they have. */
import type { WireParticipant } from '../../protocol/index.ts';

/** One id for all that a participant sends; rooms that don't tell theirs are of another version. */
export function personId({
  participant_id,
  user_id,
  display_name,
}: Pick<WireParticipant, 'participant_id' | 'user_id' | 'display_name'>): string {
  return participant_id ?? user_id ?? display_name;
}

/**
 * A participant joined, or has another role now.
 * @returns the new list, and the entry that the newcomer replaces; null when they weren't there.
 */
export function withPerson(
  people: readonly WireParticipant[],
  person: WireParticipant,
): { people: readonly WireParticipant[]; before: WireParticipant | null } {
  const at = people.findIndex((other) => isKnownSame(other, person));
  const before = people[at];
  if (!before) return { people: [...people, person], before: null };
  return { people: people.map((other, index) => (index === at ? person : other)), before };
}

/** A participant left. Where the room sends no participant ids, it removes one entry that looks the same. */
export function withoutPerson(
  people: readonly WireParticipant[],
  gone: WireParticipant,
): readonly WireParticipant[] {
  const known = people.findIndex((one) => isKnownSame(one, gone));
  const at = known === -1 ? people.findIndex((one) => looksSame(one, gone)) : known;
  return at === -1 ? people : people.filter((_, index) => index !== at);
}

/**
 * Which entry is this client's own: by id, else the first that looks like it.
 * @returns its index; -1 when there is none.
 */
export function findSelf(
  people: readonly WireParticipant[],
  self: Pick<WireParticipant, 'display_name' | 'role'> & { participant_id: string | null },
): number {
  const byId = people.findIndex((one) => isSameId(one.participant_id, self.participant_id));
  if (byId !== -1) return byId;
  return people.findIndex((one) => one.display_name === self.display_name && one.role === self.role);
}

/**
 * The participant that a session token stands for: read from its claims, unverified, as only the room can
 * tell forgeries.
 * @returns null for anything else, such as a user's own token.
 */
export function participantOfToken(token: string): string | null {
  const claims = claimsOf(token);
  return typeof claims?.pid === 'string' ? claims.pid : null;
}

/** What a JWT says of itself, unverified; null when it is none. */
export function claimsOf(token: string): Record<string, unknown> | null {
  try {
    const [, payload = ''] = token.split('.');
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, '+').replace(/_/g, '/')), (char) =>
      char.charCodeAt(0),
    );
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === 'object' && claims !== null ? { ...claims } : null;
  } catch {
    return null;
  }
}

function isKnownSame(one: WireParticipant, other: WireParticipant): boolean {
  return isSameId(one.participant_id, other.participant_id);
}

function isSameId(one: string | null | undefined, other: string | null | undefined): boolean {
  return one !== undefined && one !== null && one === other;
}

function looksSame(one: WireParticipant, other: WireParticipant): boolean {
  return one.user_id === other.user_id && one.display_name === other.display_name && one.role === other.role;
}
