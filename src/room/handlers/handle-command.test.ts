/** What commands do to participants, and to callers who have a reservation and no connection yet. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { rev } from '../../../test/support/live-session.ts';
import { FakeStorage, makeGrant, makeRoom, type RoomFixture } from '../../../test/support/room.ts';
import { MAX_LISTED_PARTICIPANTS } from '../../protocol/index.ts';
import type { AdmissionGrant } from '../connections/grant.ts';
import type { RoomCommand } from './room-command.ts';

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

describe('a command while a caller has a reservation', () => {
  const [ada, invite, otherInvite] = [randomUUID(), randomUUID(), randomUUID()];
  const byInvite = { joinMethod: 'invite', inviteId: invite } as const;
  const byDiscovery = { joinMethod: 'discovery' } as const;
  const removal: RoomCommand = { kind: 'participant_removed', participant_id: ada };
  const roleOf = (role: 'host' | 'co-author' | 'viewer'): RoomCommand => ({
    kind: 'participant_changed',
    participant_id: ada,
    role,
  });
  const user = randomUUID();
  const deletion: RoomCommand = {
    kind: 'account_deleted',
    user_id: user,
    participant_ids: [],
    display_names: [],
  };
  const revoked: RoomCommand = { kind: 'invite_revoked', invite_id: invite };

  /** A role: they join with it. A code: their connection is closed with it, after a message that says why. */
  const cases: [
    name: string,
    grant: Partial<AdmissionGrant>,
    commands: RoomCommand[],
    expected: string | 4403 | 1000,
  ][] = [
    ['a better role', {}, [roleOf('co-author')], 'co-author'],
    ['a lesser role', { role: 'host' }, [roleOf('viewer')], 'viewer'],
    ['two roles, of which the last counts', {}, [roleOf('host'), roleOf('co-author')], 'co-author'],
    ['their removal', { role: 'host' }, [removal], 4403],
    ['their removal, and a role again', {}, [removal, roleOf('co-author')], 'co-author'],
    ['a role again, and their removal', { role: 'host' }, [removal, roleOf('co-author'), removal], 4403],
    ['another participant’s removal', {}, [{ ...removal, participant_id: randomUUID() }], 'viewer'],
    ['their invite is revoked', byInvite, [revoked], 4403],
    ['another invite is revoked', { ...byInvite, inviteId: otherInvite }, [revoked], 'viewer'],
    ['an invite is revoked, which they did not need', { inviteId: invite }, [revoked], 'viewer'],
    ['a role of their own, then their invite is revoked', byInvite, [roleOf('viewer'), revoked], 'viewer'],
    ['no more discovery, by which they joined', byDiscovery, [{ kind: 'discovery_ended' }], 4403],
    ['no more discovery, by which they did not join', byInvite, [{ kind: 'discovery_ended' }], 'viewer'],
    ['their account is deleted', { userId: user }, [deletion], 4403],
    ['another account is deleted', { userId: randomUUID() }, [deletion], 'viewer'],
    ['live is over', {}, [{ kind: 'live_ended' }], 1000],
    ['live is over, for the host', { role: 'host', joinMethod: 'owner' }, [{ kind: 'live_ended' }], 'host'],
  ];

  it.each(cases)('%s', async (_name, over, commands, expected) => {
    const fixture = makeRoom();
    const watcher = await arrive(
      fixture,
      makeGrant({ role: 'host', joinMethod: 'owner', displayName: 'Watcher' }),
      async () => {},
    );
    const grant = makeGrant({ participantId: ada, ...over });
    const connection = await arrive(fixture, grant, async () => {
      for (const command of commands) expect((await fixture.command(command)).status).toBe(200);
    });
    if (typeof expected === 'number') {
      const isEnd = expected === 1000;
      expect(connection.all('error').map(({ error }) => error)).toEqual(isEnd ? [] : ['forbidden']);
      expect(connection.all('session_ended')).toEqual(
        isEnd ? [{ reason: 'the live session is over', goes_on: true }] : [],
      );
      expect(connection.closed?.code).toBe(expected);
      expect(connection.all('session_state')).toEqual([]);
      expect(watcher.all('user_joined')).toEqual([]);
      expect(connection.state).toBeNull();
    } else {
      expect(connection.all('session_state').map(({ your_role }) => your_role)).toEqual([expected]);
      expect(connection.closed).toBeNull();
      expect(watcher.all('user_joined').map(({ role }) => role)).toEqual([expected]);
    }
  });

  it.each<[string, RoomCommand[]]>([
    ['the end', [{ kind: 'ended', reason: 'over' }]],
    ['the end, and a role that comes too late', [{ kind: 'ended', reason: 'over' }, roleOf('host')]],
  ])('%s', async (_name, commands) => {
    const fixture = makeRoom();
    const connection = await arrive(fixture, makeGrant({ participantId: ada, role: 'host' }), async () => {
      for (const command of commands) await fixture.command(command);
    });
    expect(connection.received.map(({ type }) => type)).toEqual(['session_ended']);
    expect(connection.all('session_ended')).toEqual([{ reason: 'over' }]);
    expect(connection.closed?.code).toBe(1000);
  });
});

