import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { numberIn } from '../src/domain/revision.ts';
import { parseClientMessage } from '../src/protocol/index.ts';
import { WAIT } from '../test/support/wait.ts';
import { digestOf, KnobDocument } from './load/document.ts';
import { EditFrames } from './load/edit-frame.ts';
import { frameBytes } from './load/frame-bytes.ts';
import { MergingRoom } from './load/merging-room.ts';
import { Recorder } from './load/recorder.ts';
import { Revisions } from './load/revisions.ts';
import { EvenSchedule } from './load/schedule.ts';
import { SharedText, TypedLine } from './load/typing.ts';
import type { Outcome } from './merging/contender.ts';
import { parseOptions, UsageError } from './options.ts';
import { check } from './report/check.ts';
import { costPerMillionEdits } from './report/cost.ts';
import { mergingPlots, systemsTable, waysTable } from './report/merging.ts';
import { svg } from './report/plots.ts';
import { figure, ratio } from './report/table.ts';

describe("the load's schedule", () => {
  it('deals events evenly to all turns, none before its time', () => {
    const schedule = new EvenSchedule(4, 10, 2);
    const turns: number[] = [];
    for (let ms = 0; ms <= 2_000; ms += 5) {
      for (let due = schedule.take(ms); due; due = schedule.take(ms)) {
        expect(due.lateMs).toBeGreaterThanOrEqual(0);
        expect(due.lateMs).toBeLessThan(5);
        turns.push(due.turn);
      }
    }
    expect(turns).toHaveLength(80);
    expect(turns.filter((turn) => turn === 3)).toHaveLength(20);
    expect(schedule.isOver).toBe(true);
  });

  it('catches up after a pause, and says how late it is', () => {
    const schedule = new EvenSchedule(1, 10, 1);
    expect(schedule.take(500)).toEqual({ turn: 0, lateMs: 500 });
    expect(schedule.take(500)).toEqual({ turn: 0, lateMs: 400 });
  });

  it('does not make up for more than it may', () => {
    const schedule = new EvenSchedule(1, 10, 1, 50);
    expect(schedule.take(500)).toEqual({ turn: 0, lateMs: 500 });
    expect(schedule.take(549)).toBeNull();
    expect(schedule.take(550)).toEqual({ turn: 0, lateMs: 0 });
  });
});

describe('what people type who share a text', () => {
  it('is single keys in a line that stays short, and the same for the same person', () => {
    const [line, again, other] = [new TypedLine(1), new TypedLine(1), new TypedLine(2)];
    let typed = '';
    let deletions = 0;
    for (let i = 0; i < 5_000; i++) {
      const { col, removed, insert } = line.next();
      expect(removed + insert.length).toBe(1);
      deletions += removed;
      typed = typed.slice(0, col) + insert + typed.slice(col + removed);
      again.next();
      other.next();
      expect(typed.length).toBeLessThan(120);
    }
    expect(typed).toBe(line.text);
    expect(again.text).toBe(typed);
    expect(other.text).not.toBe(typed);
    expect(deletions).toBeGreaterThan(2_000);
  });

  it('is in lines of their own, in a text of the wanted size', () => {
    const text = new SharedText(2_000, 3);
    expect(Buffer.byteLength(text.with([]))).toBe(2_000);
    const typed = text.with(['first', '', 'third']);
    expect(typed.slice(text.linesAt)).toMatch(/^first\n\nthird\n/);
    expect(typed.split('\n')[text.lineOf(2) - 1]).toBe('third');
  });
});

describe('the revisions that a room makes', () => {
  it('are counted over its terms', () => {
    const revisions = new Revisions();
    revisions.heardOf(0);
    expect(revisions.made).toBe(0);
    for (const count of [2, 1, 5]) revisions.heardOf(numberIn(1, count));
    expect(revisions.made).toBe(5);
    revisions.heardOf(numberIn(3, 2));
    revisions.heardOf(numberIn(1, 6));
    expect(revisions.made).toBe(7);
    expect(revisions.newest).toBe(numberIn(3, 2));
  });
});

