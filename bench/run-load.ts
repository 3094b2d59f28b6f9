/** One load on one system, from an empty machine to the last check. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { listProcesses } from '../dev/process-table.ts';
import { signSessionToken } from '../src/access/session-token.ts';
import { type Stack, startStack } from '../test/support/stack.ts';
import { KnobDocument } from './load/document.ts';
import { Latencies } from './load/latencies.ts';
import type { LoadReport, RoomPlan } from './load/plan.ts';
import { LoadProcesses, processesFor } from './load/processes.ts';
import { SharedText } from './load/typing.ts';
import { readFronts } from './measure/fronts.ts';
import { heapBytes, workerdInspector } from './measure/heap.ts';
import { missingMaps } from './measure/machine-limits.ts';
import { COUNTERS_LAG_MS, PostgresMeter } from './measure/postgres.ts';
import { ProcessWatch } from './measure/processes.ts';
import { type CpuProfile, CpuProfiler } from './measure/profile.ts';
import { RedisMeter } from './measure/redis.ts';
import type { LoadOptions } from './options.ts';
import { check } from './report/check.ts';
import { costPerMillionEdits } from './report/cost.ts';
import { describeMachine, type LoadResult, type Tick } from './result.ts';
import type { Engines, Extra, Target } from './targets/target.ts';

/** Rooms have their alarms and timers of entering behind them. */
const SETTLE_MS = 2_000;
const CRON_MS = 60_000;
/** Something is dirty by then, or the sweeper would have nothing to stay for. */
const CRON_AFTER_MS = 1_000;
const SAMPLE_MS = 1_000;
const DRAIN_POLL_MS = 50;
/** Comparing everything with what is stored takes a query; not more often than this. */
const CONTENT_POLL_MS = 1_000;

/**
 * As it would be set for so much load: rooms commit as often as they can, and the sweeper has a
 * paid plan's requests.
 */
const PAID_PLAN = { COMMIT_MIN_MS: '20', SWEEP_MAX_REQUESTS: '900' };

export type Say = (line: string) => void;

/** A stack, with the meters on its engines. */
export interface Bench extends Engines {
  stop(): Promise<void>;
}

/** Starts the whole system on real engines, its cron in the benchmark's hands. */
export async function startBench(
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Bench> {
  const roomState = makeRoomState();
  const stack = await startStack({ ...PAID_PLAN, ...env }, [
    '--redis=real',
    '--postgres=real',
    `--state=${roomState}`,
    ...args,
  ]);
  if (stack.redisUrl === null) throw new Error('the stack has no Redis of its own');
  const postgres = new PostgresMeter(stack.databaseUrl);
  const redis = new RedisMeter(stack.redisUrl, stack.keyPrefix);
  return {
    stack,
    postgres,
    redis,
    async stop() {
      redis.close();
      await postgres.close();
      await stack.stop();
      rmSync(roomState, { recursive: true, force: true });
    },
  };
}

/**
 * A folder in memory for the rooms' own storage. workerd's stand-in for it waits for the disk (fsync) on the
 * one thread that all rooms share, at each of their alarms and notes; the deployed one is replicated in the
 * background and delays no one.
 */
function makeRoomState(): string {
  const memory = '/dev/shm';
  return mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'backbeat-rooms-'));
}

/** Calls the Worker's scheduled handler now, and then every minute, as Cloudflare does. */
export function startCron(stack: Stack, say: Say): { stop(): void } {
  const fire = () => {
    stack.control
      .cron()
      .catch((error: unknown) => say(`cron: ${error instanceof Error ? error.message : error}`));
  };
  fire();
  const timer = setInterval(fire, CRON_MS);
  return { stop: () => clearInterval(timer) };
}

/**
 * Processes by what they are for: the system's own, the stand-ins for the providers' HTTP, the
 * load, and local tools.
 */
export function groupsOf(stack: Stack, extra: Record<string, number>, load: readonly number[]) {
  const { worker, redis, postgres, redisRest, neonHttp } = stack.pids;
  const only = (pid: number | null) => (pid === null ? [] : [pid]);
  return {
    worker: [worker],
    redis: only(redis),
    postgres: only(postgres),
    'redis http front': only(redisRest),
    'postgres http front': only(neonHttp),
    ...Object.fromEntries(Object.entries(extra).map(([name, pid]) => [name, [pid]])),
    load,
    'dev runner': parentOf(worker),
    supervisor: [stack.supervisorPid],
  };
}