it('a host who signs in on their way arrives as the user they are, and so does one who is there', async () => {
  const fixture = makeRoom();
  const [ada, userId] = [randomUUID(), randomUUID()];
  const signedIn: RoomCommand = {
    kind: 'host_signed_in',
    participant_id: ada,
    user_id: userId,
    avatar_url: 'https://pictures.example/1.png',
  };
  const guest = await arrive(fixture, makeGrant({ displayName: 'Guest' }), async () => {});
  const grant = makeGrant({ participantId: ada, role: 'host', joinMethod: 'owner' });
  const there = await arrive(fixture, { ...grant, connectionId: 'there' }, async () => {});
  const coming = await arrive(fixture, { ...grant, connectionId: 'coming' }, () => fixture.command(signedIn));
  for (const { state } of [there, coming]) {
    expect(state).toMatchObject({ userId, avatarUrl: 'https://pictures.example/1.png', role: 'host' });
  }
  expect(there.closed).toBeNull();
  expect(guest.state).toMatchObject({ userId: null });
  expect(guest.all('user_joined').at(-1)).toMatchObject({ participant_id: ada, user_id: userId });
});

describe('a new name', () => {
  const ada = randomUUID();
  const renamed = (display_name: string): RoomCommand => ({
    kind: 'participant_renamed',
    participant_id: ada,
    display_name,
  });
  const join = (fixture: RoomFixture, over: Partial<AdmissionGrant> = {}) =>
    arrive(fixture, makeGrant({ edits: 'changes', ...over }), async () => {});

  it('is everybody’s at once: in lists, at carets, of one on the way, and of what is said from then on', async () => {
    const fixture = makeRoom();
    const writer = await join(fixture, { participantId: ada, role: 'co-author' });
    const ben = await join(fixture, { displayName: 'Ben' });
    const say = (message: string) =>
      fixture.room.onMessage(writer, JSON.stringify({ type: 'chat_message', payload: { message } }));
    const cursor = { line: 1, col: 1, anchor: 1, head: 1, rev: 0 };
    await fixture.room.onMessage(writer, JSON.stringify({ type: 'cursor_position', payload: cursor }));
    await say('as Ada');
    const grant = makeGrant({ participantId: ada, role: 'co-author', connectionId: 'tab' });
    const tab = await arrive(fixture, grant, () => fixture.command(renamed('Ana')));
    await say('as Ana');
    expect(ben.all('user_joined').at(-1)).toMatchObject({
      participant_id: ada,
      display_name: 'Ana',
      color: 0,
    });
    expect(ben.all('chat_message').map(({ display_name }) => display_name)).toEqual(['Ada', 'Ana']);
    // Their own pages know it by the state.
    expect(writer.all('user_joined').filter(({ participant_id }) => participant_id === ada)).toEqual([]);
    for (const own of [writer, tab]) {
      expect(own.all('session_state').at(-1)).toMatchObject({ your_display_name: 'Ana' });
    }
    const late = (await join(fixture)).all('session_state').at(-1);
    expect(late?.participants.map(({ display_name }) => display_name).sort()).toEqual(['Ada', 'Ana', 'Ben']);
    expect(late?.selections).toMatchObject([{ participant_id: ada, display_name: 'Ana' }]);
  });

  it('of a watcher who is only counted is told to that watcher alone', async () => {
    const fixture = makeRoom();
    for (let i = 0; i < MAX_LISTED_PARTICIPANTS; i += 1) await join(fixture);
    const watcher = await join(fixture, { participantId: ada });
    const [first] = fixture.connections;
    const before = first?.received.length;
    await fixture.command(renamed('Ana'));
    expect(first?.received).toHaveLength(before ?? -1);
    expect(watcher.all('session_state').at(-1)).toMatchObject({ your_display_name: 'Ana' });
  });

  it('that is a guest’s gets a number where another participant has it', async () => {
    const fixture = makeRoom();
    await join(fixture, { displayName: 'Anonymous viewer' });
    const watcher = await join(fixture, { participantId: ada });
    await fixture.command(renamed('Anonymous viewer'));
    expect(watcher.state?.displayName).toBe('Anonymous viewer 2');
    await fixture.command(renamed('Ana'));
    expect(watcher.state?.displayName).toBe('Ana');
  });

  it('of a participant who isn’t connected is told to no connection', async () => {
    const fixture = makeRoom();
    const ben = await join(fixture);
    expect(await (await fixture.command(renamed('Ana'))).json()).toEqual({ delivered: 0 });
    expect(ben.all('user_joined')).toEqual([]);
  });
});

