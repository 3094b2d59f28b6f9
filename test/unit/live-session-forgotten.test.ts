/** A buffer that lost everything calls nothing dirty: a room must not take that for flushed. */
import { expect, it } from 'vitest';
import { setUp } from '../support/live-session.ts';

it('a flush that finds the buffer empty of the session makes the room commit again what Postgres may lack', async () => {
  const { clock, commits, edit, say, script, session, homes } = setUp();
  edit('mine', 'a', 'r1');
  say('m1');
  await clock.advance(100);
  expect(commits).toHaveLength(1);
  script.flush = async () => ({ flushedRev: 0, isDirty: false, wasForgotten: true });
  await session.flush();
  await clock.advance(1_000);
  expect(commits).toHaveLength(2);
  expect(commits[1]).toMatchObject({ code: { code: 'mine', rev: 11 }, messages: [{ id: 'm1' }] });
  expect(homes).not.toContain('clean');
});

it('and leaves it at that when Postgres has everything', async () => {
  const { clock, commits, edit, script, session } = setUp();
  edit('mine', 'a', 'r1');
  await clock.advance(100);
  await session.flush();
  expect(session.flushedRev).toBe(11);
  edit('again', 'a', 'r2');
  await clock.advance(100);
  script.flush = async () => ({ flushedRev: 12, isDirty: true, wasForgotten: false });
  await session.flush();
  script.flush = async () => ({ flushedRev: 0, isDirty: false, wasForgotten: true });
  await session.flush();
  await clock.advance(1_000);
  expect(commits).toHaveLength(2);
});
