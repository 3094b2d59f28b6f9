/** Who gets a place in a room, and how long it is kept. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeStorage, makeGrant, makeRoom, type RoomFixture } from '../../../test/support/room.ts';
import { StorageUnavailableError } from '../../domain/errors.ts';
import { FLOOD_BAN_MS, PING_TIMEOUT_MS } from '../../protocol/index.ts';
import type { AdmissionGrant } from './grant.ts';

const RESERVATION_MS = 30_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Status and error code of an answer. */
const refusal = async (answer: Response) => [
  answer.status,
  ((await answer.json()) as { error: string }).error,
];

/** A caller gets a reservation, something happens, and their connection arrives. */
async function arrive(fixture: RoomFixture, grant: AdmissionGrant, meanwhile: () => Promise<unknown>) {
  const id = await fixture.reserved(grant);
  await meanwhile();
  return fixture.connect(id, grant.connectionId);
}

describe('a reservation', () => {
  it('that is given back has presence written again: Postgres may show its participant as present', async () => {
    const { reserved, command, presence } = makeRoom();
    const id = await reserved(makeGrant());
    await vi.advanceTimersByTimeAsync(2_000);
    expect(presence).toEqual([[]]);
    await command({ kind: 'release', reservation_id: id });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(presence).toEqual([[], []]);
  });

  it('lets its connection in, once', async () => {
    const fixture = makeRoom();
    const host = await arrive(fixture, makeGrant({ role: 'host', displayName: 'Ada' }), async () => {});
    const grant = makeGrant({ role: 'co-author', displayName: 'Ben', token: 'to come back with' });
    const id = await fixture.reserved(grant);
    const ben = await fixture.connect(id, grant.connectionId);
    expect(ben.all('session_state')).toEqual([
      expect.objectContaining({
        code: 'start',
        your_role: 'co-author',
        your_display_name: 'Ben',
        token: 'to come back with',
      }),
    ]);
    expect(host.all('user_joined').map(({ display_name }) => display_name)).toEqual(['Ben']);
    const again = await fixture.connect(id, grant.connectionId);
    expect(again.closed?.code).toBe(1013);
    expect(again.received).toEqual([]);
    expect(ben.closed).toBeNull();
  });

  it.each([
    ['none', null],
    ['an unknown one', randomUUID()],
    ['an empty one', ''],
  ])('is needed: with %s no connection joins', async (_, reservationId) => {
    const fixture = makeRoom();
    const eve = await fixture.connect(reservationId);
    expect(eve.closed).toEqual({ code: 1013, reason: 'not admitted' });
    expect(eve.received).toEqual([]);
    await fixture.room.onMessage(
      eve,
      JSON.stringify({ type: 'chat_message', payload: { message: 'let me in' } }),
    );
    expect(eve.received).toEqual([]);
  });

  it('is kept for half a minute', async () => {
    const fixture = makeRoom(undefined, { CONNECTIONS_PER_USER: 1 });
    const grant = makeGrant();
    const inTime = await arrive(fixture, grant, async () => vi.advanceTimersByTime(RESERVATION_MS - 1));
    expect(inTime.all('session_state')).toHaveLength(1);
    const other = makeGrant();
    const late = await arrive(fixture, other, async () => {
      expect((await fixture.reserve({ ...other, connectionId: 'c2' })).status).toBe(429);
      vi.advanceTimersByTime(RESERVATION_MS);
    });
    expect(late.closed?.code).toBe(1013);
    // The place is free again.
    expect((await fixture.reserve({ ...other, connectionId: 'c3' })).status).toBe(200);
  });

  it('is one instance’s: the next one accepts no connection by it', async () => {
    const storage = new FakeStorage();
    const id = await makeRoom(storage).reserved(makeGrant());
    expect((await makeRoom(storage).connect(id)).closed?.code).toBe(1013);
  });
});

