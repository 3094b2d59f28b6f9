import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CommitsLostError, StorageUnavailableError, SupersededError } from '../../src/domain/errors.ts';
import type { Commit } from '../../src/domain/types.ts';
import type { TurnBounds } from '../../src/redis/session-buffer.ts';
import { Flusher } from '../../src/write-behind/flusher.ts';
import { type BufferFixture, engines, startBuffer } from '../support/buffer.ts';
import { FakeWriter } from '../support/fake-writer.ts';
import { makeMessage } from '../support/messages.ts';
import { goBackTo, takeSnapshot } from '../support/snapshot.ts';

const BOUNDS = { maxSessions: 100, maxBytes: 1_000_000 };

const message = (content = 'hello', id = randomUUID()) => makeMessage({ content, id });

const INACTIVITY = { afterMs: 1_800_000, everyMs: 300_000 };
/** A turn of the sweeper that takes the lease when anything is dirty. */
const TURN: TurnBounds = {
  lease: { token: 'x', lengthMs: 5_000 },
  sweepAbove: 1,
  staleAfterMs: 10_000,
  inactivity: INACTIVITY,
  maxInactive: { few: 3, many: 2 },
};

describe.each(engines)('the buffer on %s', (engine) => {
  let fixture: BufferFixture;
  let writer: FakeWriter;
  let flusher: Flusher;

  beforeAll(async () => {
    fixture = await startBuffer(engine);
  });
  afterAll(() => fixture.stop());
  beforeEach(async () => {
    await fixture.command('FLUSHALL');
    writer = new FakeWriter();
    flusher = new Flusher({
      buffer: fixture.buffer,
      writer,
      bounds: BOUNDS,
      sweepAbove: 1,
      staleAfterMs: 10_000,
      intervalMs: 5_000,
      leaseMs: 10_000,
      inactivity: INACTIVITY,
    });
  });

  const commit = (sessionId: string, epoch: number, over: Partial<Commit> = {}): Commit => ({
    sessionId,
    epoch,
    code: null,
    messages: [],
    lastMessageMs: 0,
    receipts: {},
    flushedRev: 0,
    ...over,
  });
  const code = (text: string, rev: number) => ({ code: text, rev, editedAtMs: 1, editorId: null, edits: 1 });

  describe('commit', () => {
    it('stores code, messages and receipts as they were, whatever they look like', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      for (const [i, text] of [
        '123',
        '{}',
        'null',
        '',
        '"x"',
        '🎵 $: s("bd*4")\n\t\\u0041',
        'noscript',
      ].entries()) {
        const { epoch } = await buffer.open(id);
        const said = message(text || ' ');
        await buffer.commit(
          commit(id, epoch, {
            code: code(text, i + 1),
            messages: [said],
            receipts: { 'conn-1': [{ requestId: 'a b:c%ü', rev: i + 1 }] },
          }),
        );
        const held = await buffer.read(id, true);
        expect(held.code).toEqual({ code: text, rev: i + 1, epoch, editedAtMs: 1, editorId: null });
        expect(held.messages).toContainEqual(said);
        expect(held.receipts).toEqual({ 'conn-1': [{ requestId: 'a b:c%ü', rev: i + 1 }] });
      }
    });

    it('repeated has no second effect, and an older revision changes nothing', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      const first = commit(id, epoch, { code: code('one', 1), messages: [message()] });
      expect(await buffer.commit(first)).toMatchObject({
        rev: 1,
        isDirty: true,
        dirtySessions: 1,
      });
      expect(await buffer.commit(first)).toMatchObject({ rev: 1 });
      await buffer.commit(commit(id, epoch, { code: code('two', 2) }));
      expect(await buffer.commit(first)).toMatchObject({ rev: 2 });
      const held = await buffer.read(id, true);
      expect(held.code).toMatchObject({ code: 'two', rev: 2 });
      expect(held.messages).toHaveLength(1);
      expect(await buffer.stats()).toMatchObject({ edits: 2, messages: 1, commits: 4, dirtySessions: 1 });
    });

    it('is refused to a room that has been succeeded', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const zombie = await buffer.open(id);
      const successor = await buffer.open(id);
      expect(successor.epoch).toBeGreaterThan(zombie.epoch);
      await expect(buffer.commit(commit(id, zombie.epoch, { code: code('old', 1) }))).rejects.toThrow(
        SupersededError,
      );
      await buffer.commit(commit(id, successor.epoch, { code: code('new', 1) }));
      await expect(
        buffer.commit(commit(id, zombie.epoch, { code: code('old', 99), messages: [message()] })),
      ).rejects.toThrow(SupersededError);
      const held = await buffer.read(id, true);
      expect(held.code?.code).toBe('new');
      expect(held.messages).toEqual([]);
    });

    it('keeps no receipt of an edit that it does not take', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      const receipts = (requestId: string, rev: number) => ({ c: [{ requestId, rev }] });
      await buffer.commit(commit(id, epoch, { code: code('one', 5), receipts: receipts('r5', 5) }));
      const late = commit(id, epoch, { code: code('other', 4), receipts: receipts('r6', 4) });
      expect(await buffer.commit(late)).toMatchObject({ rev: 5 });
      expect((await buffer.read(id, false)).receipts).toEqual(receipts('r5', 5));
    });

    it('takes a message over from an earlier room, whose commit arrived late', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      const late = message();
      await buffer.commit(commit(id, epoch, { messages: [late] }));
      // The second room took its token where the buffer didn't hear of it, and showed the
      // message under another time.
      const shown = { ...late, createdAtMs: late.createdAtMs + 600_000, epoch: epoch + 1 };
      await buffer.commit(commit(id, epoch + 1, { messages: [shown] }));
      expect((await buffer.read(id, true)).messages).toEqual([shown]);
      expect(await buffer.stats()).toMatchObject({ messages: 1 });
    });

    it('keeps the time of the last message for the next room', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      await buffer.commit(commit(id, epoch, { lastMessageMs: 2_000 }));
      // One that was given up, and arrives late.
      await buffer.commit(commit(id, epoch, { lastMessageMs: 1_000 }));
      expect(await buffer.open(id)).toMatchObject({ lastMessageMs: 2_000 });
    });

    it('gives out greater tokens even after Redis has lost everything', async () => {
      const { buffer, command } = fixture;
      const id = randomUUID();
      const before = await buffer.open(id);
      await command('FLUSHALL');
      const after = await buffer.open(id);
      expect(after.epoch).toBeGreaterThan(before.epoch);
    });

    it('is not taken when the buffer has lost earlier ones, be it all of them or only the last', async () => {
      const { buffer, command } = fixture;
      for (const kept of [0, 6]) {
        const id = randomUUID();
        const { epoch } = await buffer.open(id);
        await buffer.commit(commit(id, epoch, { code: code('one', 1), number: 6 }));
        const earlier = await takeSnapshot(command);
        const last = await buffer.commit(commit(id, epoch, { code: code('two', 2), number: 8, after: 6 }));
        expect(last).toMatchObject({ lastCommit: 8 });
        if (kept === 0) await command('FLUSHALL');
        else await goBackTo(earlier, command);
        expect(await buffer.flushState(id)).toMatchObject({ lastCommit: kept });

        // An earlier attempt at the last one arrives late: it may lack some of what that brought.
        await buffer.commit(commit(id, epoch, { number: 7 }));
        const next = commit(id, epoch, {
          code: code('three', 3),
          messages: [message()],
          number: 9,
          after: 8,
        });
        await expect(buffer.commit(next)).rejects.toThrow(CommitsLostError);
        // Said once more, should the answer have been lost.
        await expect(buffer.commit(next)).rejects.toThrow(CommitsLostError);
        expect(await buffer.read(id, true)).toMatchObject({
          code: kept === 0 ? null : { code: 'one' },
          messages: [],
        });
        const again = await buffer.commit({ ...next, after: 0 });
        expect(again).toMatchObject({ rev: 3, isDirty: true, lastCommit: 9 });
        expect(await flusher.flushSession(id)).toMatchObject({ flushedRev: 3, lastCommit: 9 });
      }
    });

    it('reports the sweeper’s lease', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      expect(await buffer.commit(commit(id, epoch, { code: code('one', 1) }))).toMatchObject({
        sweeperLeaseMs: 0,
      });
      expect(await buffer.beginTurn(TURN)).toMatchObject({ outcome: 'many' });
      const { sweeperLeaseMs } = await buffer.commit(commit(id, epoch, { code: code('two', 2) }));
      expect(sweeperLeaseMs).toBeGreaterThan(0);
      expect(sweeperLeaseMs).toBeLessThanOrEqual(5_000);
    });

    it('is one command', async () => {
      const { buffer, redis } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      await buffer.commit(commit(id, epoch, { code: code('warm', 1) }));
      const calls: string[] = [];
      const call = redis.call.bind(redis);
      redis.call = (what, run) => {
        calls.push(what);
        return call(what, run);
      };
      await buffer.commit(commit(id, epoch, { code: code('two', 2), messages: [message(), message()] }));
      expect(calls).toEqual(['commit']);
    });

    it('of a large code brings only what changed, in one command', async () => {
      const { buffer, asked } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      const text = (knob: string) => `${'é🎵 pattern\n'.repeat(500)}gain(${knob})${'€ tail\n'.repeat(500)}`;
      await buffer.commit(commit(id, epoch, { code: { ...code(text('0.5'), 1), base: null } }));
      const knobs = ['0.55', '🎶', '', '0.5'];
      let base = { rev: 1, code: text('0.5') };
      for (const [i, knob] of knobs.entries()) {
        const next = { ...code(text(knob), i + 2), base };
        const before = asked();
        expect(await buffer.commit(commit(id, epoch, { code: next }))).toMatchObject({ rev: i + 2 });
        const after = asked();
        expect(after.commands - before.commands).toBe(1);
        expect(after.bytes - before.bytes).toBeLessThan(1_000);
        expect((await buffer.read(id, false)).code).toMatchObject({ code: text(knob), rev: i + 2, epoch });
        base = { rev: next.rev, code: next.code };
      }
    });

    it('brings the whole code where something else is there than what it changes', async () => {
      const { buffer, command, keys } = fixture;
      const text = (knob: string) => `gain(${knob})${'x'.repeat(5_000)}`;
      const next = { ...code(text('2'), 7), base: { rev: 5, code: text('1') } };
      // Of the same size, and not what the change belongs to.
      const other = ['code', text('3').replaceAll('x', 'y')];
      /** What is there of the session, and what storage says its revision is afterwards. */
      const cases: Record<string, [arrange: (id: string) => Promise<unknown>, rev: number]> = {
        nothing: [async () => {}, 7],
        'an older revision': [(id) => command('HSET', keys.session(id), 'rev', '4', ...other), 7],
        'a lifted revision': [(id) => command('HSET', keys.session(id), 'rev', '6', ...other), 7],
        'a newer revision': [(id) => command('HSET', keys.session(id), 'rev', '9', ...other), 9],
        'another room’s code': [(id) => command('HSET', keys.session(id), 'code_epoch', '1', ...other), 7],
        'a code of another size': [(id) => command('HSET', keys.session(id), 'code', `${text('1')}!`), 7],
        'no code any more': [(id) => command('HDEL', keys.session(id), 'code', 'rev'), 7],
      };
      for (const [what, [arrange, rev]] of Object.entries(cases)) {
        const id = randomUUID();
        const { epoch } = await buffer.open(id);
        if (what !== 'nothing') await buffer.commit(commit(id, epoch, { code: code(text('1'), 5) }));
        await arrange(id);
        const said = message();
        const result = await buffer.commit(commit(id, epoch, { code: next, messages: [said] }));
        expect([what, result.rev]).toEqual([what, rev]);
        const held = await buffer.read(id, true);
        if (rev === 7) expect(held.code).toMatchObject({ code: text('2'), rev: 7, epoch });
        expect(held.messages).toEqual([said]);
      }
    });

    it('of a change repeated has no second effect', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      const text = (knob: string) => `gain(${knob})${'x'.repeat(5_000)}`;
      await buffer.commit(commit(id, epoch, { code: code(text('1'), 1) }));
      const change = commit(id, epoch, {
        code: { ...code(text('12'), 2), base: { rev: 1, code: text('1') } },
        messages: [message()],
      });
      const results = [await buffer.commit(change), await buffer.commit(change)];
      expect(results).toMatchObject([{ rev: 2 }, { rev: 2 }]);
      expect((await buffer.read(id, true)).messages).toHaveLength(1);
      expect((await buffer.read(id, false)).code).toMatchObject({ code: text('12'), rev: 2 });
      const { edits, messages } = await buffer.stats();
      expect({ edits, messages }).toEqual({ edits: 2, messages: 1 });
    });

    it('of a change is refused to a room that has been succeeded', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const text = 'x'.repeat(5_000);
      const { epoch } = await buffer.open(id);
      await buffer.commit(commit(id, epoch, { code: code(text, 1) }));
      await buffer.open(id);
      const change = { ...code(`${text}!`, 2), base: { rev: 1, code: text } };
      await expect(buffer.commit(commit(id, epoch, { code: change }))).rejects.toThrow(SupersededError);
      expect((await buffer.read(id, false)).code).toMatchObject({ code: text, rev: 1 });
    });

    it('fails as unavailable, without a word of what it carried', async () => {
      const { buffer, keys, command } = fixture;
      const id = randomUUID();
      await command('SET', keys.session(id), 'not a hash');
      const secret = 'let nobody = "see this"';
      const failure = await buffer
        .commit(commit(id, 1, { code: code(secret, 1) }))
        .catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(StorageUnavailableError);
      expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('nobody');
    });
  });

  describe('flush', () => {
    it('writes what is dirty, then takes it out, and leaves the code readable for a while', async () => {
      const { buffer, command, keys } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      await buffer.commit(commit(id, epoch, { code: code('one', 1), messages: [message('hi')] }));
      expect(await command('TTL', keys.session(id))).toBe(-1);
      expect(await flusher.flushSession(id)).toMatchObject({
        sessions: 1,
        messages: 1,
        flushedRev: 1,
        isDirty: false,
      });
      expect(writer.row(id)).toMatchObject({ code: 'one', rev: 1 });
      expect(writer.row(id).messages.size).toBe(1);
      const held = await buffer.read(id, true);
      expect(held).toMatchObject({ code: { code: 'one', rev: 1 }, flushedRev: 1, messages: [] });
      expect(await command('TTL', keys.session(id))).toBeGreaterThan(0);
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, flushedEdits: 1, flushedMessages: 1 });
      const again = await flusher.flushSession(id);
      expect(again).toMatchObject({ sessions: 0, flushedRev: 1, isDirty: false });
      expect(writer.calls).toHaveLength(1);
      // Dirty again: it may not expire.
      await buffer.commit(commit(id, epoch, { code: code('two', 2) }));
      expect(await command('TTL', keys.session(id))).toBe(-1);
    });

    it('of a session that the buffer has lost says so by its last commit', async () => {
      const { buffer, command } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      await buffer.commit(commit(id, epoch, { code: code('one', 1), number: 5 }));
      expect(await flusher.flushSession(id)).toMatchObject({ isDirty: false, lastCommit: 5 });
      // Nothing left to write: then it is the buffer's state that says so.
      expect(await flusher.flushSession(id)).toMatchObject({ isDirty: false, lastCommit: 5 });
      await command('FLUSHALL');
      expect(await flusher.flushSession(id)).toMatchObject({ isDirty: false, lastCommit: 0 });
    });

    it('takes nothing out before Postgres has it', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      await buffer.commit(commit(id, epoch, { code: code('one', 1), messages: [message()] }));
      writer.before = async () => {
        throw new StorageUnavailableError('postgres', 'down');
      };
      await expect(flusher.sweep()).rejects.toThrow(StorageUnavailableError);
      expect(await buffer.read(id, true)).toMatchObject({
        code: { code: 'one' },
        messages: [{ content: 'hello' }],
      });
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 1 });
      writer.before = async () => {};
      await flusher.sweep();
      expect(writer.row(id)).toMatchObject({ code: 'one' });
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
    });

    it('that committed but whose answer was lost is repeated without a second effect', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      await buffer.commit(commit(id, epoch, { code: code('one', 1), messages: [message()] }));
      writer.after = async () => {
        throw new StorageUnavailableError('postgres', 'connection cut');
      };
      await expect(flusher.sweep()).rejects.toThrow(StorageUnavailableError);
      writer.after = async () => {};
      await flusher.sweep();
      expect(writer.row(id)).toMatchObject({ code: 'one', rev: 1 });
      expect(writer.row(id).messages.size).toBe(1);
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
    });

    it('keeps what came in between reading and settling, and keeps it dirty', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      const late = message('late');
      await buffer.commit(commit(id, epoch, { code: code('one', 1), messages: [message('early')] }));
      writer.after = async () => {
        await buffer.commit(commit(id, epoch, { code: code('two', 2), messages: [late] }));
      };
      expect(await flusher.sweep()).toMatchObject({ sessions: 1 });
      writer.after = async () => {};
      expect(writer.row(id)).toMatchObject({ code: 'one', rev: 1 });
      expect(await buffer.read(id, true)).toMatchObject({ code: { code: 'two', rev: 2 }, messages: [late] });
      expect(await flusher.flushSession(id)).toMatchObject({ flushedRev: 2, isDirty: false });
      expect(writer.row(id)).toMatchObject({ code: 'two', rev: 2 });
      expect(writer.row(id).messages.size).toBe(2);
    });

    it('keeps a message that a later room took over between reading and settling', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      const [early, other] = [message('early'), message('other')];
      await buffer.commit(commit(id, epoch, { messages: [early, other] }));
      const shown = { ...early, createdAtMs: early.createdAtMs + 600_000, epoch: epoch + 1 };
      writer.after = async () => {
        await buffer.commit(commit(id, epoch + 1, { messages: [shown] }));
      };
      await flusher.sweep();
      writer.after = async () => {};
      expect((await buffer.read(id, true)).messages).toEqual([shown]);
      expect(await flusher.flushSession(id)).toMatchObject({ isDirty: false });
      expect(writer.row(id).messages.get(early.id)).toEqual(shown);
      expect(writer.row(id).messages.get(other.id)).toEqual(other);
    });

    it('by two sweeps at once changes nothing twice and leaves nothing dirty', async () => {
      const { buffer } = fixture;
      const ids = Array.from({ length: 30 }, () => randomUUID());
      for (const id of ids) {
        const { epoch } = await buffer.open(id);
        await buffer.commit(commit(id, epoch, { code: code('one', 1), messages: [message()] }));
      }
      await Promise.all([flusher.sweep(), flusher.sweep(), flusher.sweep(), flusher.sweep()]);
      for (const id of ids) expect(writer.row(id)).toMatchObject({ code: 'one', rev: 1 });
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, flushedEdits: 30 });
    });

    it('goes by batches bounded in sessions and bytes, and through a session larger than a batch', async () => {
      const { buffer } = fixture;
      const small = new Flusher({
        buffer,
        writer,
        bounds: { maxSessions: 3, maxBytes: 20_000 },
        sweepAbove: 1,
        staleAfterMs: 10_000,
        intervalMs: 1,
        leaseMs: 1_000,
        inactivity: INACTIVITY,
      });
      const ids = Array.from({ length: 7 }, () => randomUUID());
      for (const id of ids) {
        const { epoch } = await buffer.open(id);
        await buffer.commit(commit(id, epoch, { code: code('x', 1) }));
      }
      const large = randomUUID();
      const { epoch } = await buffer.open(large);
      const many = Array.from({ length: 600 }, () => message('m'.repeat(400)));
      await buffer.commit(commit(large, epoch, { messages: many }));
      await small.sweep();
      expect(writer.row(large).messages.size).toBe(600);
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, flushedMessages: 600 });
      for (const batch of writer.calls) {
        expect(batch.length).toBeLessThanOrEqual(3);
        expect(JSON.stringify(batch).length).toBeLessThan(40_000);
      }
      // The same for one session alone.
      await buffer.commit(commit(large, epoch, { messages: many.slice(0, 300) }));
      expect(await small.flushSession(large)).toMatchObject({ isDirty: false });
    });

    it('puts exactly the culprits among the dead letters, and flushes everything else', async () => {
      const { buffer } = fixture;
      const ids = Array.from({ length: 9 }, () => randomUUID());
      const poison = message('poison');
      for (const [i, id] of ids.entries()) {
        const { epoch } = await buffer.open(id);
        await buffer.commit(
          commit(id, epoch, {
            code: code(i === 2 ? 'poison' : 'fine', 1),
            messages: i === 5 ? [message(), poison, message()] : [message()],
          }),
        );
      }
      writer.refuse = (write) =>
        write.code?.code === 'poison' || write.messages.some(({ content }) => content === 'poison');
      expect(await flusher.sweep()).toMatchObject({ deadLetters: 2 });
      for (const [i, id] of ids.entries()) {
        expect(writer.row(id).code).toBe(i === 2 ? '' : 'fine');
        expect(writer.row(id).messages.size).toBe(i === 5 ? 2 : 1);
      }
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, deadLetters: 2, deadLettered: 2 });
      // Refused code is not flushed, and nobody may be told that it is.
      expect(await buffer.flushState(ids[2]!)).toMatchObject({ rev: 1, flushedRev: 0, isDirty: false });
      const { letters, next } = await buffer.listDead({ limit: 100 });
      expect(next).toBeNull();
      expect(letters.map(({ session_id, kind, reason }) => [session_id, kind, reason.code]).sort()).toEqual(
        [
          [ids[2], 'code', '22021'],
          [ids[5], 'message', '22021'],
        ].sort(),
      );

      // Replayed while the reason holds: it stays. Once it doesn't: it lands, once, and is gone.
      const letter = letters.find(({ kind }) => kind === 'message')!;
      expect(await flusher.replayDead(letter.id)).toEqual({ refused: '22021: invalid byte sequence' });
      expect(await flusher.replayDead('nope')).toBe('not_found');
      writer.refuse = () => false;
      expect(await flusher.replayDead(letter.id)).toBe('replayed');
      expect(writer.row(ids[5]!).messages.get(poison.id)).toEqual(poison);
      expect(await flusher.replayDead(letter.id)).toBe('not_found');
      expect(await buffer.stats()).toMatchObject({ deadLetters: 1 });
      // An edit after the refused one is flushed as ever.
      const { epoch } = await buffer.open(ids[2]!);
      await buffer.commit(commit(ids[2]!, epoch, { code: code('mended', 2) }));
      expect(await flusher.flushSession(ids[2]!)).toMatchObject({ flushedRev: 2, isDirty: false });
    });

    it('puts what isn’t a message, and what has lost its session, among the dead letters', async () => {
      const { buffer, command, keys } = fixture;
      const broken = randomUUID();
      const gone = randomUUID();
      for (const id of [broken, gone]) {
        const { epoch } = await buffer.open(id);
        await buffer.commit(commit(id, epoch, { code: code('one', 1), messages: [message()] }));
      }
      await command('HSET', keys.messages(broken), 'weird', '{"not":"a message"}');
      writer.missing.add(gone);
      await flusher.sweep();
      expect(writer.row(broken)).toMatchObject({ code: 'one' });
      expect(writer.row(broken).messages.size).toBe(1);
      const { letters } = await buffer.listDead({ limit: 100 });
      expect(
        letters.map(({ session_id, kind, reason }) => `${session_id} ${kind} ${reason.code}`).sort(),
      ).toEqual(
        [
          `${broken} message malformed`,
          `${gone} code session_missing`,
          `${gone} message session_missing`,
        ].sort(),
      );
      expect(letters.find(({ reason }) => reason.code === 'malformed')?.data).toBe('{"not":"a message"}');
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
    });

    it('passes over a session whose row is locked, and comes back to it', async () => {
      const { buffer } = fixture;
      const ids = [randomUUID(), randomUUID()];
      for (const id of ids) {
        const { epoch } = await buffer.open(id);
        await buffer.commit(commit(id, epoch, { code: code('one', 1) }));
      }
      writer.busy.add(ids[0]!);
      expect(await flusher.sweep()).toMatchObject({ sessions: 1, busy: 1 });
      expect(await flusher.flushSession(ids[0]!)).toMatchObject({ isDirty: true });
      writer.busy.clear();
      await flusher.sweep();
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
    });

    it('never lets what a succeeded room wrote to Postgres hide its successor’s edits', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const zombie = await buffer.open(id);
      const successor = await buffer.open(id);
      // The zombie had no Redis, and fell back to Postgres with revisions that its successor never heard of.
      Object.assign(writer.row(id), { code: 'zombie', rev: 12, epoch: zombie.epoch });
      await buffer.commit(commit(id, successor.epoch, { code: code('eleven', 11) }));
      writer.after = async () => {
        await buffer.commit(commit(id, successor.epoch, { code: code('twelve', 12) }));
      };
      await flusher.flushSession(id);
      writer.after = async () => {};
      expect(writer.row(id)).toMatchObject({ code: 'eleven', rev: 13 });
      expect(await flusher.flushSession(id)).toMatchObject({ isDirty: false });
      expect(writer.row(id)).toMatchObject({ code: 'twelve', rev: 14 });
      // A commit under a revision that is taken comes back with the one to go on from.
      expect(await buffer.commit(commit(id, successor.epoch, { code: code('thirteen', 13) }))).toMatchObject({
        rev: 14,
      });
    });

    it('sends readers to Postgres where it is ahead of the buffer', async () => {
      const { buffer } = fixture;
      const id = randomUUID();
      const { epoch } = await buffer.open(id);
      await buffer.commit(commit(id, epoch, { code: code('fifty', 50) }));
      Object.assign(writer.row(id), { code: 'sixty', rev: 60, epoch });
      await flusher.sweep();
      expect(writer.row(id)).toMatchObject({ code: 'sixty', rev: 60 });
      expect(await buffer.read(id, false)).toMatchObject({ code: null, flushedRev: 60 });
    });
  });

  it('shows how old the oldest dirty session is', async () => {
    const { buffer, command, keys } = fixture;
    await command('ZADD', keys.dirty, String(Date.now() - 7_000), randomUUID());
    const { oldestDirtyMs } = await buffer.stats();
    expect(oldestDirtyMs).toBeGreaterThanOrEqual(7_000);
    expect(oldestDirtyMs).toBeLessThan(60_000);
  });

  describe('sessions in which nothing happens', () => {
    const quiet = async (minutes: number, id: string = randomUUID()) => {
      await fixture.command('ZADD', fixture.keys.active, String(Date.now() - minutes * 60_000), id);
      return id;
    };
    const look = async () => (await fixture.buffer.beginTurn(TURN)).inactive;
    const known = async () => fixture.command('ZRANGE', fixture.keys.active, '0', '-1');

    it('are found with the lease, oldest first, once in a while', async () => {
      const [a, , b] = [await quiet(31), await quiet(29), await quiet(40)];
      expect(await look()).toEqual([b, a]);
      expect(await look()).toEqual([]);
      const left = Number(await fixture.command('PTTL', fixture.keys.looked));
      expect(left).toBeGreaterThan(290_000);
      expect(left).toBeLessThanOrEqual(300_000);
      await fixture.command('DEL', fixture.keys.looked);
      expect(await look()).toEqual([b, a]);
    });

    it('are found turn after turn while there are more than one can take', async () => {
      for (let i = 0; i < 5; i++) await quiet(40 + i);
      const first = await look();
      expect(first).toHaveLength(3);
      const retired = first.map((id) => ({ id, lastActivityMs: null }));
      await fixture.buffer.retire(retired, INACTIVITY);
      expect(await look()).toHaveLength(2);
      expect(await look()).toEqual([]);
    });

    it('are active again once somebody comes, edits or says something', async () => {
      const { buffer } = fixture;
      const [opened, edited, said] = [await quiet(31), await quiet(31), await quiet(31)];
      await buffer.open(opened);
      await buffer.commit(commit(edited, 1, { code: code('x', 1) }));
      await buffer.commit(commit(said, 1, { messages: [message('hi')] }));
      expect(await look()).toEqual([]);
      expect(new Set((await known()) as string[])).toEqual(new Set([opened, edited, said]));
      // What changes nothing is no activity.
      const repeated = await quiet(31, edited);
      await buffer.commit(commit(repeated, 1, { code: code('x', 1) }));
      await fixture.command('DEL', fixture.keys.looked);
      expect(await look()).toEqual([repeated]);
    });

    it('are retired, unless something has happened since', async () => {
      const { buffer } = fixture;
      const [ended, revived, active] = [await quiet(31), await quiet(31), await quiet(31)];
      await buffer.open(revived);
      const activeAtMs = Date.now() - 1_000;
      await buffer.retire(
        [
          { id: ended, lastActivityMs: null },
          { id: revived, lastActivityMs: null },
          { id: active, lastActivityMs: activeAtMs },
          { id: randomUUID(), lastActivityMs: activeAtMs },
        ],
        INACTIVITY,
      );
      expect(await known()).toEqual([active, revived]);
      expect(await look()).toEqual([]);
    });

    it('are taken in when nothing was known of them', async () => {
      const { buffer } = fixture;
      const opened = randomUUID();
      await buffer.open(opened);
      const stranger = randomUUID();
      const lastActivityMs = Date.now() - 40 * 60_000;
      await buffer.adopt([stranger, opened].map((id) => ({ id, lastActivityMs })));
      await buffer.adopt([]);
      expect(await look()).toEqual([stranger]);
    });

    it('are flushed together', async () => {
      const { buffer } = fixture;
      const ids = Array.from({ length: 4 }, () => randomUUID());
      for (const id of ids.slice(0, 3)) {
        const { epoch } = await buffer.open(id);
        await buffer.commit(commit(id, epoch, { code: code('x', 1), messages: [message('hi')] }));
      }
      writer.busy.add(ids[1] ?? '');
      expect(await flusher.flushSessions(ids)).toEqual([ids[0], ids[2], ids[3]]);
      expect(writer.calls).toHaveLength(1);
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 1 });
      expect(await flusher.flushSessions([])).toEqual([]);
      expect(writer.calls).toHaveLength(1);
    });
  });
});
