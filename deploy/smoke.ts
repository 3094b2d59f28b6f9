/**
 * One session from its beginning to its end over the public URL: made, edited, acknowledged, flushed, read
 * back, removed. It passes only when page, API, rooms, Redis and Postgres work together.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from '@upstash/redis';
import { sql } from 'drizzle-orm';
import { SignJWT } from 'jose';
import { WebSocket } from 'ws';
import type { z } from 'zod';
import { SessionClient, type Snapshot } from '../src/client/sdk/session-client.ts';
import { until } from '../src/client/sdk/until.ts';
import { ANY_AUDIENCE } from '../src/config.ts';
import { connectNeon } from '../src/postgres/client.ts';
import { flushSession } from '../src/protocol/http/operation.ts';
import { createSession, getSession } from '../src/protocol/http/sessions.ts';
import { keysFor } from '../src/redis/keys.ts';
import { DeployError, reasonOf } from './errors.ts';

const TITLE = 'Backbeat smoke test';
/** The test's own user. */
const SUBJECT = 'backbeat-smoke-test';
const REQUEST_TIMEOUT_MS = 30_000;
const POLL_MS = 2_000;
/** A new host name may take two minutes to be known and to have its certificate. */
const UP_TIMEOUT_MS = 300_000;
const STEP_TIMEOUT_MS = 60_000;
const STOPPED = 'the smoke test was stopped';
/** Between two lines that say what is waited for. */
const NOTE_EVERY_MS = 15_000;

export interface SmokeTarget {
  /** Origin of page, API and rooms. */
  url: string;
  flushSecret: string;
  /** As whom it makes its session; null: as a stranger. See {@link smokeUser}. */
  user?: SmokeUser | null;
  /** Whether strangers may make sessions there; true unless it says otherwise. */
  isOpenToStrangers?: boolean;
  /** Where it removes the rows and keys of its own session. */
  stores: {
    databaseUrl: string;
    /** Only where SQL over HTTP isn't answered at Neon's address. */
    fetchEndpoint?: string | undefined;
    redisUrl: string;
    redisToken: string;
    keyPrefix: string;
  };
}

/** How the user's token is signed that the test makes its session with. */
export interface SmokeUser {
  secret: string;
  issuer?: string | undefined;
  audience?: string | undefined;
}

