/**
 * Storage may keep code under a greater revision than its room gave it. The room's own edit of that
 * revision is another one.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Commit } from '../../src/domain/types.ts';
import { connectNeon } from '../../src/postgres/client.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import { type BufferFixture, engines, startBuffer } from '../support/buffer.ts';
import { type PostgresFront, startPostgresFront } from '../support/postgres.ts';
import { type Stores, startStores } from '../support/stores.ts';

const commit = (sessionId: string, epoch: number, rev: number, code: string): Commit => ({
  sessionId,
  epoch,
  code: { code, rev, editedAtMs: 1, editorId: null, edits: 1 },
  messages: [],
  lastMessageMs: 0,
  receipts: {},
  flushedRev: 0,
});

describe('Postgres', () => {
  let front: PostgresFront;
  let postgres: PostgresSessionRepository;
  beforeAll(async () => {
    front = await startPostgresFront();
    postgres = new PostgresSessionRepository(connectNeon({ ...front, timeoutMs: 20_000 }));
  });
  afterAll(() => front?.stop());

  const makeSession = async () => {
    const { id } = await postgres.createSession({ title: '', code: '', hostUserId: null });
    return id;
  };

  it('doesn’t take an edit for the repetition of what it keeps under a lifted revision', async () => {
    const id = await makeSession();
    await postgres.commit(commit(id, 1, 5, 'another room’s'));
    // Lifted to 6, and the room never hears of it.
    expect(await postgres.commit(commit(id, 2, 5, 'fifth'))).toMatchObject({ rev: 6 });
    const { rev } = await postgres.commit(commit(id, 2, 6, 'sixth'));
    expect(rev).toBeGreaterThan(6);
    expect(await postgres.getSession(id)).toMatchObject({ code: 'sixth', rev });
    // What is repeated late stays without effect.
    await postgres.commit(commit(id, 2, 5, 'fifth'));
    await postgres.commit(commit(id, 2, 6, 'sixth'));
    expect(await postgres.getSession(id)).toMatchObject({ code: 'sixth', rev });
  });

  it('says whether it holds what was written, under whatever revision', async () => {
    const id = await makeSession();
    const write = async (epoch: number, rev: number, code: string) => {
      const written = {
        sessionId: id,
        messages: [],
        code: { code, rev, epoch, editedAtMs: 1, editorId: null },
      };
      const [outcome] = await postgres.writeSessions([written]);
      return outcome;
    };
    await write(1, 5, 'another room’s');
    expect(await write(2, 3, 'third')).toMatchObject({ rev: 6, isHeld: true });
    // Its answer was lost.
    expect(await write(2, 3, 'third')).toMatchObject({ rev: 6, isHeld: true });
    expect(await write(2, 2, 'second')).toMatchObject({ rev: 6, isHeld: false });
    expect(await write(1, 9, 'third')).toMatchObject({ rev: 6, isHeld: false });
  });

  it('keeps a newer edit under a revision that the last one was lifted past', async () => {
    const id = await makeSession();
    await postgres.commit(commit(id, 1, 9, 'an earlier room’s'));
    // Lifted to 10, and the room never hears of it.
    await postgres.commit(commit(id, 2, 5, 'fifth'));
    expect(await postgres.commit(commit(id, 2, 6, 'sixth'))).toMatchObject({ rev: 11 });
    await postgres.commit(commit(id, 2, 5, 'fifth'));
    expect(await postgres.getSession(id)).toMatchObject({ code: 'sixth', rev: 11, lift: 5 });
    // Once it has caught up, nothing is lifted any more.
    expect(await postgres.commit(commit(id, 2, 12, 'twelfth'))).toMatchObject({ rev: 12 });
    expect(await postgres.getSession(id)).toMatchObject({ code: 'twelfth', rev: 12, lift: 0 });
  });

  it('lifts nothing when a new room writes the same code again', async () => {
    const id = await makeSession();
    await postgres.commit(commit(id, 1, 5, 'same'));
    expect(await postgres.commit(commit(id, 2, 5, 'same'))).toMatchObject({ rev: 5 });
    expect(await postgres.commit(commit(id, 2, 6, 'next'))).toMatchObject({ rev: 6 });
  });
});

describe.each(engines)('the buffer on %s', (engine) => {
  let fixture: BufferFixture;
  beforeAll(async () => {
    fixture = await startBuffer(engine);
  });
  afterAll(() => fixture.stop());

  it('doesn’t take an edit for the repetition of another room’s under the same revision', async () => {
    const { buffer } = fixture;
    const id = randomUUID();
    const { epoch } = await buffer.open(id);
    await buffer.commit(commit(id, epoch, 2, 'of the first room, arrived late'));
    // The second room took its token where the buffer didn't hear of it.
    const { rev } = await buffer.commit(commit(id, epoch + 1, 2, 'of the second room'));
    expect(rev).toBeGreaterThan(2);
    await buffer.commit(commit(id, epoch + 1, rev + 1, 'of the second room'));
    expect((await buffer.read(id, false)).code).toMatchObject({ code: 'of the second room', rev: rev + 1 });
  });

  const settled = { dirtySinceMs: 1, writtenMessages: 0, settledMessages: [] };

  it('keeps an edit that came in under a revision that Postgres has passed', async () => {
    const { buffer } = fixture;
    const id = randomUUID();
    const { epoch } = await buffer.open(id);
    await buffer.commit(commit(id, epoch, 11, 'eleventh'));
    await buffer.commit(commit(id, epoch, 12, 'twelfth'));
    // A flush of revision 11 found an earlier room's 12 in Postgres, and went over it.
    const dealt = { rev: 11, epoch, storedRev: 13, isHeld: true };
    const [left] = await buffer.settle([{ ...settled, sessionId: id, code: dealt }], []);
    expect(left).toMatchObject({ isDirty: true, flushedRev: 13 });
    const peek = await buffer.peekSessions([id], { maxSessions: 1, maxBytes: 1_000 });
    expect(peek.sessions[0]?.code).toMatchObject({ code: 'twelfth', rev: 12 });
    // Revisions that people see only grow: the room goes on after what Postgres shows.
    const { rev } = await buffer.commit(commit(id, epoch, 13, 'thirteenth'));
    expect(rev).toBeGreaterThan(13);
    expect(await buffer.commit(commit(id, epoch, rev + 1, 'thirteenth'))).toMatchObject({ rev: rev + 1 });
    expect((await buffer.read(id, false)).code).toMatchObject({ code: 'thirteenth', rev: rev + 1 });
  });

  it('doesn’t count what came in late as flushed because Postgres is ahead', async () => {
    const { buffer } = fixture;
    const id = randomUUID();
    const { epoch } = await buffer.open(id);
    await buffer.commit(commit(id, epoch, 11, 'eleventh'));
    // The flush of revision 11 is under way when a commit that was given up arrives; Postgres has
    // it, and the next one.
    await buffer.commit(commit(id, epoch, 12, 'twelfth'));
    const dealt = { rev: 11, epoch, storedRev: 13, isHeld: false };
    await buffer.settle([{ ...settled, sessionId: id, code: dealt }], []);
    expect((await buffer.read(id, false)).code).toMatchObject({ code: 'twelfth', rev: 12 });
    // It is for the next flush to find out that Postgres is ahead of it, too.
    const peek = await buffer.peekSessions([id], { maxSessions: 1, maxBytes: 1_000 });
    expect(peek.sessions[0]?.code).toMatchObject({ code: 'twelfth', rev: 12 });
    await buffer.settle([{ ...settled, sessionId: id, code: { ...dealt, rev: 12 } }], []);
    expect(await buffer.flushState(id)).toMatchObject({ isDirty: false, flushedRev: 13 });
    expect((await buffer.read(id, false)).code).toBeNull();
  });

  it('doesn’t count a room’s edits as flushed because an earlier room’s flush was late', async () => {
    const { buffer } = fixture;
    const id = randomUUID();
    const { epoch } = await buffer.open(id);
    await buffer.commit(commit(id, epoch, 3, 'third'));
    // Written to Postgres before the buffer lost everything and the room took the session over.
    const late = { rev: 9, epoch: epoch - 1, storedRev: 9, isHeld: false };
    const [left] = await buffer.settle([{ ...settled, sessionId: id, code: late }], []);
    expect(left).toMatchObject({ isDirty: true });
    expect((await buffer.read(id, false)).code).toMatchObject({ code: 'third', rev: 3 });
  });
});

describe('both', () => {
  let stores: Stores;
  beforeAll(async () => {
    stores = await startStores();
  });
  afterAll(() => stores?.stop());

  it('keep the newest edit of a room that is behind Postgres, though the Worker dies before it settles', async () => {
    const { buffer, postgres, repository, flusher } = stores;
    const { id } = await postgres.createSession({ title: '', code: '', hostUserId: null });
    await postgres.commit(commit(id, 1, 9, 'an earlier room’s'));
    // Started from a buffer that knew of less.
    const { epoch } = await buffer.open(id);
    await buffer.commit(commit(id, epoch, 5, 'fifth'));
    const { sessions } = await buffer.peekSessions([id], { maxSessions: 1, maxBytes: 1_000 });
    const [outcome] = await postgres.writeSessions([
      { sessionId: id, code: sessions[0]?.code ?? null, messages: [] },
    ]);
    expect(outcome).toMatchObject({ rev: 10, isHeld: true });
    // Killed here. Nobody knows of revision 10.
    await buffer.commit(commit(id, epoch, 6, 'sixth'));
    expect(await repository.getSession(id)).toMatchObject({ code: 'sixth', rev: 11 });
    expect(await flusher.flushSession(id)).toMatchObject({ isDirty: false, flushedRev: 11 });
    expect(await postgres.getSession(id)).toMatchObject({ code: 'sixth', rev: 11, lift: 5 });
    // The copy that stays readable is the same, and the next room goes on from it.
    expect(await repository.open(id, 'clean')).toMatchObject({ session: { code: 'sixth', rev: 11 } });
  });

  it('show what isn’t flushed under a revision that isn’t either', async () => {
    const { buffer, postgres, repository } = stores;
    const { id } = await postgres.createSession({ title: '', code: '', hostUserId: null });
    const { epoch } = await buffer.open(id);
    await buffer.commit(commit(id, epoch, 5, 'fifth'));
    await buffer.commit(commit(id, epoch, 6, 'sixth'));
    const code = { rev: 5, epoch, storedRev: 10, isHeld: true };
    await buffer.settle(
      [{ sessionId: id, dirtySinceMs: 1, writtenMessages: 0, settledMessages: [], code }],
      [],
    );
    expect(await repository.open(id, 'buffer')).toMatchObject({
      session: { code: 'sixth', rev: 11 },
      flushedRev: 10,
    });
  });
});