describe('the size of a frame', () => {
  it.each([
    [125, 2],
    [126, 4],
    [65_535, 4],
    [65_536, 10],
  ])('with a payload of %i bytes has a header of %i', (payload, header) => {
    expect(frameBytes(payload, 'server')).toBe(header + payload);
    expect(frameBytes(payload, 'client')).toBe(header + 4 + payload);
  });
});

describe('people who merge', () => {
  it('count it when the room cannot follow, ask for its text, and make their edits again', async () => {
    const received: string[] = [];
    let answerResync = () => {};
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    const text = new SharedText(500, 1);
    server.on('connection', (socket, request) => {
      const say = (type: string, payload: object) =>
        socket.send(JSON.stringify({ type, session_id: 'a', timestamp: '', payload }));
      const state = (sync: number) =>
        say('session_state', {
          ...{ code: text.with([]), rev: 7, flushed_rev: 7, client_seq: 0, sync, your_role: 'co-author' },
          ...{ your_display_name: 'Ada', participants: [], chat_history: [], conversation_history: [] },
          strudel_id: null,
        });
      expect(request.url).toContain('edits=changes');
      state(1);
      socket.on('message', (data) => {
        const parsed = parseClientMessage(String(data));
        if (!parsed.ok) throw new Error('not a message of the protocol');
        const { type, payload } = parsed.message;
        received.push(type);
        if (type === 'resync') answerResync = () => state(2);
        else if (type === 'code_update' && 'sync' in payload && payload.sync === 1)
          say('out_of_step', { reason: 'a test' });
        else if (type === 'code_update')
          say('ack', { rev: 8, client_seq: payload.client_seq, durable: 'buffer' });
      });
    });
    await once(server, 'listening');
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    const recorder = new Recorder();
    const plan = {
      ...{ url, rooms: [], typists: 1, viewers: 0, ratePerS: 1, chatPerS: 0, seconds: 1, codeBytes: 500 },
      ...{ edits: 'changes' as const, pace: 'none' as const, ackWaitMs: 1_000 },
    };
    const people = { id: 'a', typistIds: ['ada'], typistTokens: ['token'], viewerTokens: [] };
    const room = new MergingRoom(people, plan, recorder);
    await room.connect();
    room.edit(0, 0);
    await vi.waitUntil(() => received.includes('resync'), WAIT);
    // Goes after the first one, once the text is there.
    room.edit(0, 0);
    expect(room.waiting).toBe(2);
    answerResync();
    await vi.waitUntil(() => room.waiting === 0, WAIT);
    room.leave();
    server.close();
    expect(received).toEqual(['code_update', 'resync', 'code_update', 'code_update']);
    const ended = { accepted: 1, ackedInTime: 1, elapsedMs: 1, rooms: [room.outcome()] };
    expect(recorder.report(ended)).toMatchObject({
      ...{ sent: 2, acked: 2, errors: { out_of_step: 1 } },
      rooms: [{ isFinal: true, diverged: 0 }],
    });
  });
});

describe('the document that people edit', () => {
  it('has the wanted size, and its JSON parts make the same text', () => {
    const document = new KnobDocument(2_000, 3);
    const text = document.text(42);
    expect(Buffer.byteLength(text)).toBe(2_000);
    const [before, after] = document.jsonParts();
    expect(JSON.parse(`${before}${document.knob(42)}${after}`)).toBe(text);
    expect(text.slice(document.knobAt, document.knobAt + document.knobLength)).toBe('000042');
  });
});

describe('the frames of edits', () => {
  it.each([200, 2_000, 100_000])(
    'of %i bytes are what a server reads, with the code of that edit',
    async (bytes) => {
      const document = new KnobDocument(bytes, 3);
      const frames = new EditFrames(document, 3);
      const read: string[] = [];
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
      server.on('connection', (socket) => socket.on('message', (data) => read.push(String(data))));
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      const wire = connect(port, '127.0.0.1');
      const client = new WebSocket(`ws://127.0.0.1:${port}`, { createConnection: () => wire });
      await once(client, 'open');
      for (const edit of [0, 42, 123_456]) wire.write(frames.frame(edit));
      await vi.waitUntil(() => read.length === 3, WAIT);
      client.terminate();
      server.close();
      for (const [i, edit] of [0, 42, 123_456].entries()) {
        const parsed = parseClientMessage(read[i] ?? '');
        if (!parsed.ok || parsed.message.type !== 'code_update') throw new Error('not an edit');
        const { payload } = parsed.message;
        expect('code' in payload && payload.code).toBe(document.text(edit));
        expect(payload).toMatchObject({ cursor_col: 3, client_seq: 100_000 + edit });
        expect(EditFrames.editOf(payload.cursor_line ?? 0)).toBe(edit);
      }
    },
  );
});