/** By the Worker's variables; null where an identity provider signs users' tokens. */
export function smokeUser(values: Readonly<Record<string, string>>): SmokeUser | null {
  const { JWT_SECRET: secret, JWKS_URL, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = values;
  return secret === undefined || JWKS_URL ? null : { secret, issuer, audience };
}

function tokenOf({ secret, issuer, audience }: SmokeUser): Promise<string> {
  const token = new SignJWT({ name: TITLE })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(SUBJECT)
    .setExpirationTime('10m');
  if (issuer) token.setIssuer(issuer);
  if (audience && audience !== ANY_AUDIENCE) token.setAudience(audience);
  return token.sign(new TextEncoder().encode(secret));
}

/** The one who runs it. */
export interface SmokeWatch {
  /** Is told of what is waited for, and of each thing that worked. */
  note: (line: string) => void;
  /** Ends the wait at once and the test after the step that is under way; what it made is removed even so. */
  signal?: AbortSignal | undefined;
}

/**
 * Waits until the page and `/health` answer.
 * @throws {DeployError} with the last answer, when one doesn't in time.
 */
export function waitUntilUp(
  target: Pick<SmokeTarget, 'url' | 'flushSecret'>,
  { note, signal }: SmokeWatch,
  options: { timeoutMs?: number; pollMs?: number } = {},
): Promise<void> {
  return unlessStopped(untilUp(target, note, options), signal);
}

async function unlessStopped(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  // When it is stopped it goes on for a moment, and its end isn't waited for.
  work.catch(() => {});
  let stop = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(new DeployError(STOPPED));
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
  });
  try {
    await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function untilUp(
  { url: origin, flushSecret }: Pick<SmokeTarget, 'url' | 'flushSecret'>,
  note: (line: string) => void,
  options: { timeoutMs?: number; pollMs?: number },
): Promise<void> {
  const startMs = Date.now();
  const deadlineMs = startMs + (options.timeoutMs ?? UP_TIMEOUT_MS);
  let nextNoteMs = startMs;
  for (const [url, asked, isUp] of [
    // Postgres is asked only for callers who have the secret.
    [`${origin}/health`, { bearer: flushSecret }, (status: number) => status === 200],
    [`${origin}/`, {}, (status: number) => status < 400],
  ] as const) {
    for (;;) {
      const answer = await ask('GET', url, asked).catch((error: unknown) => reasonOf(error));
      if (typeof answer !== 'string' && isUp(answer.status)) break;
      const nowMs = Date.now();
      const last = typeof answer === 'string' ? answer : `${answer.status} ${answer.text.slice(0, 300)}`;
      if (nowMs > deadlineMs) throw new DeployError(`${url} does not come up; its last answer: ${last}`);
      if (nowMs >= nextNoteMs) {
        note(
          `${url} is not up yet (${seconds(nowMs - startMs)} of ${seconds(deadlineMs - startMs)}): ${last}`,
        );
        nextNoteMs = nowMs + NOTE_EVERY_MS;
      }
      await sleep(options.pollMs ?? POLL_MS);
    }
  }
}

const seconds = (ms: number) => `${Math.round(ms / 1_000)} s`;

/**
 * @throws {DeployError} naming the first thing that didn't work. What the test made is removed in any case.
 */
export async function runSmokeTest(target: SmokeTarget, { note, signal }: SmokeWatch): Promise<void> {
  const { user = null, isOpenToStrangers = true } = target;
  if (user === null && !isOpenToStrangers) {
    note('no session was made: it takes an account of your identity provider (ANONYMOUS)');
    return;
  }
  const created = await call('POST', `${target.url}/api/v1/sessions`, createSession.reply, {
    ...(user === null ? {} : { bearer: await tokenOf(user) }),
    body: { title: TITLE, code: '// before', display_name: TITLE },
  });
  const { id } = created;
  note(`session ${id} made`);
  let failure: unknown = null;
  try {
    await tryOut(target, { id, token: created.token }, { note, signal });
  } catch (error) {
    failure = error;
  }
  try {
    await remove(target, id, created.token);
    note('removed');
  } catch (error) {
    const left = `session ${id} could not be removed: ${reasonOf(error)}`;
    // What went wrong first is what has to be mended first.
    if (failure === null) throw new DeployError(left);
    note(left);
  }
  if (failure !== null) throw failure;
}

async function tryOut(
  { url, flushSecret }: SmokeTarget,
  { id, token }: { id: string; token: string },
  { note, signal }: SmokeWatch,
): Promise<void> {
  // Between two steps, as what is under way may still write when all has been removed.
  const told = (line: string) => {
    note(line);
    if (signal?.aborted) throw new DeployError(STOPPED);
  };
  if (signal?.aborted) throw new DeployError(STOPPED);
  const code = `// smoke test\ns("bd sd").fast(${Date.now() % 1_000})`;
  const rev = await edit({ url, sessionId: id, token }, code);
  told('edit acknowledged');
  await flush(`${url}/flush/${id}`, flushSecret, rev);
  told('flushed to Postgres');
  const session = await call('GET', `${url}/api/v1/sessions/${id}`, getSession.reply, { bearer: token });
  if (session.code !== code || session.rev < rev) {
    throw new DeployError(`revision ${session.rev} was read back, and not the code that was acknowledged`);
  }
  note('read back as it was written');
}

/** @returns the revision that was acknowledged. */
async function edit(
  session: { url: string; sessionId: string; token: string },
  code: string,
): Promise<number> {
  const client = new SessionClient({ ...session, WebSocket });
  try {
    const isRefused = (state: string) => state === 'refused' || state === 'closed';
    const { connection } = await untilShown(
      client,
      (snapshot) => snapshot.role !== null || isRefused(snapshot.connection.state),
      'the room to let the host in',
    );
    if (connection.state === 'refused') {
      throw new DeployError(
        `the room refuses its host: ${connection.refusal.status} ${connection.refusal.message}`,
      );
    }
    const clientSeq = client.edit(code, { source: 'typed' });
    const { edits } = await untilShown(
      client,
      (snapshot) => snapshot.edits.some((own) => own.clientSeq === clientSeq && own.status !== 'pending'),
      'the edit to be acknowledged',
    );
    const own = edits.find((candidate) => candidate.clientSeq === clientSeq);
    if (own?.rev == null) throw new DeployError(`the edit was not taken: ${own?.reason ?? own?.status}`);
    return own.rev;
  } finally {
    client.close();
  }
}

async function untilShown(
  client: SessionClient,
  fits: (snapshot: Snapshot) => boolean,
  what: string,
): Promise<Snapshot> {
  try {
    return await until(client, fits, what, STEP_TIMEOUT_MS);
  } catch {
    const { state } = client.snapshot.connection;
    throw new DeployError(
      `waited ${seconds(STEP_TIMEOUT_MS)} for ${what} in vain; the connection to the room is ${state}`,
    );
  }
}

async function flush(url: string, secret: string, rev: number): Promise<void> {
  const deadlineMs = Date.now() + STEP_TIMEOUT_MS;
  for (;;) {
    const flushed = await call('POST', url, flushSession.reply, { bearer: secret });
    if (flushed.flushed_rev >= rev) return;
    // Another sweep may hold the session just now.
    if (Date.now() > deadlineMs) throw new DeployError(`revision ${rev} was not flushed in time`);
    await sleep(POLL_MS / 4);
  }
}

/** Ends the session as its host would, then removes its keys and its rows: no one else has been in it. */
async function remove({ url, stores }: SmokeTarget, id: string, token: string): Promise<void> {
  // The rest goes even where the Worker, which may be what is broken, can't end it.
  await ask('DELETE', `${url}/api/v1/sessions/${id}`, { bearer: token }).catch(() => {});
  const { databaseUrl, fetchEndpoint, redisUrl, redisToken } = stores;
  const keys = keysFor(stores.keyPrefix);
  const redis = new Redis({
    url: redisUrl,
    token: redisToken,
    enableTelemetry: false,
    signal: () => AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  // Before the rows: a sweep that found it dirty and found no row would put it among the dead letters.
  await redis
    .multi()
    .zrem(keys.dirty, id)
    .zrem(keys.active, id)
    .unlink(keys.session(id), keys.messages(id))
    .exec();
  const db = connectNeon({ databaseUrl, fetchEndpoint, timeoutMs: REQUEST_TIMEOUT_MS });
  await db.execute(sql`delete from sessions where id = ${id}::uuid and title = ${TITLE}`);
  await db.execute(sql`delete from users u where u.subject = ${SUBJECT}
    and not exists (select from sessions s where s.host_user_id = u.id)`);
}

interface Asked {
  bearer?: string;
  body?: object;
}

async function call<T extends z.ZodType>(
  method: string,
  url: string,
  schema: T,
  asked: Asked,
): Promise<z.infer<T>> {
  const { status, text } = await ask(method, url, asked).catch((error: unknown) => {
    throw new DeployError(`${method} ${url}: ${reasonOf(error)}`);
  });
  if (status >= 300) throw new DeployError(`${method} ${url}: ${status} ${text.slice(0, 300)}`);
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new DeployError(`${method} ${url}: the answer makes no sense`);
  }
}

async function ask(
  method: string,
  url: string,
  { bearer, body }: Asked = {},
): Promise<{ status: number; text: string }> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  return { status: response.status, text: await response.text() };
}
