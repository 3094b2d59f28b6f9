/** Sessions over HTTP. Each function throws an {@link ApiError}. */
import * as z from 'zod';
import { roleSchema } from '../../../protocol/index.ts';
import { anything, call, segment } from './call.ts';

const sessionSchema = z.object({
  id: z.uuid(),
  title: z.string(),
  code: z.string(),
  is_active: z.boolean(),
  is_discoverable: z.boolean(),
  /** ISO 8601. */
  created_at: z.string(),
  last_activity: z.string(),
});
export type SessionInfo = z.infer<typeof sessionSchema>;

const oneSchema = z.object({ session: sessionSchema });
const createdSchema = z.object({ session: sessionSchema, token: z.string().min(1) });
const joinedSchema = z.object({ session_id: z.uuid(), role: roleSchema, token: z.string().min(1) });

/** A session of a list: its code isn't in it. */
const listedSchema = sessionSchema.omit({ code: true });
export type ListedSession = z.infer<typeof listedSchema>;

const liveSchema = z.object({
  id: z.uuid(),
  title: z.string(),
  host_name: z.string().nullable(),
  participant_count: z.number(),
});
export type LiveSession = z.infer<typeof liveSchema>;

/**
 * Makes a session; the caller is its host.
 * @param token the user's token; null for somebody anonymous.
 */
export function createSession(
  input: { title?: string; code?: string; displayName?: string },
  token: string | null,
): Promise<z.infer<typeof createdSchema>> {
  return call('POST', 'sessions', createdSchema, {
    token,
    body: { title: input.title, code: input.code, display_name: input.displayName },
  });
}

/**
 * Turns an invite into a session token.
 * @param token the user's token, or the session token of somebody who has used this invite before; else null.
 */
export function joinSession(
  inviteToken: string,
  displayName: string,
  token: string | null,
): Promise<z.infer<typeof joinedSchema>> {
  return call('POST', 'sessions/join', joinedSchema, {
    token,
    body: { invite_token: inviteToken, display_name: displayName },
  });
}

/** The sessions that a user owns or has a place in, newest first. */
export async function mySessions(
  userToken: string,
  filter: { active?: boolean; limit?: number } = {},
): Promise<ListedSession[]> {
  const schema = z.object({ sessions: z.array(listedSchema) });
  return (await call('GET', 'sessions', schema, { token: userToken, query: filter })).sessions;
}

/** Sessions that everybody may look into, newest first. */
export async function liveSessions(limit: number): Promise<LiveSession[]> {
  const schema = z.object({ sessions: z.array(liveSchema) });
  return (await call('GET', 'sessions/live', schema, { query: { limit } })).sessions;
}

export async function getSession(sessionId: string, token: string): Promise<SessionInfo> {
  return (await call('GET', `sessions/${segment(sessionId)}`, oneSchema, { token })).session;
}

export async function renameSession(sessionId: string, title: string, token: string): Promise<void> {
  await call('PUT', `sessions/${segment(sessionId)}`, anything, { token, body: { title } });
}

export async function setDiscoverable(
  sessionId: string,
  isDiscoverable: boolean,
  token: string,
): Promise<void> {
  const body = { is_discoverable: isDiscoverable };
  await call('PUT', `sessions/${segment(sessionId)}/discoverable`, anything, { token, body });
}

/** Sends everybody but the host away and revokes the invites; the session and its code stay. */
export async function endLive(sessionId: string, token: string): Promise<void> {
  await call('POST', `sessions/${segment(sessionId)}/end-live`, anything, { token, body: {} });
}

/** Ends the session for everybody; it can still be read. */
export async function endSession(sessionId: string, token: string): Promise<void> {
  await call('DELETE', `sessions/${segment(sessionId)}`, anything, { token });
}

/** Says that one won't come back. */
export async function leaveSession(sessionId: string, token: string): Promise<void> {
  await call('POST', `sessions/${segment(sessionId)}/leave`, anything, { token, body: {} });
}
