/**
 * Everybody comes back at once: the process with all rooms is killed under people who type, and starts again.
 * Rooms that do the least there is to do show what of the time is the runtime's.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { on, once } from 'node:events';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { tsxArgs } from '../../dev/project.ts';
import type { RoomPlan } from '../load/plan.ts';
import { SharedText } from '../load/typing.ts';
import { readFronts } from '../measure/fronts.ts';
import { missingFiles } from '../measure/machine-limits.ts';
import type { BenchOptions } from '../options.ts';
import { figure, ratio, table } from '../report/table.ts';
import { writeResults } from '../report/write.ts';
import { describeMachine } from '../result.ts';
import { type Command, eventSchema, type PeopleEvent, type Returned } from '../return/protocol.ts';
import { type Bench, planRooms, type Say, startBench, startCron } from '../run-load.ts';
import { backbeat } from '../targets/backbeat.ts';
import { startFloorRooms } from '../targets/floor.ts';
import type { OwnRooms } from '../targets/own-rooms.ts';
import { headingOf } from './heading.ts';

interface Crowd {
  rooms: number;
  typists: number;
  viewers: number;
}

interface Outcome {
  crowd: Crowd;
  /** From the kill until the new process answered, and until people were back, in milliseconds. */
  answeredMs: number;
  backMs: { p50: number; p95: number; last: number };
  stillAway: number;
  attempts: { mean: number; most: number };
  asked: number;
  /** Of the stores, from the kill until the last was back, and half a minute of typing; null: has none. */
  stores: { statements: number; commands: number } | null;
  /** Rooms in which Postgres doesn't hold exactly what was typed; null: nothing is kept. */
  wrongRooms: number | null;
  diverged: number;
}

const CODE_BYTES = 2_000;
const GREAT_ROOM: Crowd = { rooms: 1, typists: 10, viewers: 990 };
const TYPING_MS = 5_000;
const LIMIT_MS = 180_000;
const PROGRESS_MS = 5_000;
const FLOOR_COMMIT_MS = 250;

class People {
  readonly #child: ChildProcess;
  readonly #say: Say;

  constructor(say: Say) {
    this.#say = say;
    this.#child = spawn(process.execPath, tsxArgs('bench/return/people.ts'), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  async do<T extends PeopleEvent['type']>(
    command: Command,
    answer: T,
  ): Promise<Extract<PeopleEvent, { type: T }>> {
    const answered = this.#answer();
    const ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the people's process ended with code ${code}`);
    });
    this.#child.send(command);
    const event = await Promise.race([answered, ended]);
    if (event.type === 'failed') throw new Error(event.reason);
    if (!isOf(event, answer)) throw new Error(`${answer} was expected, not ${event.type}`);
    return event;
  }

  /** The next event that isn't about how it goes. */
  async #answer(): Promise<PeopleEvent> {
    let saidAtMs = Date.now();
    for await (const [raw] of on(this.#child, 'message')) {
      const event = eventSchema.parse(raw);
      if (event.type !== 'entering') return event;
      if (Date.now() - saidAtMs < PROGRESS_MS) continue;
      saidAtMs = Date.now();
      this.#say(`  ${event.people} people entered`);
    }
    throw new Error('the people’s process says nothing any more');
  }

  async leave(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}

function isOf<T extends PeopleEvent['type']>(
  event: PeopleEvent,
  type: T,
): event is Extract<PeopleEvent, { type: T }> {
  return event.type === type;
}