function parentOf(pid: number): number[] {
  return listProcesses().flatMap((info) => (info.pid === pid ? info.parentPid : []));
}

/** A place in each room for each of its people, and their tokens. */
export async function planRooms(
  ids: readonly string[],
  people: { typists: number; viewers: number },
  { postgres, stack }: Pick<Bench, 'postgres' | 'stack'>,
): Promise<RoomPlan[]> {
  const place = async (sessionId: string, role: 'co-author' | 'viewer') => {
    const who = { sessionId, participantId: randomUUID(), role };
    const named = { ...who, displayName: role, userId: null, avatarUrl: null };
    return { ...who, token: await signSessionToken(named, stack.jwtSecret) };
  };
  const places = (id: string, role: 'co-author' | 'viewer', count: number) =>
    Promise.all(Array.from({ length: count }, () => place(id, role)));
  const rooms = await Promise.all(
    ids.map(async (id) => ({
      id,
      typists: await places(id, 'co-author', people.typists),
      viewers: await places(id, 'viewer', people.viewers),
    })),
  );
  await postgres.createPlaces(rooms.flatMap(({ typists, viewers }) => [...typists, ...viewers]));
  return rooms.map(({ id, typists, viewers }) => ({
    id,
    typistIds: typists.map(({ participantId }) => participantId),
    typistTokens: typists.map(({ token }) => token),
    viewerTokens: viewers.map(({ token }) => token),
  }));
}

/** The processes that make a load. */
export function startProcesses(target: Target, load: LoadOptions): LoadProcesses {
  const editsPerS = load.sessions * load.typists * load.ratePerS;
  const count = load.clients ?? processesFor(editsPerS);
  return new LoadProcesses(target.loadScript, Math.min(count, load.sessions));
}

/** Makes the load's sessions, and lets everybody in. */
export async function enterRooms(
  target: Target,
  bench: Bench,
  extra: Extra | null,
  processes: LoadProcesses,
  load: LoadOptions,
  say: Say,
): Promise<void> {
  const { typists, viewers, ratePerS, seconds, codeBytes, edits, pace } = load;
  const ids = Array.from({ length: load.sessions }, () => randomUUID());
  const code =
    edits === 'changes'
      ? new SharedText(codeBytes, typists).with([])
      : new KnobDocument(codeBytes, 0).text(0);
  await bench.postgres.createSessions(ids, code);
  await processes.connect(
    {
      url: extra?.url ?? bench.stack.roomUrl,
      ...(extra?.watchersUrl === undefined ? {} : { watchersUrl: extra.watchersUrl }),
      rooms: await planRooms(ids, load, bench),
      ...{ typists, viewers, ratePerS, seconds, codeBytes, edits, pace },
      chatPerS: target.hasChat ? load.chatPerS : 0,
      ackWaitMs: target.patienceMs,
    },
    (connected) => say(`  ${connected} rooms entered`),
  );
}

/**
 * Runs `load` on `target` and reports. Everything it starts has ended when it returns.
 * @param onProfile gets the profile of the target's rooms under the load; they need the inspector for it.
 */
export async function runLoad(
  target: Target,
  load: LoadOptions,
  say: Say,
  onProfile?: (profile: CpuProfile) => void,
): Promise<LoadResult> {
  const missing = target.hasRooms ? missingMaps(load.sessions) : null;
  if (missing) throw new Error(missing);
  const machine = describeMachine(loadavg()[0] ?? 0);
  say(`${target.name}: starting (${target.about})`);
  const bench = await startBench(target.stackArgs, target.stackEnv);
  let extra: Extra | null = null;
  let processes: LoadProcesses | null = null;
  try {
    extra = (await target.start?.(bench)) ?? null;
    processes = startProcesses(target, load);
    say(`connecting ${load.sessions * (load.typists + load.viewers)} people`);
    await enterRooms(target, bench, extra, processes, load, say);
    const measured = await measure(target, bench, extra, processes, load, say, onProfile);
    return { ...measured, machine, loadProcesses: processes.pids.length };
  } finally {
    await processes?.leave();
    await extra?.stop();
    await bench.stop();
  }
}

