/** What has how much time: a picture of what plays must not use up that of what is done after it. */
import { expect, it, vi } from 'vitest';
import { Clocks } from './clocks.ts';
import { Evaluator } from './evaluation.ts';
import { Scheduler } from './scheduler.ts';
import { MAX_STRETCH_MS, TimeLimit } from './time-limit.ts';

// The synthesizer takes a browser.
vi.mock('@strudel/webaudio', () => ({ webaudioOutput: async () => {} }));

it('has the time of a whole task for drawing what it was asked for', async () => {
  let nowMs = 1_000;
  const limit = new TimeLimit(() => nowMs);
  const events = { onFailure() {}, onEvent() {}, onSounding() {} };
  const scheduler = new Scheduler(new Clocks(() => nowMs), limit, events);
  const evaluated = await new Evaluator(limit, () => 0).evaluate('s("bd")', () => 1);
  scheduler.play(1, evaluated, undefined);
  expect(scheduler.look(0, 4)).toHaveLength(4);
  nowMs += MAX_STRETCH_MS - 1;
  expect(() => limit.check()).not.toThrow();
  nowMs += 2;
  expect(() => limit.check()).toThrow('too long');
});