describe('a place', () => {
  it('is counted for a participant and for an address, however many callers come at once', async () => {
    const fixture = makeRoom(undefined, { CONNECTIONS_PER_USER: 2, WATCHERS_PER_ADDRESS: 3 });
    const ask = (over: Partial<AdmissionGrant>) => fixture.reserve(makeGrant(over));
    const ofOne = await Promise.all(Array.from({ length: 5 }, () => ask({ participantId: 'ada' })));
    expect(ofOne.map(({ status }) => status).sort()).toEqual([200, 200, 429, 429, 429]);
    const ofOneAddress = await Promise.all(Array.from({ length: 5 }, () => ask({ address: '192.0.2.1' })));
    expect(ofOneAddress.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429, 429]);
    expect(await refusal(await ask({ participantId: 'ada' }))).toEqual([429, 'too_many_requests']);
    expect((await ask({ address: '192.0.2.2' })).status).toBe(200);
  });

  it('is refused where there is no such session, and while storage is out of reach', async () => {
    const fixture = makeRoom(undefined, { CONNECTIONS_PER_USER: 1 });
    const grant = makeGrant();
    const { open } = fixture.script;
    fixture.script.open = async () => null;
    expect(await refusal(await fixture.reserve(grant))).toEqual([404, 'not_found']);
    fixture.script.open = () => Promise.reject(new StorageUnavailableError('redis', 'down'));
    expect(await refusal(await fixture.reserve({ ...grant, connectionId: 'c2' }))).toEqual([
      503,
      'server_error',
    ]);
    // No reservation was kept for these.
    fixture.script.open = open;
    expect((await fixture.reserve({ ...grant, connectionId: 'c3' })).status).toBe(200);
  });

  it('depends on the commands since the caller’s access was read, whichever instance got them', async () => {
    const storage = new FakeStorage();
    const [removed, promoted] = [makeGrant(), makeGrant()];
    const first = makeRoom(storage);
    await first.command({ kind: 'participant_removed', participant_id: removed.participantId });
    await first.command({
      kind: 'participant_changed',
      participant_id: promoted.participantId,
      role: 'co-author',
    });
    const next = makeRoom(storage);
    expect(await refusal(await next.reserve(removed))).toEqual([403, 'forbidden']);
    const connection = await next.connect(await next.reserved(promoted));
    expect(connection.all('session_state')[0]?.your_role).toBe('co-author');
    // A caller whom Postgres admitted after that has got their access back.
    expect((await next.reserve({ ...removed, knownAtMs: Date.now() + 1 })).status).toBe(200);
  });

  it('is refused after the end', async () => {
    const storage = new FakeStorage();
    await makeRoom(storage).command({ kind: 'ended', reason: 'over' });
    const next = makeRoom(storage);
    const host = makeGrant({ role: 'host', joinMethod: 'owner', knownAtMs: Date.now() + 1 });
    expect(await refusal(await next.reserve(host))).toEqual([410, 'not_found']);
  });

  it('is free again once the connection that has it was idle for too long', async () => {
    const fixture = makeRoom(undefined, { WATCHERS_PER_ADDRESS: 1 });
    const here = { address: '192.0.2.1' };
    const idle = await arrive(fixture, makeGrant(here), async () => {});
    await fixture.room.onMessage(idle, '{"type":"ping"}');
    vi.advanceTimersByTime(PING_TIMEOUT_MS - 1);
    expect((await fixture.reserve(makeGrant(here))).status).toBe(429);
    vi.advanceTimersByTime(1);
    expect((await fixture.reserve(makeGrant(here))).status).toBe(200);
    expect(idle.closed?.code).toBe(1001);
  });

  it('is refused to a participant who flooded the room, for as long as the ban lasts', async () => {
    const fixture = makeRoom();
    const eve = makeGrant();
    const connection = await arrive(fixture, eve, async () => {});
    for (let i = 0; connection.closed === null; i++) {
      expect(i).toBeLessThan(1_000);
      await fixture.room.onMessage(connection, '{"type":"ping"}');
    }
    expect(connection.closed.code).toBe(1008);
    const refused = await fixture.reserve(eve);
    expect(await refusal(refused)).toEqual([429, 'too_many_requests']);
    expect(refused.headers.get('retry-after')).toBe(`${FLOOD_BAN_MS / 1_000}`);
    expect((await fixture.reserve(makeGrant())).status).toBe(200);
    vi.advanceTimersByTime(FLOOD_BAN_MS - 1);
    expect((await fixture.reserve(eve)).status).toBe(429);
    vi.advanceTimersByTime(1);
    expect((await fixture.reserve(eve)).status).toBe(200);
  });
});