describe('the check of what is stored', () => {
  const newest = { rev: 7, digest: digestOf('seven') };
  const room = { id: 'a', newest, isFinal: true, textBytes: 5, diverged: 0, messages: ['m1', 'm2', 'm3'] };
  const messages = new Map([
    ['m1', { id: 'm1', copies: 1 }],
    ['m2', { id: 'm2', copies: 2 }],
  ]);

  it('finds what is missing and what is there twice', () => {
    const found = check([room], new Map([['a', { rev: 6, digest: digestOf('six') }]]), messages);
    expect(found).toMatchObject({ sessionsLost: 1, messagesLost: 1, messagesDoubled: 1 });
  });

  it('lets storage be ahead only where edits were sent after the last acknowledgement', () => {
    const ahead = new Map([['a', { rev: 8, digest: digestOf('eight') }]]);
    expect(check([room], ahead, messages).sessionsLost).toBe(1);
    expect(check([{ ...room, isFinal: false }], ahead, messages).sessionsLost).toBe(0);
  });

  it('counts people whose text is another one', () => {
    const two = [room, { ...room, diverged: 2 }];
    expect(check(two, new Map(), messages).diverged).toBe(2);
  });

  it('asks nothing of a room in which nothing was acknowledged', () => {
    expect(check([{ ...room, newest: null, messages: [] }], new Map(), messages).sessionsLost).toBe(0);
  });
});

describe('the cost of a million edits', () => {
  const usage = {
    edits: 1e6,
    chats: 0,
    seconds: 50,
    rooms: 2_000,
    redisCommands: 150_000,
    redisBytes: 0,
    postgresCpuS: 0,
    walBytes: 0,
  };

  it('adds up its parts, and charges Postgres for at least the smallest compute', () => {
    const cost = costPerMillionEdits(usage);
    expect(cost.redis).toBeCloseTo(0.3);
    expect(cost.postgres).toBeCloseTo((0.25 * 50 * 0.106) / 3600);
    expect(cost.total).toBeCloseTo(cost.redis + cost.rooms + cost.postgres);
  });

  it("charges no room where rooms aren't the provider's", () => {
    expect(costPerMillionEdits({ ...usage, rooms: 0 }).rooms).toBe(0);
  });
});

describe('the command line', () => {
  it('fills in what each mode needs', () => {
    expect(parseOptions([])?.load).toMatchObject({ sessions: 2_000, ratePerS: 10, seconds: 60 });
    expect(parseOptions(['--room'])?.load).toMatchObject({ sessions: 1, typists: 10, viewers: 40 });
    expect(parseOptions(['--scale=5,6'])?.mode).toEqual({ kind: 'scale', sessions: [5, 6] });
    expect(parseOptions(['--peers', '--rate', '5'])?.mode).toMatchObject({ kind: 'peers' });
    expect(parseOptions(['--merging'])).toMatchObject({
      mode: { kind: 'merging', edits: 18_000 },
      load: { sessions: 2, typists: 5, ratePerS: 25, edits: 'changes' },
    });
    expect(parseOptions(['--merging=400', '--sessions=1', '--typists=3'])).toMatchObject({
      mode: { kind: 'merging', edits: 400 },
      load: { sessions: 1, typists: 3 },
    });
    expect(parseOptions(['--room'])?.load.edits).toBe('whole');
    expect(parseOptions(['--room', '--edits=changes'])?.load.edits).toBe('changes');
    expect(parseOptions(['--flush-only'])?.mode).toEqual({ kind: 'flush-only', sessions: 20_000 });
  });

  it('refuses what it cannot understand', () => {
    const merged = [['--edits=some'], ['--merging', '--edits=whole'], ['--merging', '--idle']];
    for (const args of [
      ...[['--rate=fast'], ['--what'], ['--peers=nobody'], ['--idle', '--scale']],
      ...merged,
    ]) {
      expect(() => parseOptions(args)).toThrow(UsageError);
    }
  });
});

