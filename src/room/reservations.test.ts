/** A place that a room keeps for somebody on their way: who gets one, and what becomes of it when things change meanwhile. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeStorage, makeGrant, makeRoom, type RoomFixture } from '../../test/support/room.ts';
import { StorageUnavailableError } from '../domain/errors.ts';
import type { AdmissionGrant } from './connections/grant.ts';
import type { RoomRequest } from './handlers/room-command.ts';

const HOLD_MS = 30_000;

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

/** Somebody gets a place, something happens, they arrive. */
async function arrive(fixture: RoomFixture, grant: AdmissionGrant, meanwhile: () => Promise<unknown>) {
  const id = await fixture.reserved(grant);
  await meanwhile();
  return fixture.connect(id, grant.connectionId);
}

describe('a reservation', () => {
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
    ['one that nobody has', randomUUID()],
    ['an empty one', ''],
  ])('is needed: with %s nobody is in', async (_, reservationId) => {
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
    const inTime = await arrive(fixture, grant, async () => vi.advanceTimersByTime(HOLD_MS - 1));
    expect(inTime.all('session_state')).toHaveLength(1);
    const other = makeGrant();
    const late = await arrive(fixture, other, async () => {
      expect((await fixture.reserve({ ...other, connectionId: 'c2' })).status).toBe(429);
      vi.advanceTimersByTime(HOLD_MS);
    });
    expect(late.closed?.code).toBe(1013);
    // The place is free again.
    expect((await fixture.reserve({ ...other, connectionId: 'c3' })).status).toBe(200);
  });

  it('is of one instance: the next one lets nobody in by it', async () => {
    const storage = new FakeStorage();
    const id = await makeRoom(storage).reserved(makeGrant());
    expect((await makeRoom(storage).connect(id)).closed?.code).toBe(1013);
  });
});

describe('a place', () => {
  it('is counted for a person and for an address, however many ask at once', async () => {
    const fixture = makeRoom(undefined, { CONNECTIONS_PER_USER: 2, CONNECTIONS_PER_ADDRESS: 3 });
    const ask = (over: Partial<AdmissionGrant>) => fixture.reserve(makeGrant(over));
    const ofOne = await Promise.all(Array.from({ length: 5 }, () => ask({ participantId: 'ada' })));
    expect(ofOne.map(({ status }) => status).sort()).toEqual([200, 200, 429, 429, 429]);
    const ofOneAddress = await Promise.all(Array.from({ length: 5 }, () => ask({ address: '192.0.2.1' })));
    expect(ofOneAddress.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429, 429]);
    expect(await refusal(await ask({ participantId: 'ada' }))).toEqual([429, 'too_many_requests']);
    expect((await ask({ address: '192.0.2.2' })).status).toBe(200);
  });

  it('is none in a session that there is not, nor while storage is out of reach', async () => {
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
    // None of these was kept.
    fixture.script.open = open;
    expect((await fixture.reserve({ ...grant, connectionId: 'c3' })).status).toBe(200);
  });

  it('is judged by what the room was told since the caller’s standing was read, by any of its instances', async () => {
    const storage = new FakeStorage();
    const [removed, promoted] = [makeGrant(), makeGrant()];
    const first = makeRoom(storage);
    await first.tell({ kind: 'participant_removed', participant_id: removed.participantId });
    await first.tell({
      kind: 'participant_changed',
      participant_id: promoted.participantId,
      role: 'co-author',
    });
    const next = makeRoom(storage);
    expect(await refusal(await next.reserve(removed))).toEqual([403, 'forbidden']);
    const connection = await next.connect(await next.reserved(promoted));
    expect(connection.all('session_state')[0]?.your_role).toBe('co-author');
    // Whoever was found in Postgres after that has been given the place back.
    expect((await next.reserve({ ...removed, knownAtMs: Date.now() + 1 })).status).toBe(200);
  });

  it('is none after the end', async () => {
    const storage = new FakeStorage();
    await makeRoom(storage).tell({ kind: 'ended', reason: 'over' });
    const next = makeRoom(storage);
    const host = makeGrant({ role: 'host', via: 'owner', knownAtMs: Date.now() + 1 });
    expect(await refusal(await next.reserve(host))).toEqual([410, 'not_found']);
  });
});

