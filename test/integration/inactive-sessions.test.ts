/**
 * Sessions in which nothing happens any more are ended by the cron: over real stores, with rooms that only
 * take note.
 */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { StorageUnavailableError } from '../../src/domain/errors.ts';
import { RoomUnavailableError } from '../../src/worker/room-client.ts';
import { cronTurn, type TurnPorts } from '../../src/worker/scheduled.ts';
import { type Api, startApi } from '../support/api.ts';
import { makeCommit } from '../support/commits.ts';

const HALF_AN_HOUR_MS = 1_800_000;

let api: Api;
let logged: string[];
beforeAll(async () => {
  // Each turn looks.
  api = await startApi({ INACTIVE_CHECK_MS: '1', KEY_PREFIX: 'quiet:' });
});
afterAll(async () => {
  await api?.stop();
});
beforeEach(() => {
  api.told.length = 0;
  api.failRooms(null);
  logged = [];
  for (const method of ['log', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((line) => logged.push(String(line)));
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

// The sweeper ends at once: it is long past its time.
/** No turn in which sessions that ended long ago are looked for. */
const NOT_OF_RETENTION_MS = 60_000;

const turn = (over: Partial<TurnPorts> = {}, maxRequests?: number) =>
  cronTurn({ ...api.turnPorts(maxRequests), afterMs: HALF_AN_HOUR_MS, ...over }, NOT_OF_RETENTION_MS);

/** A session that a room opened, with nothing in it for some minutes, as far as each store knows. */
async function quiet({ buffer, postgres }: { buffer: number | null; postgres: number }): Promise<string> {
  const session = (await api.call('/api/v1/sessions', { body: { code: 'x' } })).json;
  if (buffer !== null)
    await api.redis('ZADD', 'quiet:active', String(Date.now() - buffer * 60_000), session.id);
  await api.db.execute(
    sql`update sessions set last_activity = now() - make_interval(mins => ${postgres}::integer),
      created_at = now() - make_interval(mins => ${postgres}::integer) where id = ${session.id}::uuid`,
  );
  return session.id;
}

const isActive = async (id: string) => (await api.services.repository.getSession(id))?.isActive;
const toldEnd = () =>
  api.told.flatMap(({ sessionId, request }) => (request.kind === 'ended' ? [sessionId] : []));
const isKnown = async (id: string) => (await api.redis('ZSCORE', 'quiet:active', id)) !== null;

describe('a session that was quiet for half an hour', () => {
  it('is ended, its room told, and others go on', async () => {
    const over = await quiet({ buffer: 31, postgres: 31 });
    const young = await quiet({ buffer: 29, postgres: 29 });
    await turn();
    expect([await isActive(over), await isActive(young)]).toEqual([false, true]);
    expect(toldEnd()).toEqual([over]);
    expect([await isKnown(over), await isKnown(young)]).toEqual([false, true]);
    expect(logged.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'info', event: 'inactive_sessions', ended: 1, untold: 0 },
    ]);
    await turn();
    expect(toldEnd()).toEqual([over]);
  });

  it('is flushed first', async () => {
    const id = await quiet({ buffer: null, postgres: 31 });
    const old = Date.now() - 31 * 60_000;
    await api.buffer.open(id, 1, 1_000);
    await api.buffer.commit(makeCommit({ sessionId: id, text: 'last words', code: { editedAtMs: old } }));
    await api.redis('ZADD', 'quiet:active', String(old), id);
    const order: string[] = [];
    const ports = api.turnPorts();
    const { flusher, directory } = ports;
    const run = await turn({
      ...ports,
      flusher: {
        runTurn: (turn) => flusher.runTurn(turn),
        flushSessions: async (ids, budget) => {
          order.push('flush');
          return flusher.flushSessions(ids, budget);
        },
      },
      directory: {
        inactive: () => Promise.resolve([]),
        endInactive: async (ids, ms) => {
          order.push('end');
          return directory.endInactive(ids, ms);
        },
      },
    });
    // The session's room may flush it for some seconds yet: the sweeper doesn't get to it.
    expect(run).toMatchObject({ outcome: 'left_to_rooms', inactive: [id] });
    expect(order).toEqual(['flush', 'end']);
    const { rows } = await api.db.execute(sql`select code, is_active from sessions where id = ${id}::uuid`);
    expect(rows).toEqual([{ code: 'last words', is_active: false }]);
  });

  it('goes on when Postgres knows of something younger, which the buffer then knows too', async () => {
    const id = await quiet({ buffer: 31, postgres: 1 });
    await turn();
    expect(await isActive(id)).toBe(true);
    expect(toldEnd()).not.toContain(id);
    const score = Number(await api.redis('ZSCORE', 'quiet:active', id));
    expect(Math.abs(score - (Date.now() - 60_000))).toBeLessThan(30_000);
  });

  it('is told again when its room could not be reached', async () => {
    const id = await quiet({ buffer: 31, postgres: 31 });
    api.failRooms(new RoomUnavailableError('no answer'));
    await turn();
    expect([await isActive(id), await isKnown(id)]).toEqual([false, true]);
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({ level: 'error', untold: 1 });
    api.failRooms(null);
    await turn();
    expect(toldEnd()).toEqual([id]);
    expect(await isKnown(id)).toBe(false);
  });

  it('is left for the next look when Postgres is out of reach', async () => {
    const id = await quiet({ buffer: 31, postgres: 31 });
    const down = () => Promise.reject(new StorageUnavailableError('postgres', 'timed out'));
    await turn({ directory: { endInactive: down, inactive: down } });
    expect([await isActive(id), await isKnown(id)]).toEqual([true, true]);
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({ level: 'error', failure: 'postgres: timed out' });
    await turn();
    expect(await isActive(id)).toBe(false);
  });

  it('is found in Postgres too, if the buffer never heard of it', async () => {
    const unknown = await quiet({ buffer: null, postgres: 45 });
    const listened = await quiet({ buffer: 1, postgres: 45 });
    await quiet({ buffer: 31, postgres: 31 });
    await turn();
    expect([await isKnown(unknown), await isActive(unknown)]).toEqual([true, true]);
    await turn();
    expect([await isKnown(unknown), await isActive(unknown)]).toEqual([false, false]);
    // Somebody opened this one a minute ago.
    expect(await isActive(listened)).toBe(true);
  });

  it('need not exist any more', async () => {
    const id = randomUUID();
    await api.redis('ZADD', 'quiet:active', '1', id);
    await turn();
    expect(await isKnown(id)).toBe(false);
    expect(toldEnd()).toEqual([]);
  });
});

it('with the sessions go the places of anonymous people that have expired', async () => {
  const session = (await api.call('/api/v1/sessions', { body: {} })).json;
  const { id } = await api.place(session.id, 'viewer');
  await api.db.execute(sql`update anonymous_participants set expires_at = now() where id = ${id}::uuid`);
  await quiet({ buffer: 31, postgres: 31 });
  await turn();
  const { rows } = await api.db.execute(sql`select id from anonymous_participants where id = ${id}::uuid`);
  expect(rows).toEqual([]);
});

it('a system with only quiet, clean sessions costs one command a turn, and no Postgres', async () => {
  await quiet({ buffer: 1, postgres: 1 });
  const touched = vi.fn(() => Promise.reject(new Error('not to be touched')));
  const sent = vi.spyOn(globalThis, 'fetch');
  const run = await turn({
    people: { deleteExpired: touched },
    directory: { endInactive: touched, inactive: touched },
    buffer: { track: touched, untrack: touched },
  });
  expect(run).toMatchObject({ outcome: 'idle', requests: 1 });
  expect(sent).toHaveBeenCalledTimes(1);
  expect(touched).not.toHaveBeenCalled();
});

describe('the requests of a turn', () => {
  it('are counted, each of them, to whichever store or room', async () => {
    const over = await Promise.all(Array.from({ length: 3 }, () => quiet({ buffer: 31, postgres: 31 })));
    const sent = vi.spyOn(globalThis, 'fetch');
    const run = await turn();
    expect(run).toMatchObject({ outcome: 'idle', ending: { ended: over.length, left: 0, failure: null } });
    // Rooms are told by a stand-in here.
    expect(run.requests).toBe(sent.mock.calls.length + over.length);
    expect(run.requests).toBeGreaterThan(over.length + 5);
  });

  it('are kept within, and the next turns end the rest', async () => {
    const over = await Promise.all(Array.from({ length: 12 }, () => quiet({ buffer: 31, postgres: 31 })));
    const sent = vi.spyOn(globalThis, 'fetch');
    let turns = 0;
    for (; toldEnd().length < over.length; turns++) {
      expect(turns).toBeLessThan(6);
      const [asked, told] = [sent.mock.calls.length, toldEnd().length];
      const run = await turn({}, 22);
      expect(run.requests).toBe(sent.mock.calls.length - asked + toldEnd().length - told);
      expect(run.requests).toBeLessThanOrEqual(22);
    }
    expect(turns).toBeGreaterThan(1);
    expect(new Set(toldEnd())).toEqual(new Set(over));
    for (const id of over) expect([await isActive(id), await isKnown(id)]).toEqual([false, false]);
  });
});
