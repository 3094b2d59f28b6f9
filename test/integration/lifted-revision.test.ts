/** Storage may keep code under a greater revision than its room gave it. The room's own edit of that revision is another one. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectNeon } from '../../src/sessions/neon.ts';
import { PostgresSessionRepository } from '../../src/sessions/postgres.ts';
import type { Commit } from '../../src/sessions/types.ts';
import { type BufferFixture, engines, startBuffer } from '../support/buffer.ts';
import { type PostgresFront, startPostgresFront } from '../support/postgres.ts';

const commit = (sessionId: string, epoch: number, rev: number, code: string): Commit => ({
  sessionId,
  epoch,
  code: { code, rev, editedAtMs: 1, editorId: null, edits: 1 },
  messages: [],
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

  it('doesn’t take an edit for the repetition of what was lifted', async () => {
    const { buffer } = fixture;
    const id = randomUUID();
    const { epoch } = await buffer.open(id);
    await buffer.commit(commit(id, epoch, 11, 'eleventh'));
    await buffer.commit(commit(id, epoch, 12, 'twelfth'));
    // A flush of revision 11 found Postgres ahead: the newer edit is lifted over what is there.
    const settled = { dirtySinceMs: 1, writtenMessages: 0, messageIds: [] };
    await buffer.settle(
      [{ ...settled, sessionId: id, code: { rev: 11, epoch, storedRev: 13, isHeld: true } }],
      [],
    );
    expect((await buffer.read(id, false)).code).toMatchObject({ code: 'twelfth', rev: 14 });
    const { rev } = await buffer.commit(commit(id, epoch, 14, 'fourteenth'));
    // Not taken: the room goes on from there.
    expect(rev).toBeGreaterThan(14);
    expect(await buffer.commit(commit(id, epoch, rev + 1, 'fourteenth'))).toMatchObject({ rev: rev + 1 });
    expect((await buffer.read(id, false)).code).toMatchObject({ code: 'fourteenth', rev: rev + 1 });
  });

  it('lifts nothing over what Postgres has from the room itself, which turned to it for a while', async () => {
    const { buffer } = fixture;
    const id = randomUUID();
    const { epoch } = await buffer.open(id);
    await buffer.commit(commit(id, epoch, 11, 'eleventh'));
    // The flush of revision 11 is under way when a commit that was given up arrives; Postgres has it, and the next one.
    await buffer.commit(commit(id, epoch, 12, 'twelfth'));
    const settled = { dirtySinceMs: 1, writtenMessages: 0, messageIds: [] };
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
});
