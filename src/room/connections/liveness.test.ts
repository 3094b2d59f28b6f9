/** How a room notices clients that are gone, over hibernation, and leaves those in the background be. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type FakeConnection,
  FakeStorage,
  makeGrant,
  makeRoom,
  type RoomFixture,
} from '../../../test/support/room.ts';
import { HIDDEN_TIMEOUT_MS, PING_TIMEOUT_MS } from '../../protocol/index.ts';
import type { AdmissionGrant } from './grant.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const join = async (fixture: RoomFixture, over: Partial<AdmissionGrant> = {}) => {
  const grant = makeGrant({ edits: 'changes', ...over });
  return fixture.connect(await fixture.reserved(grant), grant.connectionId);
};

const ping = (fixture: RoomFixture, connection: FakeConnection, payload: object = {}) =>
  fixture.room.onMessage(connection, JSON.stringify({ type: 'ping', payload }));

function setUp() {
  const storage = new FakeStorage();
  let opened = 0;
  const next = (connections: FakeConnection[] = []) => {
    const made = makeRoom(storage);
    const { open } = made.script;
    made.script.open = () => {
      opened += 1;
      return open();
    };
    made.connections.push(...connections);
    return made;
  };
  const state = {
    fixture: next(),
    storage,
    /** How often a store was asked. */
    opened: () => opened,
    /** The instance's memory is gone; the sockets stay. */
    hibernate() {
      state.fixture = next(state.fixture.connections);
    },
    /** Time goes by up to the alarm; the room sleeps, and wakes for it. */
    async toAlarm() {
      if (storage.alarmMs === null) throw new Error('no alarm is set');
      vi.setSystemTime(storage.alarmMs);
      storage.alarmMs = null;
      state.hibernate();
      await state.fixture.room.onAlarm();
    },
  };
  return state;
}

describe('a client that is gone without a close', () => {
  it('is noticed after its silence, in a room that slept and was woken by others’ pings only', async () => {
    const scene = setUp();
    const [ada, gone] = [await join(scene.fixture), await join(scene.fixture, { displayName: 'Gone' })];
    const joinedMs = Date.now();
    while (gone.closed === null && Date.now() - joinedMs <= PING_TIMEOUT_MS) {
      const nextPingMs = Date.now() + 20_000;
      if (scene.storage.alarmMs !== null && scene.storage.alarmMs <= nextPingMs) await scene.toAlarm();
      else {
        vi.setSystemTime(nextPingMs);
        scene.hibernate();
        await ping(scene.fixture, ada);
      }
    }
    expect(gone.closed?.code).toBe(1001);
    expect(Date.now() - joinedMs).toBe(PING_TIMEOUT_MS);
    expect(ada.all('user_left').map(({ display_name }) => display_name)).toEqual(['Gone']);
    expect(ada.closed).toBeNull();
  });

  it('is noticed where nobody else is there, and then the room sleeps for good', async () => {
    const scene = setUp();
    const gone = await join(scene.fixture);
    await scene.toAlarm();
    expect([gone.closed?.code, scene.storage.alarmMs]).toEqual([1001, null]);
  });

  it('costs no store anything while the session is silent', async () => {
    const scene = setUp();
    const ada = await join(scene.fixture);
    const before = scene.opened();
    for (let alarms = 0; alarms < 10; alarms++) {
      vi.setSystemTime(Date.now() + PING_TIMEOUT_MS / 2);
      await ping(scene.fixture, ada);
      await scene.toAlarm();
      // In an instance that knows what its alarm is for, too.
      await scene.fixture.room.onAlarm();
    }
    expect([scene.opened() - before, ada.closed]).toEqual([0, null]);
  });
});

describe('a page in the background', () => {
  it('is asked before its time is over, stays while it answers, and is closed when it does not', async () => {
    const scene = setUp();
    const ada = await join(scene.fixture);
    await ping(scene.fixture, ada, { hidden: true });
    const asked = () => ada.all('ping').length;
    const untilAsked = async () => {
      for (const before = asked(); asked() === before && ada.closed === null; ) await scene.toAlarm();
    };
    for (let round = 1; round <= 5; round++) {
      await untilAsked();
      expect([asked(), ada.closed]).toEqual([round, null]);
      const answer = round % 2 ? { type: 'pong' } : { type: 'ping', payload: { hidden: true } };
      await scene.fixture.room.onMessage(ada, JSON.stringify(answer));
    }
    expect(ada.all('error')).toEqual([]);
    const heardMs = Date.now();
    await untilAsked();
    await untilAsked();
    expect([asked(), ada.closed?.code, Date.now() - heardMs]).toEqual([6, 1001, HIDDEN_TIMEOUT_MS]);
  });

  it('counts as any other once it is back', async () => {
    const scene = setUp();
    const ada = await join(scene.fixture);
    await ping(scene.fixture, ada, { hidden: true });
    vi.setSystemTime(Date.now() + PING_TIMEOUT_MS + 1_000);
    await ping(scene.fixture, ada);
    const heardMs = Date.now();
    while (ada.closed === null) await scene.toAlarm();
    expect(Date.now() - heardMs).toBe(PING_TIMEOUT_MS);
  });

  it('makes its participant away, once all of their pages are there', async () => {
    const scene = setUp();
    const ben = await join(scene.fixture);
    const old = await join(scene.fixture, { edits: 'whole' });
    const [first, second] = [
      await join(scene.fixture, { participantId: 'ada' }),
      await join(scene.fixture, { participantId: 'ada' }),
    ];
    const told = () => ben.all('presence').map(({ participant_id, away }) => [participant_id, away]);
    await ping(scene.fixture, first, { hidden: true });
    expect(told()).toEqual([]);
    await ping(scene.fixture, second, { hidden: true });
    expect(told()).toEqual([['ada', true]]);
    const late = await join(scene.fixture);
    const shown = late.all('session_state')[0]?.participants.find((one) => one.participant_id === 'ada');
    expect(shown?.away).toBe(true);
    const third = await join(scene.fixture, { participantId: 'ada' });
    third.close(1000, 'bye');
    await scene.fixture.room.onClose(third);
    await ping(scene.fixture, first);
    first.close(1000, 'bye');
    await scene.fixture.room.onClose(first);
    second.close(1000, 'bye');
    await scene.fixture.room.onClose(second);
    expect(told()).toEqual([true, false, true, false, true].map((away) => ['ada', away]));
    expect(ben.all('user_left').map((one) => one.participant_id)).toEqual(['ada']);
    expect(old.all('presence')).toEqual([]);
  });
});