describe('a command', () => {
  it('that the session was deleted makes the room forget what it keeps of it', async () => {
    const storage = new FakeStorage();
    const fixture = makeRoom(storage);
    await fixture.command({ kind: 'created' });
    await fixture.command({ kind: 'ended', reason: 'over' });
    expect(storage.values.size).toBeGreaterThan(0);
    expect((await fixture.command({ kind: 'deleted' })).status).toBe(200);
    expect(storage.values.size).toBe(0);
  });

  it('is answered with the number of connections that it concerned; a reservation is none yet', async () => {
    const fixture = makeRoom();
    const ada = makeGrant();
    const tabs = [
      await arrive(fixture, { ...ada, connectionId: 'c1' }, async () => {}),
      await arrive(fixture, { ...ada, connectionId: 'c2' }, async () => {}),
    ];
    await fixture.reserved({ ...ada, connectionId: 'c3' });
    const remove = async () => {
      const answer = await fixture.command({
        kind: 'participant_removed',
        participant_id: ada.participantId,
      });
      return answer.json();
    };
    expect(await remove()).toEqual({ delivered: 2 });
    expect(tabs.map(({ closed }) => closed?.code)).toEqual([4403, 4403]);
    expect(await remove()).toEqual({ delivered: 0 });
  });

  it('releases a reserved place, once; the connection that comes for it is refused', async () => {
    const fixture = makeRoom(undefined, { WATCHERS_PER_ADDRESS: 1 });
    const grant = makeGrant({ address: '192.0.2.1' });
    const other = makeGrant({ address: '192.0.2.1' });
    const id = await fixture.reserved(grant);
    expect((await fixture.reserve(other)).status).toBe(429);
    const release = async (reservationId: string) =>
      (await fixture.command({ kind: 'release', reservation_id: reservationId })).json();
    expect(await release(randomUUID())).toEqual({ delivered: 0 });
    expect((await fixture.reserve(other)).status).toBe(429);
    expect(await release(id)).toEqual({ delivered: 1 });
    expect(await release(id)).toEqual({ delivered: 0 });
    expect((await fixture.reserve(other)).status).toBe(200);
    expect((await fixture.connect(id, grant.connectionId)).closed?.code).toBe(1013);
  });

  it.each([
    ['not json'],
    [{ kind: 'no such' }],
    [{ kind: 'participant_changed', participant_id: 'x', role: 'host' }],
    [{ kind: 'participant_changed', participant_id: randomUUID(), role: 'owner' }],
    [{ kind: 'set_code', code: 'a\u0000b', user_id: null, display_name: 'Ada', role: 'host' }],
  ])('is refused when it is malformed: %j', async (body) => {
    expect((await makeRoom().ask('/command', body)).status).toBe(400);
  });

  it('to set code needs a session that goes on', async () => {
    const command: RoomCommand = {
      kind: 'set_code',
      code: 'set',
      user_id: null,
      display_name: 'Ada',
      role: 'host',
    };
    const fixture = makeRoom();
    const { open } = fixture.script;
    fixture.script.open = async () => null;
    expect(await refusal(await fixture.command(command))).toEqual([404, 'not_found']);
    fixture.script.open = open;
    expect(await (await fixture.command(command)).json()).toEqual({ rev: rev(1), durable: 'buffer' });
    const ended = fixture.command({ kind: 'ended', reason: 'over' });
    // It waits until the version of what was there before is committed, too.
    await vi.advanceTimersByTimeAsync(1_000);
    await ended;
    expect(await refusal(await fixture.command(command))).toEqual([410, 'not_found']);
  });

  it('is known from any other request', async () => {
    expect(await refusal(await makeRoom().ask('/nope', {}))).toEqual([404, 'not_found']);
    expect(await refusal(await makeRoom().ask('/', {}))).toEqual([404, 'not_found']);
  });
});