async function measure(
  target: Target,
  bench: Bench,
  extra: Extra | null,
  processes: LoadProcesses,
  load: LoadOptions,
  say: Say,
  onProfile?: (profile: CpuProfile) => void,
): Promise<Omit<LoadResult, 'machine' | 'loadProcesses'>> {
  const { stack, postgres, redis } = bench;
  await delay(SETTLE_MS);
  if (target.flush) await target.flush(bench);
  await postgres.checkpoint();
  await delay(COUNTERS_LAG_MS);
  const warming = processes.warmUp();
  await delay(CRON_AFTER_MS);
  const cron = target.isSwept ? startCron(stack, say) : null;
  await warming;
  const watch = new ProcessWatch(groupsOf(stack, extra?.pids ?? {}, processes.pids));
  const counters = () => Promise.all([readFronts(stack), postgres.counters(), redis.counters()]);
  const before = await counters();
  watch.start();

  const timeline = new Timeline(target.isSwept ? redis : null, watch, processes, say);
  let report: LoadReport;
  let drainMs: number | null;
  try {
    timeline.start();
    const profiler = onProfile && (await CpuProfiler.start(await workerdInspector(stack.pids.worker)));
    report = await processes.run();
    if (profiler) onProfile(await profiler.stop());
    const endedAt = performance.now();
    if (report.acked < report.sent) {
      // It can't keep up. What it does from here on belongs to no edit that is counted, so it stops here.
      say(`stopping it with ${report.sent - report.acked} edits unacknowledged`);
      await (extra?.url ? extra.stop() : stack.control.stop('worker'));
      drainMs = null;
    } else {
      drainMs = (await drain(target, bench, report)) ? performance.now() - endedAt : null;
    }
  } finally {
    timeline.stop();
    cron?.stop();
  }
  say(drainMs === null ? 'not everything reached Postgres in time' : `drained in ${Math.round(drainMs)} ms`);
  watch.sample();
  await delay(COUNTERS_LAG_MS);
  const after = await counters();

  const found = check(report.rooms, await target.stored(bench), await target.storedMessages(bench));
  const [frontsBefore, postgresBefore, redisBefore] = before;
  const [frontsAfter, postgresAfter, redisAfter] = after;
  const edits = Math.max(1, report.acked);
  const per1000 = (n: number) => (n * 1000) / edits;
  const countedTransactions = postgresAfter.transactions - postgresBefore.transactions;
  const commands = target.usesFronts
    ? frontsAfter.redisCommands - frontsBefore.redisCommands
    : redisAfter.commands - redisBefore.commands;
  const redisBytes = target.usesFronts
    ? frontsAfter.redisBytes - frontsBefore.redisBytes
    : redisAfter.netBytes - redisBefore.netBytes;
  // A peer with a connection of its own to Postgres runs single statements, each its own transaction.
  const transactions = target.usesFronts
    ? frontsAfter.neonTransactions - frontsBefore.neonTransactions
    : countedTransactions;
  const statements = target.usesFronts
    ? frontsAfter.neonStatements - frontsBefore.neonStatements
    : countedTransactions;
  const rowsWritten = postgresAfter.rowsWritten - postgresBefore.rowsWritten;
  const walBytes = postgresAfter.walBytes - postgresBefore.walBytes;
  const used = watch.use();
  const elapsedS = report.elapsedMs / 1000;

  return {
    target: target.name,
    about: target.about,
    ackMeans: target.ackMeans,
    load,
    elapsedS,
    edits: {
      sent: report.sent,
      frames: report.frames,
      accepted: report.accepted,
      acked: report.acked,
      sustainedPerS: report.ackedInTime / elapsedS,
      errors: report.errors,
      connectionsClosed: report.closed,
    },
    chats: { sent: report.chatsSent, acked: report.chatsAcked },
    check: found,
    latenciesMs: {
      ack: Latencies.merged([report.ack]).summary(),
      broadcast: Latencies.merged([report.broadcast]).summary(),
      watched: Latencies.merged([report.watched]).summary(),
      chatAck: Latencies.merged([report.chatAck]).summary(),
      lateness: Latencies.merged([report.lateness]).summary(),
    },
    redis: {
      commands,
      bytes: redisBytes,
      commandsPerEdit: commands / edits,
      bytesPerEdit: redisBytes / edits,
    },
    postgres: {
      transactions,
      statements,
      countedTransactions,
      rowsWritten,
      walBytes,
      transactionsPer1000: per1000(transactions),
      statementsPer1000: per1000(statements),
      rowsPer1000: per1000(rowsWritten),
      walBytesPer1000: per1000(walBytes),
    },
    processes: Object.fromEntries(
      Object.entries(used).map(([name, use]) => [name, { ...use, cpuSPer1000Edits: per1000(use.cpuS) }]),
    ),
    heapBytes: target.stackEnv.BACKBEAT_INSPECTOR_PORT
      ? await heapBytes(await workerdInspector(stack.pids.worker))
      : null,
    oldestDirtyMaxMs: timeline.oldestDirtyMaxMs,
    drainMs,
    dollarsPerMillionEdits: costPerMillionEdits({
      edits: report.acked,
      chats: report.chatsSent,
      seconds: elapsedS,
      rooms: target.hasRooms ? load.sessions : 0,
      redisCommands: commands,
      redisBytes,
      postgresCpuS: used.postgres?.cpuS ?? 0,
      walBytes,
    }),
    timeline: timeline.ticks,
  };
}

