/** A session's messages: their order, which are known, and reading the old ones. */
import { describe, expect, it } from 'vitest';
import { FakeClock, held, rev, settle } from '../../../test/support/live-session.ts';
import { makeMessage } from '../../../test/support/messages.ts';
import { StorageUnavailableError } from '../../domain/errors.ts';
import { COUNTS_PER_TERM, numberIn } from '../../domain/revision.ts';
import type { SaidMessage } from '../../domain/types.ts';
import { MessageHistory } from './message-history.ts';

function setUp({ size = 50 } = {}) {
  const clock = new FakeClock();
  const state = { asked: 0, read: 0, logged: [] as string[] };
  const script = { getMessages: async (): Promise<SaidMessage[]> => [] };
  const history = new MessageHistory(
    's',
    2,
    { size, retryMs: 500 },
    {
      repository: {
        getMessages: () => {
          state.asked += 1;
          return script.getMessages();
        },
      },
      onRead: () => {
        state.read += 1;
      },
      log: (event) => state.logged.push(event),
      clock,
    },
  );
  const say = (id: string) => {
    const { createdAtMs: _, position: __, ...message } = makeMessage({ id, content: id });
    const placed = history.place(message);
    history.remember(placed);
    return placed;
  };
  return { clock, state, script, history, say };
}

const unavailable = async () => {
  throw new StorageUnavailableError('redis', 'down');
};

describe('messages', () => {
  it('get the places after one another, and the time of the room’s clock', () => {
    const { clock, history, say } = setUp();
    expect(say('m1')).toMatchObject({ position: rev(1), createdAtMs: clock.nowMs });
    expect(say('m2')).toMatchObject({ position: rev(2), createdAtMs: clock.nowMs });
    expect(history.termUse).toBe(2 / COUNTS_PER_TERM);
  });

  it('come after those of earlier rooms, though its history can’t be read and its clock was ahead', async () => {
    const { clock, script, history, say } = setUp();
    script.getMessages = unavailable;
    await history.read();
    say('m1');
    const old = makeMessage({
      id: 'old',
      createdAtMs: clock.nowMs + 600_000,
      position: numberIn(1, COUNTS_PER_TERM - 1),
    });
    script.getMessages = async () => [old];
    const { messages } = await history.read();
    expect(messages.map(({ id }) => id)).toEqual(['old', 'm1']);
  });

  it('are known by their ids, the stored ones once they are read', async () => {
    const { script, history, say } = setUp();
    script.getMessages = async () => [makeMessage({ id: 'old' })];
    say('m1');
    expect(['m1', 'old', 'm2'].map((id) => history.knows(id))).toEqual([true, false, false]);
    await history.read();
    expect(history.knows('old')).toBe(true);
  });

  it('are known in a bounded number: the oldest are left to storage', () => {
    const { history } = setUp();
    for (let i = 0; i <= 5_000; i++) history.remember(makeMessage({ id: `m${i}`, position: i }));
    expect(history.knows('m999')).toBe(false);
    expect(history.knows('m1000')).toBe(true);
    expect(history.knows('m5000')).toBe(true);
  });

  it('are the newest, so many as are kept, whichever came first', async () => {
    const { script, history, say } = setUp({ size: 2 });
    script.getMessages = async () => ['o1', 'o2'].map((id, i) => makeMessage({ id, position: i }));
    say('m1');
    expect((await history.read()).messages.map(({ id }) => id)).toEqual(['o2', 'm1']);
    say('m2');
    expect((await history.read()).messages.map(({ id }) => id)).toEqual(['m1', 'm2']);
  });
});

describe('old messages', () => {
  it('are read once', async () => {
    const { state, script, history } = setUp();
    const old = makeMessage({ id: 'old' });
    script.getMessages = async () => [old];
    const both = await Promise.all([history.read(), history.read()]);
    expect(both).toEqual([
      { messages: [old], isWhole: true },
      { messages: [old], isWhole: true },
    ]);
    await history.read();
    expect(state.asked).toBe(1);
  });

  it('that can’t be read are asked for again until they can, and then it is said', async () => {
    const { clock, state, script, history } = setUp();
    script.getMessages = unavailable;
    expect(await history.read()).toEqual({ messages: [], isWhole: false });
    await history.read();
    await clock.advance(1_100);
    expect(state.asked).toBe(4);
    expect(state.read).toBe(0);
    const old = makeMessage({ id: 'old' });
    script.getMessages = async () => [old];
    await clock.advance(500);
    expect(state.read).toBe(1);
    expect(await history.read()).toEqual({ messages: [old], isWhole: true });
    await clock.advance(10_000);
    expect(state.read).toBe(1);
  });

  it('that can’t be read are no longer asked for once another room has taken over', async () => {
    const { clock, state, script, history } = setUp();
    const answer = held<never>();
    script.getMessages = () => answer.promise;
    const reading = history.read();
    history.close();
    answer.reject(new StorageUnavailableError('redis', 'down'));
    expect(await reading).toMatchObject({ isWhole: false });
    await clock.advance(10_000);
    expect(state.asked).toBe(1);
  });

  it('that wait to be asked for are not, once another room has taken over', async () => {
    const { clock, state, script, history } = setUp();
    script.getMessages = unavailable;
    await history.read();
    history.close();
    await clock.advance(10_000);
    expect(state.asked).toBe(1);
  });

  it('that fail in another way are an error for who asked, and are asked for again', async () => {
    const { clock, state, script, history } = setUp();
    script.getMessages = unavailable;
    await history.read();
    script.getMessages = async () => {
      throw new TypeError('a bug');
    };
    await expect(history.read()).rejects.toThrow(TypeError);
    await clock.advance(500);
    await settle();
    expect(state.logged).toEqual(['history_unavailable', 'history_failed']);
    script.getMessages = async () => [];
    expect(await history.read()).toMatchObject({ isWhole: true });
  });
});
