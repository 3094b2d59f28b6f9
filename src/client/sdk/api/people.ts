/** A session's people over HTTP, for the host. Each function throws an {@link ApiError}. */
import * as z from 'zod';
import { type Role, roleSchema } from '../../../protocol/index.ts';
import { anything, call, segment } from './call.ts';

const personSchema = z.object({
  id: z.string(),
  display_name: z.string(),
  role: roleSchema,
  /** ISO 8601; null unless the host has sent them away. */
  removed_at: z.string().nullable(),
});
export type Person = z.infer<typeof personSchema>;

/** More than anybody looks through. */
const PEOPLE_ASKED_FOR = 100;

const path = (sessionId: string) => `sessions/${segment(sessionId)}/participants`;

/** Everybody who has been let in, removed people too. */
export async function listPeople(sessionId: string, token: string): Promise<Person[]> {
  const schema = z.object({ participants: z.array(personSchema) });
  const query = { limit: PEOPLE_ASKED_FOR };
  return (await call('GET', path(sessionId), schema, { token, query })).participants;
}

/** Gives somebody another role, at once; a removed person may come back by it. */
export async function setRole(
  sessionId: string,
  participantId: string,
  role: Exclude<Role, 'host'>,
  token: string,
): Promise<void> {
  await call('PATCH', `${path(sessionId)}/${segment(participantId)}`, anything, { token, body: { role } });
}

/** Sends somebody away, for good. */
export async function removePerson(sessionId: string, participantId: string, token: string): Promise<void> {
  await call('DELETE', `${path(sessionId)}/${segment(participantId)}`, anything, { token });
}
