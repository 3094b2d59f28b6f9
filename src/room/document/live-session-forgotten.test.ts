/** What a buffer that lost something calls flushed may not be: a room must not believe it. */
import { expect, it } from 'vitest';
import { committed, setUp } from '../../../test/support/live-session.ts';

it.each([
  [
    'a flush that finds the buffer empty makes the room commit again what Postgres may lack',
    { flushedRev: 0, isDirty: false, lastCommit: 0 },
  ],
  [
    'a flush that finds the buffer as it was before the last commit makes the room commit again what Postgres may lack',
    { flushedRev: 10, isDirty: false, lastCommit: 6 },
  ],
])('%s', async (_, found) => {
  const { clock, commits, edit, say, script, session, homes } = setUp();
  script.commit = async (commit) => committed(commit, { lastCommit: 7 });
  edit('mine', 'a', 'r1');
  say('m1');
  await clock.advance(100);
  expect(commits).toHaveLength(1);
  script.flush = async () => found;
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
  script.flush = async () => ({ flushedRev: 12, isDirty: true, lastCommit: 4 });
  await session.flush();
  script.flush = async () => ({ flushedRev: 0, isDirty: false, lastCommit: 0 });
  await session.flush();
  await clock.advance(1_000);
  expect(commits).toHaveLength(2);
});
