import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { parseClientMessage } from '../src/protocol/index.ts';
import { digestOf, KnobDocument } from './load/document.ts';
import { EditFrames } from './load/edit-frame.ts';
import { EvenSchedule } from './load/schedule.ts';
import { parseOptions, UsageError } from './options.ts';
import { check } from './report/check.ts';
import { costPerMillionEdits } from './report/cost.ts';
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
      await vi.waitUntil(() => read.length === 3, { timeout: 30_000 });
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
    expect(parseOptions(['--flush-only'])?.mode).toEqual({ kind: 'flush-only', sessions: 20_000 });
  });

  it('refuses what it cannot understand', () => {
    for (const args of [['--rate=fast'], ['--what'], ['--peers=nobody'], ['--idle', '--scale']]) {
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
