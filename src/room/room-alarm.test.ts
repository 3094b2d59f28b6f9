import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeStorage, makeRoom } from '../../test/support/room.ts';
import { WAIT } from '../../test/support/wait.ts';
import { RoomAlarm } from './room-alarm.ts';

let storage: FakeStorage;
let alarm: RoomAlarm;
beforeEach(() => {
  storage = new FakeStorage();
  alarm = new RoomAlarm(storage);
});

describe('a room’s alarm', () => {
  it('is the earlier of what is asked for, also at once', async () => {
    await Promise.all([alarm.wakeBy(2_000), alarm.wakeForSession(1_000), alarm.wakeBy(3_000)]);
    expect(storage.alarmMs).toBe(1_000);
  });

  it('is not put off by an instance that did not set it', async () => {
    await alarm.wakeForSession(1_000);
    await new RoomAlarm(storage).wakeBy(2_000);
    expect(storage.alarmMs).toBe(1_000);
  });

  it('is set again for a session whose time has not come', async () => {
    await alarm.wakeForSession(5_000);
    await alarm.wakeBy(1_000);
    storage.alarmMs = null;
    expect(alarm.fired(1_000)).toBe(false);
    await alarm.resume();
    expect(storage.alarmMs).toBe(5_000);
    expect(alarm.fired(5_000)).toBe(true);
    expect(alarm.fired(6_000)).toBe(false);
  });

  it('may be an earlier instance’s, once', () => {
    expect([alarm.fired(1_000), alarm.fired(2_000)]).toEqual(['unknown', false]);
  });

  it('is set by the next call when the storage failed', async () => {
    const setAlarm = storage.setAlarm.bind(storage);
    storage.setAlarm = () => Promise.reject(new Error('the storage fails'));
    await expect(alarm.wakeBy(1_000)).rejects.toThrow('the storage fails');
    storage.setAlarm = setAlarm;
    await alarm.wakeBy(2_000);
    expect(storage.alarmMs).toBe(2_000);
  });
});

it('a session is opened for an alarm once the isolate has a place for it', async () => {
  const storage = new FakeStorage();
  storage.values.set('recovery', { term: 1, source: 'buffer', lastCommit: 1 });
  const { room, script } = makeRoom(storage);
  let letIn = () => {};
  let isWaiting = false;
  script.alarmGate = {
    async pass(work) {
      isWaiting = true;
      await new Promise<void>((resolve) => {
        letIn = resolve;
      });
      return work();
    },
  };
  const open = vi.spyOn(script, 'open');
  const handled = room.onAlarm();
  await vi.waitUntil(() => isWaiting, WAIT);
  expect(open).not.toHaveBeenCalled();
  letIn();
  await handled;
  expect(open).toHaveBeenCalledTimes(1);
});