describe('figures', () => {
  it('are short, and say when there is none', () => {
    expect([figure(1234.5), figure(0.12345), figure(12, 'ms'), figure(null), figure(0)]).toEqual([
      '1,235',
      '0.123',
      '12 ms',
      '–',
      '0',
    ]);
    expect([ratio(10, 4), ratio(1, 0)]).toEqual(['2.5×', '–']);
  });

  it('are drawn without points that were not measured', () => {
    const drawn = svg({
      title: 'a < b',
      x: 's',
      y: 'ms',
      series: [
        {
          name: 'p50',
          points: [
            [0, 1],
            [1, null],
            [2, 3],
          ],
        },
      ],
    });
    expect(drawn).toContain('a &lt; b');
    expect(drawn.match(/<circle/g)).toHaveLength(2);
    expect(drawn).not.toContain('NaN');
  });
});

describe('what merging costs', () => {
  const load = parseOptions(['--merging'])?.load;
  if (!load) throw new Error('no load');
  const point = (edits: number, heapBytes: number) => ({ edits, heapBytes, residentBytes: 50e6 });
  const ours: Outcome = {
    ...{ target: 'backbeat', about: '', ackMeans: '', load, isDrained: true, textBytes: 10, storedBytes: 20 },
    edits: { sent: 10, accepted: 10, acked: 10, errors: {}, closed: 0 },
    check: { sessions: 2, sessionsLost: 0, diverged: 0, messages: 0, messagesLost: 0, messagesDoubled: 0 },
    bytes: { up: 100, downToEachOther: 200, downToAuthor: 10 },
    cpuMsPer1000: { server: 40, redis: 1, postgres: 1 },
    memory: [point(0, 2e6), point(5, 3e6), point(10, 3e6), point(15, 3e6), point(20, 3e6)],
  };
  const theirs: Outcome = {
    ...{ ...ours, target: 'hocuspocus', bytes: { up: 50, downToEachOther: 20, downToAuthor: 20 } },
    memory: [point(0, 2e6), point(5, 3e6), point(10, 4e6), point(15, 5e6), point(20, 6e6)],
  };
  const rowOf = (text: string, label: string) =>
    text
      .split('\n')
      .find((line) => line.startsWith(`| ${label}`))
      ?.split('|')
      .slice(2, -1)
      .map((cell) => cell.trim());

  it('is shown beside ours, and by room', () => {
    const text = systemsTable([ours, theirs]);
    expect(rowOf(text, 'on the wire: all of a room')).toEqual(['910 bytes', '150 bytes (0.16×)']);
    expect(rowOf(text, 'heap since the first edit, a room, after all')).toEqual(['500 KB', '2,000 KB (4×)']);
    expect(rowOf(text, 'heap of a room, from a quarter to all')).toEqual(['0 KB', '1,500 KB (–)']);
    expect(mergingPlots([theirs]).memory?.series[0]?.points).toEqual([
      [0, 0],
      [5, 500],
      [10, 1_000],
      [15, 1_500],
      [20, 2_000],
    ]);
  });

  it('is shown by the way an edit is sent', () => {
    const bytes = { up: 1_000, downToEachOther: 1_000, downToAuthor: 10 };
    const whole: Outcome = { ...ours, bytes, load: { ...load, edits: 'whole', codeBytes: 100_000 } };
    const text = waysTable([ours, whole]);
    expect(rowOf(text, 'on the wire: up')).toEqual(['100 bytes', '1,000 bytes (10×)']);
    expect(rowOf(text, ' ')).toEqual(['change, 2,000 bytes', 'whole text, 100,000 bytes']);
  });
});