/** Resolves when all that was acknowledged is in Postgres, or with false when patience is over. */
export async function drain(target: Target, bench: Bench, report: LoadReport): Promise<boolean> {
  const deadline = performance.now() + target.patienceMs;
  for (;;) {
    if (target.flush) await target.flush(bench);
    const isDrained = target.isDrained
      ? await target.isDrained(bench)
      : check(report.rooms, await target.stored(bench), new Map()).sessionsLost === 0;
    if (isDrained) return true;
    if (performance.now() > deadline) return false;
    await delay(target.isDrained ? DRAIN_POLL_MS : CONTENT_POLL_MS);
  }
}

/** Looks at everything once a second, and says every few seconds how it goes. */
class Timeline {
  readonly ticks: Tick[] = [];
  oldestDirtyMaxMs: number | null = null;
  readonly #redis: RedisMeter | null;
  readonly #watch: ProcessWatch;
  readonly #processes: LoadProcesses;
  readonly #say: Say;
  #timer: NodeJS.Timeout | null = null;
  #startedAt = 0;
  #last = { sent: 0, acked: 0, at: 0 };

  constructor(redis: RedisMeter | null, watch: ProcessWatch, processes: LoadProcesses, say: Say) {
    this.#redis = redis;
    this.#watch = watch;
    this.#processes = processes;
    this.#say = say;
  }

  start(): void {
    this.#startedAt = performance.now();
    this.#last.at = this.#startedAt;
    this.#timer = setInterval(() => {
      this.#tick().catch((error: unknown) => this.#say(`sampling: ${error}`));
    }, SAMPLE_MS);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  async #tick(): Promise<void> {
    this.#watch.sample();
    const oldestDirtyMs = this.#redis ? await this.#redis.oldestDirtyMs() : null;
    if (oldestDirtyMs !== null) this.oldestDirtyMaxMs = Math.max(this.oldestDirtyMaxMs ?? 0, oldestDirtyMs);
    const progress = this.#processes.progress();
    if (!progress) return;
    const now = performance.now();
    const spanS = (now - this.#last.at) / 1000;
    const tick: Tick = {
      atS: (now - this.#startedAt) / 1000,
      sentPerS: (progress.sent - this.#last.sent) / spanS,
      ackedPerS: (progress.acked - this.#last.acked) / spanS,
      ackP50Ms: progress.window.percentile(50),
      ackP95Ms: progress.window.percentile(95),
      oldestDirtyMs,
    };
    this.#last = { sent: progress.sent, acked: progress.acked, at: now };
    this.ticks.push(tick);
    if (this.ticks.length % 5 === 0) this.#say(progressLine(tick, progress));
  }
}

function progressLine(
  tick: Tick,
  { sent, waiting, closed, errors }: Record<'sent' | 'waiting' | 'closed' | 'errors', number>,
) {
  const ms = (value: number | null) => (value === null ? '–' : `${Math.round(value)} ms`);
  return [
    `  ${String(Math.round(tick.atS)).padStart(4)} s`,
    `sent ${sent.toLocaleString('en')} (${Math.round(tick.sentPerS).toLocaleString('en')}/s)`,
    `waiting ${waiting.toLocaleString('en')}`,
    `ack p50 ${ms(tick.ackP50Ms)} p95 ${ms(tick.ackP95Ms)}`,
    `oldest dirty ${ms(tick.oldestDirtyMs)}`,
    ...(closed > 0 ? [`${closed} connections closed`] : []),
    ...(errors > 0 ? [`${errors} errors`] : []),
  ].join(' · ');
}
