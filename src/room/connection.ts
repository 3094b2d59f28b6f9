/** What a room knows of one connection. It lives in the socket's attachment (2 KB), so it survives hibernation. */
import type * as Party from 'partykit/server';
import { z } from 'zod';
import { roleSchema, type WireParticipant } from '../protocol/index.ts';

export const connectionStateSchema = z.object({
  userId: z.string().nullable(),
  displayName: z.string(),
  avatarUrl: z.string().max(500).nullable(),
  role: roleSchema,
  /** Times of the chat messages that count against the limit, in milliseconds; a window of a minute outlives the memory. */
  chatTimes: z.array(z.number()).default([]),
  /** The same of the AI requests. */
  agentTimes: z.array(z.number()).default([]),
  /** Where it comes from, as Cloudflare says; null where the network doesn't. */
  address: z.string().max(64).nullable().default(null),
});
export type ConnectionState = z.infer<typeof connectionStateSchema>;

/** A connection that has been let in and has its state; before that its state is null. */
export type Member = Party.Connection<ConnectionState> & { state: Readonly<ConnectionState> };

export function isMember(connection: Party.Connection<ConnectionState>): connection is Member {
  return connection.state !== null;
}

export function participantOf({ userId, displayName, role }: ConnectionState): WireParticipant {
  return { user_id: userId, display_name: displayName, role };
}

/** Everybody present: signed-in people once however many tabs they have, anonymous ones once a connection. */
export function participantsOf(members: Iterable<Member>): WireParticipant[] {
  const participants = new Map<string, WireParticipant>();
  for (const member of members) {
    participants.set(member.state.userId ?? `connection ${member.id}`, participantOf(member.state));
  }
  return [...participants.values()];
}