export async function returnScenario(
  { load, outDir, name }: BenchOptions,
  rooms: number,
  say: Say,
): Promise<string[]> {
  const missing = missingFiles(rooms);
  if (missing) throw new Error(missing);
  const machine = describeMachine(loadavg()[0] ?? 0);
  const results: { ours: Outcome; floor: Outcome }[] = [];
  let files: string[] = [];
  for (const crowd of [{ rooms, typists: 1, viewers: 0 }, GREAT_ROOM]) {
    const bench = await startBench(backbeat.stackArgs, backbeat.stackEnv);
    try {
      say(`${figure(crowd.rooms)} rooms of ${crowd.typists + crowd.viewers}`);
      results.push({
        ours: await killOurs(bench, crowd, load.ratePerS, say),
        floor: await killFloor(bench, crowd, load.ratePerS, say),
      });
    } finally {
      await bench.stop();
    }
    const markdown = `${headingOf(machine, null)} · ${load.ratePerS} keys a second each in ${figure(load.codeBytes)} bytes\n\n${outcomes(results)}`;
    files = writeResults(outDir, name, { json: { machine, results }, markdown, plots: {} });
    process.stdout.write(`\n${markdown}\n\n`);
  }
  return files;
}

async function killOurs(bench: Bench, crowd: Crowd, ratePerS: number, say: Say): Promise<Outcome> {
  const { stack, postgres } = bench;
  const text = new SharedText(CODE_BYTES, crowd.typists);
  const ids = Array.from({ length: crowd.rooms }, () => randomUUID());
  await postgres.createSessions(ids, text.with([]));
  const rooms = await planRooms(ids, crowd, bench);
  const people = new People(say);
  let cron: { stop(): void } | null = null;
  try {
    await people.do(entering(stack.roomUrl, 'product', rooms, ratePerS, text.lineOf(0)), 'entered');
    // With nothing dirty its turn would end at once, and the next one would come a minute later.
    cron = startCron(stack, say);
    await delay(TYPING_MS);
    say('  all are in and type; the Worker is killed');
    const before = await readFronts(stack);
    const measured = await kill(
      people,
      () => stack.control.kill('worker'),
      () => stack.control.start('worker'),
    );
    say(`  ${describe(measured)}`);
    await delay(TYPING_MS);
    const after = await readFronts(stack);
    const finished = await people.do({ type: 'finish' }, 'finished');
    // One sweep leaves out a session whose room flushes it at that moment.
    while (!(await backbeat.isDrained?.(bench))) await backbeat.flush?.(bench);
    const stored = z
      .array(z.object({ id: z.string(), code: z.string() }))
      .parse(await postgres.query('select id, code from sessions where id = any($1::uuid[])', [ids]));
    const codes = new Map(stored.map(({ id, code }) => [id, code]));
    const isRight = (id: string) => {
      const typed = finished.typed[id];
      return typed !== null && typed !== undefined && codes.get(id) === text.with(typed);
    };
    return {
      crowd,
      ...measured,
      stores: {
        statements: after.neonStatements - before.neonStatements,
        commands: after.redisCommands - before.redisCommands,
      },
      wrongRooms: ids.filter((id) => !isRight(id)).length,
      diverged: finished.diverged,
    };
  } finally {
    cron?.stop();
    await people.leave();
  }
}

async function killFloor(bench: Bench, crowd: Crowd, ratePerS: number, say: Say): Promise<Outcome> {
  let floor: OwnRooms = await startFloorRooms(bench.stack, FLOOR_COMMIT_MS);
  const { port } = new URL(floor.url);
  const rooms = Array.from({ length: crowd.rooms }, () => ({
    id: randomUUID(),
    typistTokens: Array.from({ length: crowd.typists }, () => ''),
    viewerTokens: Array.from({ length: crowd.viewers }, () => ''),
  }));
  const people = new People(say);
  try {
    await people.do(entering(floor.url, 'floor', rooms, ratePerS, 1), 'entered');
    const measured = await kill(
      people,
      () => floor.kill(),
      async () => {
        floor = await startFloorRooms(bench.stack, FLOOR_COMMIT_MS, port);
      },
    );
    say(`  the floor: ${describe(measured)}`);
    return { crowd, ...measured, stores: null, wrongRooms: null, diverged: 0 };
  } finally {
    await people.leave();
    await floor.stop();
  }
}

