import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/live-session.ts';
import { FakeStorage } from '../../../test/support/room.ts';
import { PresenceRecorder, summary } from './presence.ts';

function setUp() {
  const clock = new FakeClock();
  const state = { present: [] as string[], names: new Map<string, string>(), isDown: false };
  const storage = new FakeStorage();
  const writes: string[][] = [];
  const logged: string[] = [];
  const recorder = new PresenceRecorder({
    sessionId: 'session',
    participants: { ids: () => [...state.present], guestNames: () => state.names },
    people: {
      recordPresence: async (_sessionId, ids) => {
        writes.push([...ids]);
        if (state.isDown) throw new Error('down');
      },
    },
    storage,
    log: (event) => logged.push(event),
    clock,
  });
  const recorded = () => storage.values.get('present') ?? null;
  /** A new instance finds this recorded. */
  const resume = async (stored: unknown) => {
    storage.values.set('present', stored);
    await recorder.resume();
  };
  return { clock, state, writes, logged, recorder, recorded, resume };
}

describe('presence', () => {
  it('is written a moment after a participant came or left, once for all who did meanwhile', async () => {
    const { clock, state, writes, recorder } = setUp();
    state.present = ['a'];
    recorder.changed();
    await clock.advance(500);
    state.present = ['a', 'b'];
    recorder.changed();
    expect(writes).toEqual([]);
    await clock.advance(500);
    expect(writes).toEqual([['a', 'b']]);
    await clock.advance(60_000);
    expect(writes).toHaveLength(1);
  });

  it('is written again for a participant who comes during the write', async () => {
    const { clock, state, writes, recorder } = setUp();
    recorder.changed();
    await clock.advance(1_000);
    state.present = ['a'];
    recorder.changed();
    await clock.advance(1_000);
    expect(writes).toEqual([[], ['a']]);
  });

  it('isn’t written again where Postgres shows just those who are present, with their names', async () => {
    const { clock, state, writes, recorder } = setUp();
    state.present = ['a'];
    recorder.changed();
    await clock.advance(1_000);
    // Back within the moment, as by a reload.
    recorder.admitted('a');
    await clock.advance(1_000);
    expect(writes).toEqual([['a']]);
    state.names.set('a', 'Guest 2');
    recorder.changed();
    await clock.advance(1_000);
    expect(writes).toEqual([['a'], ['a']]);
  });

  it('is written for one who was admitted and doesn’t come', async () => {
    const { clock, state, writes, recorder } = setUp();
    state.present = ['a'];
    recorder.changed();
    await clock.advance(1_000);
    recorder.admitted('b');
    await clock.advance(1_000);
    expect(writes).toEqual([['a'], ['a']]);
  });

  it('is tried again when it fails, six times in all, and then left to the next change', async () => {
    const { clock, state, writes, logged, recorder, recorded } = setUp();
    state.isDown = true;
    recorder.changed();
    await clock.advance(1_000);
    expect(writes).toHaveLength(1);
    await clock.advance(2_000);
    expect(writes).toHaveLength(2);
    await clock.advance(600_000);
    expect(writes).toHaveLength(6);
    expect(logged.at(-1)).toBe('presence_given_up');
    expect(recorded()).toBeNull();
    state.isDown = false;
    state.present = ['a'];
    recorder.changed();
    await clock.advance(1_000);
    expect(writes.at(-1)).toEqual(['a']);
    expect(recorded()).toBe('a');
  });

  it('is corrected by a new instance that finds other participants than were recorded, and only then', async () => {
    const { clock, state, writes, recorded, resume } = setUp();
    state.present = ['b', 'a'];
    await resume(summary(['a', 'b']));
    await resume(null);
    await clock.advance(20_000);
    expect(writes).toEqual([['b', 'a']]);
    state.present = [];
    await resume(recorded());
    await clock.advance(20_000);
    expect(writes).toEqual([['b', 'a'], []]);
    await resume(recorded());
    await resume(null);
    await clock.advance(20_000);
    expect(writes).toHaveLength(2);
  });

  it('isn’t touched by a crash after which all come back, and corrected for those who don’t', async () => {
    const { clock, state, writes, recorder, resume } = setUp();
    await resume('a,b');
    await clock.advance(2_000);
    state.present = ['a'];
    recorder.admitted('a');
    await clock.advance(5_000);
    state.present = ['a', 'b'];
    recorder.admitted('b');
    await clock.advance(60_000);
    expect(writes).toEqual([]);
    const other = setUp();
    await other.resume('a,b');
    other.state.present = ['a'];
    other.recorder.admitted('a');
    await other.clock.advance(60_000);
    expect(other.writes).toEqual([['a']]);
  });

  it('of too many for the storage is written once too often rather than never', async () => {
    const crowd = Array.from({ length: 4_000 }, (_, i) => `${i}`.padStart(36, '0'));
    const { clock, state, writes, recorded, resume } = setUp();
    state.present = crowd;
    await resume(summary(crowd));
    await clock.advance(20_000);
    expect(writes).toEqual([crowd]);
    expect(String(recorded()).length).toBeLessThan(100);
  });
});
