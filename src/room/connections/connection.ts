/** What a room knows of one connection. It lives in the socket's attachment (2 KB), so it survives hibernation. */
import { z } from 'zod';
import { VIAS } from '../../domain/types.ts';
import { roleSchema, type WireParticipant } from '../../protocol/index.ts';
import type { Connection } from '../host.ts';
import type { Occupant } from './connection-limits.ts';

export const connectionStateSchema = z.object({
  participantId: z.string(),
  userId: z.string().nullable(),
  displayName: z.string(),
  avatarUrl: z.string().max(500).nullable(),
  role: roleSchema,
  /** What lets this person in, and which invite it was: so that the room knows whom a revocation is about. */
  via: z.enum(VIAS),
  inviteId: z.string().nullable(),
  /** Where the connection comes from; null when the network doesn't say. */
  address: z.string().nullable(),
  /** Times of what counts against a limit per minute, in milliseconds: a minute outlives the memory. */
  chatTimes: z.array(z.number()).readonly().default([]),
  switchTimes: z.array(z.number()).readonly().default([]),
  agentTimes: z.array(z.number()).readonly().default([]),
});
export type ConnectionState = z.infer<typeof connectionStateSchema>;

/** A connection that has been let in and has its state; before that, and once it was sent away, its state is null. */
export type Member = Connection & { readonly state: Readonly<ConnectionState> };

export function isMember(connection: Connection): connection is Member {
  return connection.state !== null;
}

export function participantOf({
  userId,
  displayName,
  role,
  participantId,
}: ConnectionState): WireParticipant {
  return { user_id: userId, display_name: displayName, role, participant_id: participantId };
}

/** Everybody present, each person once however many tabs they have. */
export function participantsOf(members: Iterable<Member>): WireParticipant[] {
  const participants = new Map<string, WireParticipant>();
  for (const { state } of members) participants.set(state.participantId, participantOf(state));
  return [...participants.values()];
}

export function occupantOf({ id, state }: Member): Occupant {
  return { connectionId: id, participantId: state.participantId, address: state.address };
}