function entering(
  url: string,
  as: 'product' | 'floor',
  rooms: readonly Pick<RoomPlan, 'id' | 'typistTokens' | 'viewerTokens'>[],
  ratePerS: number,
  firstLine: number,
): Command {
  const plans = rooms.map(({ id, typistTokens, viewerTokens }) => ({ id, typistTokens, viewerTokens }));
  return { type: 'enter', url, as, rooms: plans, ratePerS, firstLine };
}

async function kill(
  people: People,
  end: () => Promise<unknown>,
  begin: () => Promise<unknown>,
): Promise<Pick<Outcome, 'answeredMs' | 'backMs' | 'stillAway' | 'attempts' | 'asked'>> {
  const watching = people.do({ type: 'watch', limitMs: LIMIT_MS }, 'returned');
  const killedAtMs = Date.now();
  await end();
  await begin();
  const answeredMs = Date.now() - killedAtMs;
  const { returned } = await watching;
  return { answeredMs, ...timesOf(returned, killedAtMs) };
}

function timesOf(
  { backAtMs, stillAway, attempts, asked }: Returned,
  killedAtMs: number,
): Pick<Outcome, 'backMs' | 'stillAway' | 'attempts' | 'asked'> {
  const sorted = backAtMs.map((ms) => ms - killedAtMs).sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return {
    backMs: { p50: at(0.5), p95: at(0.95), last: at(1) },
    stillAway,
    attempts: {
      mean: attempts.reduce((sum, n) => sum + n, 0) / Math.max(1, attempts.length),
      most: Math.max(...attempts),
    },
    asked,
  };
}

function describe({
  answeredMs,
  backMs,
  stillAway,
  attempts,
}: Pick<Outcome, 'answeredMs' | 'backMs' | 'stillAway' | 'attempts'>) {
  return `answers after ${answeredMs} ms; back: p50 ${backMs.p50}, p95 ${backMs.p95}, last ${backMs.last} ms; ${stillAway} away; ${figure(attempts.mean)} attempts each, at most ${attempts.most}`;
}

function outcomes(results: readonly { ours: Outcome; floor: Outcome }[]): string {
  const all = results.flatMap(({ ours, floor }) => [
    { title: `${figure(ours.crowd.rooms)} × ${figure(ours.crowd.typists + ours.crowd.viewers)}`, of: ours },
    { title: 'the floor', of: floor },
  ]);
  const row = (label: string, cell: (outcome: Outcome) => string) => [
    label,
    ...all.map(({ of }) => cell(of)),
  ];
  const seconds = (ms: number) => figure(ms / 1000, 's');
  const sinceAnswer = ({ backMs, answeredMs }: Outcome) => backMs.last - answeredMs;
  return table(
    ['from the kill', ...all.map(({ title }) => title)],
    [
      row('until the new process answers', ({ answeredMs }) => seconds(answeredMs)),
      row('until half of them are back', ({ backMs }) => seconds(backMs.p50)),
      row('until 95 of 100 are', ({ backMs }) => seconds(backMs.p95)),
      row('until the last is', ({ backMs }) => seconds(backMs.last)),
      row('from the answer to the last', (outcome) => seconds(sinceAnswer(outcome))),
      [
        'of the floor',
        ...results.flatMap(({ ours, floor }) => [ratio(sinceAnswer(ours), sinceAnswer(floor)), '']),
      ],
      row('not back in time', ({ stillAway }) => figure(stillAway)),
      row('sockets opened by each, mean', ({ attempts }) => figure(attempts.mean)),
      row('sockets opened by each, at most', ({ attempts }) => figure(attempts.most)),
      row('questions why', ({ asked }) => figure(asked)),
      row('Postgres statements', ({ stores }) => figure(stores?.statements)),
      row('Redis commands', ({ stores }) => figure(stores?.commands)),
      row('rooms whose text isn’t what was typed', ({ wrongRooms }) => figure(wrongRooms)),
      row('people whose text isn’t their room’s', ({ diverged }) => figure(diverged)),
    ],
  );
}
