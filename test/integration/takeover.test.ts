/**
 * A room that starts while the buffer is out of reach takes its token from Postgres; whoever comes after
 * it must know of that.
 */
import { randomUUID } from 'node:crypto';
import { neonConfig } from '@neondatabase/serverless';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { StorageUnavailableError } from '../../src/domain/errors.ts';
import type { Commit, Home, OpenedSession } from '../../src/domain/types.ts';
import { goBackTo, takeSnapshot } from '../support/snapshot.ts';
import { type Stores, startStores } from '../support/stores.ts';

const TEN_MINUTES_MS = 600_000;

let stores: Stores;

beforeAll(async () => {
  stores = await startStores();
});
afterAll(() => stores?.stop());
afterEach(() => vi.restoreAllMocks());

/** A commit of one edit by the room that `opened` the session, with its receipt. */
function edited(sessionId: string, opened: OpenedSession | null, code: string, rev: number): Commit {
  return {
    sessionId,
    epoch: opened?.epoch ?? 0,
    code: { code, rev, editedAtMs: Date.now(), editorId: null, edits: 1 },
    messages: [],
    lastMessageMs: 0,
    receipts: { c: [{ requestId: code, rev }] },
    flushedRev: 0,
  };
}

it.each([
  ['an edit after such a room is flushed, though that room’s clock was ahead of the buffer’s', 'answered'],
  ['an edit after such a room is flushed, though that room never heard of its token', 'answer lost'],
  ['an edit after such a room is flushed, though that room’s takeover takes effect late', 'late'],
])('%s', async (_, fate) => {
  const { buffer, postgres, repository, flusher } = stores;
  const { id } = await postgres.createSession({ title: '', code: '', hostUserId: null });
  let home: Home | null = null;
  let last = 0;
  const open = async (): Promise<OpenedSession> => {
    const opened = await repository.open(id, home, { epoch: last, lastCommit: 0 }, async (epoch) => {
      home = 'postgres';
      last = epoch;
    });
    if (!opened) throw new Error(`no session ${randomUUID()}`);
    last = opened.epoch;
    return opened;
  };
  let rev = 0;
  const edit = async (opened: OpenedSession, code: string) => {
    rev += 1;
    await repository.commit(edited(id, opened, code, rev));
  };

  await edit(await open(), 'first');
  await flusher.flushSession(id);
  home = 'clean';

  // The second room: the buffer is away, its clock is wrong, nobody edits in it; or it
  // never hears of its token.
  const away = vi.spyOn(buffer, 'open').mockRejectedValue(new StorageUnavailableError('redis', 'away'));
  const trueNow = Date.now.bind(Date);
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => trueNow() + TEN_MINUTES_MS);
  let arrive: () => Promise<unknown> = async () => {};
  neonConfig.fetchFunction = async (...request: Parameters<typeof fetch>) => {
    if (fate === 'answered') return fetch(...request);
    arrive = () => fetch(...request);
    if (fate === 'answer lost') await arrive();
    throw new TypeError('fetch failed');
  };
  if (fate === 'answered') expect((await open()).session.code).toBe('first');
  else await expect(open()).rejects.toThrow(StorageUnavailableError);
  neonConfig.fetchFunction = undefined;
  away.mockRestore();
  clock.mockRestore();

  const third = await open();
  expect(third.epoch).toBeGreaterThan(trueNow() + TEN_MINUTES_MS / 2);
  await edit(third, 'second');
  await flusher.flushSession(id);
  if (fate === 'late') await arrive();
  await edit(third, 'third');
  await flusher.flushSession(id);
  expect(await postgres.getSession(id)).toMatchObject({ code: 'third', rev: 3 });
});

it('a room that finds no note of its session’s home starts from the newer of what both stores hold', async () => {
  const { postgres, repository } = stores;
  const { id } = await postgres.createSession({ title: '', code: '', hostUserId: null });
  const first = await repository.open(id, null);
  const commit = (code: string, rev: number) => edited(id, first, code, rev);
  await repository.commit(commit('buffered', 1));
  expect((await repository.open(id, null))?.session).toMatchObject({ code: 'buffered', rev: 1 });
  // Postgres stood in for a moment.
  await postgres.commit(commit('stored', 2));
  const opened = await repository.open(id, null);
  expect(opened?.session).toMatchObject({ code: 'stored', rev: 2 });
  // Of edits that the newer code contains.
  expect(opened?.receipts).toEqual({ c: [{ requestId: 'buffered', rev: 1 }] });
});

it('a room starts from what is flushed where the buffer has gone back to something older', async () => {
  const { postgres, repository, flusher, command } = stores;
  const { id } = await postgres.createSession({ title: '', code: '', hostUserId: null });
  const first = await repository.open(id, null);
  const commit = (code: string, rev: number) =>
    repository.commit({ ...edited(id, first, code, rev), number: rev });
  await commit('older', 1);
  const earlier = await takeSnapshot(command);
  const { lastCommit } = await commit('newer', 2);
  await flusher.flushSession(id);
  await goBackTo(earlier, command);
  const known = { epoch: first?.epoch ?? 0, lastCommit };
  // Twice: the first answer may be lost.
  for (let i = 0; i < 2; i++) {
    const opened = await repository.open(id, 'clean', known);
    expect(opened).toMatchObject({ session: { code: 'newer', rev: 2 }, flushedRev: 2, home: 'both' });
  }
  await flusher.flushSession(id);
  expect(await postgres.getSession(id)).toMatchObject({ code: 'newer', rev: 2 });
});

it('a room that finds a commit which its own did not live to note says where it is before it acknowledges it', async () => {
  const { postgres, repository, flusher } = stores;
  const { id } = await postgres.createSession({ title: '', code: '', hostUserId: null });
  const first = await repository.open(id, null);
  expect(first).toMatchObject({ home: 'clean' });
  const commit = (code: string, rev: number) => edited(id, first, code, rev);
  await repository.commit(commit('one', 1));
  for (const home of ['clean', 'postgres', null] as const) {
    expect(await repository.open(id, home)).toMatchObject({ session: { code: 'one' }, home: 'buffer' });
  }
  await flusher.flushSession(id);
  for (const home of ['clean', 'postgres', null] as const) {
    expect(await repository.open(id, home)).toMatchObject({ session: { code: 'one' }, home: 'clean' });
  }
  await postgres.commit({ ...commit('two', 2), epoch: Date.now() + TEN_MINUTES_MS });
  expect(await repository.open(id, 'postgres')).toMatchObject({ session: { code: 'two' }, home: 'postgres' });
});

it('receipts of edits that a later room did not have are not taken over', async () => {
  const { buffer, postgres, repository } = stores;
  const { id } = await postgres.createSession({ title: '', code: '', hostUserId: null });
  const first = await repository.open(id, null);
  // Its answer is lost, and the room dies without having acknowledged it.
  await buffer.commit(edited(id, first, 'unheard', 1));
  await postgres.open(id, 'postgres', { epoch: first?.epoch ?? 0 });
  const third = await repository.open(id, 'postgres');
  expect(third).toMatchObject({ session: { code: '', rev: 0 }, receipts: {} });
});
