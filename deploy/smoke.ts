/**
 * One session from its beginning to its end over the public URLs: made, edited, acknowledged, flushed, read back, removed.
 * It passes only when the rooms, the Worker, Redis and Postgres work together.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from '@upstash/redis';
import { sql } from 'drizzle-orm';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { messageOf } from '../dev/errors.ts';
import { keysFor } from '../src/buffer/keys.ts';
import { SessionClient } from '../src/client/session-client.ts';
import { until } from '../src/client/until.ts';
import { connectNeon } from '../src/sessions/neon.ts';
import { DeployError } from './errors.ts';

const TITLE = 'Backbeat smoke test';
const REQUEST_TIMEOUT_MS = 30_000;
const POLL_MS = 2_000;
/** A new host name may take two minutes to be known and to have its certificate. */
const UP_TIMEOUT_MS = 300_000;
const STEP_TIMEOUT_MS = 60_000;

export interface SmokeTarget {
  workerUrl: string;
  roomUrl: string;
  flushSecret: string;
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

/**
 * Waits until both answer.
 * @throws {DeployError} with the last answer, when one doesn't in time.
 */
export async function waitUntilUp(
  { workerUrl, roomUrl }: Pick<SmokeTarget, 'workerUrl' | 'roomUrl'>,
  options: { timeoutMs?: number; pollMs?: number } = {},
): Promise<void> {
  const deadlineMs = Date.now() + (options.timeoutMs ?? UP_TIMEOUT_MS);
  for (const [url, isUp] of [
    [`${workerUrl}/health`, (status: number) => status === 200],
    [`${roomUrl}/`, (status: number) => status < 400],
  ] as const) {
    for (;;) {
      const answer = await ask('GET', url).catch((error: unknown) => messageOf(error));
      if (typeof answer !== 'string' && isUp(answer.status)) break;
      if (Date.now() > deadlineMs) {
        const last = typeof answer === 'string' ? answer : `${answer.status} ${answer.text.slice(0, 300)}`;
        throw new DeployError(`${url} does not come up; its last answer: ${last}`);
      }
      await sleep(options.pollMs ?? POLL_MS);
    }
  }
}

const createdSchema = z.object({ session: z.object({ id: z.uuid() }), token: z.string().min(1) });
const flushedSchema = z.object({ flushed_rev: z.number().int(), is_dirty: z.boolean() });
const readSchema = z.object({ session: z.object({ code: z.string(), rev: z.number().int() }) });

/**
 * @param note is told of each thing that worked.
 * @throws {DeployError} naming the first that didn't. What the test made is removed in any case.
 */
export async function runSmokeTest(target: SmokeTarget, note: (line: string) => void): Promise<void> {
  const { workerUrl, roomUrl, flushSecret } = target;
  const code = `// smoke test\ns("bd sd").fast(${Date.now() % 1_000})`;
  const created = await call('POST', `${workerUrl}/api/v1/sessions`, createdSchema, {
    body: { title: TITLE, code: '// before', display_name: TITLE },
  });
  const { id } = created.session;
  note(`session ${id} made`);
  try {
    const rev = await edit({ url: roomUrl, sessionId: id, token: created.token }, code);
    note(`edit acknowledged as revision ${rev}`);
    await flush(`${workerUrl}/flush/${id}`, flushSecret, rev);
    note('flushed to Postgres');
    const { session } = await call('GET', `${workerUrl}/api/v1/sessions/${id}`, readSchema, {
      bearer: created.token,
    });
    if (session.code !== code || session.rev < rev) {
      throw new DeployError(`revision ${session.rev} was read back, and not the code that was acknowledged`);
    }
    note('read back as it was written');
  } finally {
    await remove(target, id, created.token);
    note('removed');
  }
}

/** @returns the revision that was acknowledged. */
async function edit(
  session: { url: string; sessionId: string; token: string },
  code: string,
): Promise<number> {
  const client = new SessionClient({ ...session, WebSocket });
  try {
    const isRefused = (state: string) => state === 'refused' || state === 'closed';
    const { connection } = await until(
      client,
      (snapshot) => snapshot.role !== null || isRefused(snapshot.connection.state),
      'the room to let the host in',
      STEP_TIMEOUT_MS,
    );
    if (connection.state === 'refused') {
      throw new DeployError(
        `the room refuses its host: ${connection.refusal.status} ${connection.refusal.message}`,
      );
    }
    const requestId = client.edit(code, { source: 'typed' });
    const { edits } = await until(
      client,
      (snapshot) => snapshot.edits.some((own) => own.requestId === requestId && own.status !== 'pending'),
      'the edit to be acknowledged',
      STEP_TIMEOUT_MS,
    );
    const own = edits.find((candidate) => candidate.requestId === requestId);
    if (own?.rev == null) throw new DeployError(`the edit was not taken: ${own?.reason ?? own?.status}`);
    return own.rev;
  } finally {
    client.close();
  }
}

async function flush(url: string, secret: string, rev: number): Promise<void> {
  const deadlineMs = Date.now() + STEP_TIMEOUT_MS;
  for (;;) {
    const flushed = await call('POST', url, flushedSchema, { bearer: secret });
    if (flushed.flushed_rev >= rev) return;
    // Another sweep may hold the session just now.
    if (Date.now() > deadlineMs) throw new DeployError(`revision ${rev} was not flushed in time`);
    await sleep(POLL_MS / 4);
  }
}

/** Ends the session as its host would, then removes its rows and keys: nobody else has been in it. */
async function remove({ workerUrl, stores }: SmokeTarget, id: string, token: string): Promise<void> {
  await ask('DELETE', `${workerUrl}/api/v1/sessions/${id}`, { bearer: token });
  const { databaseUrl, fetchEndpoint, redisUrl, redisToken } = stores;
  const db = connectNeon({ databaseUrl, fetchEndpoint, timeoutMs: REQUEST_TIMEOUT_MS });
  await db.execute(sql`delete from sessions where id = ${id}::uuid and title = ${TITLE}`);
  const keys = keysFor(stores.keyPrefix);
  const redis = new Redis({ url: redisUrl, token: redisToken, enableTelemetry: false });
  await redis.unlink(keys.session(id), keys.messages(id));
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
    throw new DeployError(`${method} ${url}: ${messageOf(error)}`);
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