describe('what the room is told while somebody is on their way', () => {
  const [ada, invite, otherInvite] = [randomUUID(), randomUUID(), randomUUID()];
  const byInvite = { via: 'invite', inviteId: invite } as const;
  const byDiscovery = { via: 'discovery' } as const;
  const removal: RoomRequest = { kind: 'participant_removed', participant_id: ada };
  const roleOf = (role: 'host' | 'co-author' | 'viewer'): RoomRequest => ({
    kind: 'participant_changed',
    participant_id: ada,
    role,
  });
  const revoked: RoomRequest = { kind: 'invite_revoked', invite_id: invite };

  /** A role: they are in with it. A code: their connection is closed with it, after they were told why. */
  const cases: [
    name: string,
    grant: Partial<AdmissionGrant>,
    news: RoomRequest[],
    expected: string | 4403,
  ][] = [
    ['a better role', {}, [roleOf('co-author')], 'co-author'],
    ['a lesser role', { role: 'host' }, [roleOf('viewer')], 'viewer'],
    ['two roles, of which the last counts', {}, [roleOf('host'), roleOf('co-author')], 'co-author'],
    ['their removal', { role: 'host' }, [removal], 4403],
    ['their removal, and a place again', {}, [removal, roleOf('co-author')], 'co-author'],
    ['a place again, and their removal', { role: 'host' }, [removal, roleOf('co-author'), removal], 4403],
    ['somebody else’s removal', {}, [{ ...removal, participant_id: randomUUID() }], 'viewer'],
    ['their invite is revoked', byInvite, [revoked], 4403],
    ['another invite is revoked', { ...byInvite, inviteId: otherInvite }, [revoked], 'viewer'],
    ['an invite is revoked, which they did not need', { inviteId: invite }, [revoked], 'viewer'],
    ['a role of their own, then their invite is revoked', byInvite, [roleOf('viewer'), revoked], 'viewer'],
    ['no more discovery, by which they came', byDiscovery, [{ kind: 'discovery_ended' }], 4403],
    ['no more discovery, by which they did not come', byInvite, [{ kind: 'discovery_ended' }], 'viewer'],
    ['live is over', {}, [{ kind: 'live_ended' }], 4403],
    ['live is over, for the host', { role: 'host', via: 'owner' }, [{ kind: 'live_ended' }], 'host'],
  ];

  it.each(cases)('%s', async (_name, over, news, expected) => {
    const fixture = makeRoom();
    const watcher = await arrive(
      fixture,
      makeGrant({ role: 'host', via: 'owner', displayName: 'Watcher' }),
      async () => {},
    );
    const grant = makeGrant({ participantId: ada, ...over });
    const connection = await arrive(fixture, grant, async () => {
      for (const request of news) expect((await fixture.tell(request)).status).toBe(200);
    });
    if (expected === 4403) {
      expect(connection.all('error').map(({ error }) => error)).toEqual(['forbidden']);
      expect(connection.closed?.code).toBe(4403);
      expect(connection.all('session_state')).toEqual([]);
      expect(watcher.all('user_joined')).toEqual([]);
      expect(connection.state).toBeNull();
    } else {
      expect(connection.all('session_state').map(({ your_role }) => your_role)).toEqual([expected]);
      expect(connection.closed).toBeNull();
      expect(watcher.all('user_joined').map(({ role }) => role)).toEqual([expected]);
    }
  });

  it.each<[string, RoomRequest[]]>([
    ['the end', [{ kind: 'ended', reason: 'over' }]],
    ['the end, and a role that comes too late', [{ kind: 'ended', reason: 'over' }, roleOf('host')]],
  ])('%s', async (_name, news) => {
    const fixture = makeRoom();
    const connection = await arrive(fixture, makeGrant({ participantId: ada, role: 'host' }), async () => {
      for (const request of news) await fixture.tell(request);
    });
    expect(connection.received.map(({ type }) => type)).toEqual(['session_ended']);
    expect(connection.all('session_ended')).toEqual([{ reason: 'over' }]);
    expect(connection.closed?.code).toBe(1000);
  });
});

describe('an instruction', () => {
  it('answers with the number of connections that it concerned; those on their way are none yet', async () => {
    const fixture = makeRoom();
    const ada = makeGrant();
    const tabs = [
      await arrive(fixture, { ...ada, connectionId: 'c1' }, async () => {}),
      await arrive(fixture, { ...ada, connectionId: 'c2' }, async () => {}),
    ];
    await fixture.reserved({ ...ada, connectionId: 'c3' });
    const remove = async () => {
      const answer = await fixture.tell({ kind: 'participant_removed', participant_id: ada.participantId });
      return answer.json();
    };
    expect(await remove()).toEqual({ delivered: 2 });
    expect(tabs.map(({ closed }) => closed?.code)).toEqual([4403, 4403]);
    expect(await remove()).toEqual({ delivered: 0 });
  });

  it.each([
    ['not json'],
    [{ kind: 'no such' }],
    [{ kind: 'participant_changed', participant_id: 'x', role: 'host' }],
    [{ kind: 'participant_changed', participant_id: randomUUID(), role: 'owner' }],
    [{ kind: 'set_code', code: 'a\u0000b', user_id: null, display_name: 'Ada', role: 'host' }],
  ])('is refused when it is none: %j', async (body) => {
    expect((await makeRoom().ask('/instruct', body)).status).toBe(400);
  });

  it('to set code needs a session that goes on', async () => {
    const request: RoomRequest = {
      kind: 'set_code',
      code: 'set',
      user_id: null,
      display_name: 'Ada',
      role: 'host',
    };
    const fixture = makeRoom();
    const { open } = fixture.script;
    fixture.script.open = async () => null;
    expect(await refusal(await fixture.tell(request))).toEqual([404, 'not_found']);
    fixture.script.open = open;
    expect(await (await fixture.tell(request)).json()).toEqual({ rev: 1, durable: 'buffer' });
    await fixture.tell({ kind: 'ended', reason: 'over' });
    expect(await refusal(await fixture.tell(request))).toEqual([410, 'not_found']);
  });

  it('is known from any other request', async () => {
    expect(await refusal(await makeRoom().ask('/nope', {}))).toEqual([404, 'not_found']);
    expect(await refusal(await makeRoom().ask('/', {}))).toEqual([404, 'not_found']);
  });
});
