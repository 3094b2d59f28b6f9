/** One system with people who type in it, and what it has cost so far. */
import { randomPort } from '../../dev/ports.ts';
import type { LoadReport } from '../load/plan.ts';
import type { LoadProcesses } from '../load/processes.ts';
import { heapBytes, workerdInspector } from '../measure/heap.ts';
import { ProcessWatch, residentBytesOf } from '../measure/processes.ts';
import type { LoadOptions, TargetName } from '../options.ts';
import { type Check, check } from '../report/check.ts';
import {
  type Bench,
  drain,
  enterRooms,
  groupsOf,
  type Say,
  startBench,
  startProcesses,
} from '../run-load.ts';
import type { Extra, Target } from '../targets/target.ts';

/** What is deployed, where other scenarios have a shorter one. */
const COMMIT_MIN_MS = '250';

/** The server's memory at one moment. */
export interface MemoryPoint {
  /** Keystrokes in each room so far. */
  edits: number;
  /** What is left in its heap after a garbage collection, and the whole process' memory. */
  heapBytes: number;
  residentBytes: number;
}

export interface Outcome {
  target: TargetName;
  about: string;
  ackMeans: string;
  load: LoadOptions;
  edits: { sent: number; accepted: number; acked: number; errors: Record<string, number>; closed: number };
  check: Check;
  /** Of frames with their headers: of an edit, of what each other is sent for it, and its author. */
  bytes: { up: number; downToEachOther: number; downToAuthor: number };
  /** Milliseconds of CPU for each 1,000 edits. */
  cpuMsPer1000: { server: number; redis: number; postgres: number };
  /** The first is with everybody in and no edit. */
  memory: MemoryPoint[];
  /** Of one room: its text, and what Postgres keeps of it. */
  textBytes: number;
  storedBytes: number;
  isDrained: boolean;
}

export class Contender {
  readonly target: Target;
  readonly load: LoadOptions;
  readonly #bench: Bench;
  readonly #extra: Extra | null;
  readonly #processes: LoadProcesses;
  readonly #watch: ProcessWatch;
  readonly #inspectorUrl: string;
  readonly #memory: MemoryPoint[] = [];
  #lookingCpuS = 0;
  /** Edits that were acknowledged before counting began. */
  #ackedBefore = 0;
  #report: LoadReport | null = null;

  private constructor(
    target: Target,
    load: LoadOptions,
    bench: Bench,
    extra: Extra | null,
    inspectorUrl: string,
  ) {
    this.target = target;
    this.load = load;
    this.#bench = bench;
    this.#extra = extra;
    this.#inspectorUrl = inspectorUrl;
    this.#processes = startProcesses(target, load);
    this.#watch = new ProcessWatch(groupsOf(bench.stack, extra?.pids ?? {}, this.#processes.pids));
  }

  /** Starts the system, without any connection yet. @param load its seconds are those of one turn. */
  static async start(
    target: Target,
    load: LoadOptions,
    env: Record<string, string> = {},
  ): Promise<Contender> {
    const bench = await startBench(target.stackArgs, {
      ...target.stackEnv,
      COMMIT_MIN_MS,
      ...env,
      BACKBEAT_INSPECTOR_PORT: String(await randomPort()),
    });
    let extra: Extra | null = null;
    try {
      extra = (await target.start?.(bench)) ?? null;
      const inspectorUrl = extra?.inspectorUrl ?? (await workerdInspector(bench.stack.pids.worker));
      return new Contender(target, load, bench, extra, inspectorUrl);
    } catch (error) {
      await extra?.stop();
      await bench.stop();
      throw error;
    }
  }

  /** Lets everybody in. Counts after a first turn, in which the server's code becomes fast. */
  async enter(say: Say): Promise<void> {
    await enterRooms(this.target, this.#bench, this.#extra, this.#processes, this.load, say);
    await this.lookAtMemory();
    await this.takeTurn();
    this.#watch.start();
    this.#lookingCpuS = 0;
    this.#ackedBefore = this.#report?.acked ?? 0;
  }

  /** Keystrokes in each room so far. */
  get edits(): number {
    return (this.#report?.sent ?? 0) / this.load.sessions;
  }

  /** Everybody types for one turn, until all of it is acknowledged. */
  async takeTurn(): Promise<void> {
    this.#report = await this.#processes.run();
  }

  /** What it costs to look isn't counted. */
  async lookAtMemory(): Promise<void> {
    this.#watch.sample();
    const before = this.#serverCpuS();
    this.#memory.push({
      edits: this.edits,
      heapBytes: await heapBytes(this.#inspectorUrl),
      residentBytes: residentBytesOf(this.#serverPid()),
    });
    this.#watch.sample();
    this.#lookingCpuS += this.#serverCpuS() - before;
  }

  /** Waits until everything is stored, and tells what was found. */
  async outcome(): Promise<Outcome> {
    const { target, load } = this;
    const report = this.#report;
    if (!report) throw new Error('there is no report: no edit was sent');
    this.#watch.sample();
    const isDrained = await drain(target, this.#bench, report);
    const { redis, postgres } = this.#watch.use();
    const per1000 = (cpuS: number) => (cpuS * 1e6) / Math.max(1, report.acked - this.#ackedBefore);
    const { sent, accepted, acked, errors, closed } = report;
    const stored = await this.#bench.postgres.bytesBySession(target.storedBytesSql);
    return {
      target: target.name,
      about: target.about,
      ackMeans: target.ackMeans,
      load,
      edits: { sent, accepted, acked, errors, closed },
      check: check(report.rooms, await target.stored(this.#bench), new Map()),
      bytes: {
        up: report.bytesSent / Math.max(1, sent),
        downToEachOther: report.broadcastBytes / Math.max(1, report.broadcasts),
        downToAuthor: report.ackBytes / Math.max(1, sent),
      },
      cpuMsPer1000: {
        server: per1000(this.#serverCpuS() - this.#lookingCpuS),
        redis: per1000(redis?.cpuS ?? 0),
        postgres: per1000(postgres?.cpuS ?? 0),
      },
      memory: this.#memory,
      textBytes: report.rooms[0]?.textBytes ?? 0,
      storedBytes: mean(report.rooms.map(({ id }) => stored.get(id) ?? 0)),
      isDrained,
    };
  }

  async stop(): Promise<void> {
    await this.#processes.leave();
    await this.#extra?.stop();
    await this.#bench.stop();
  }

  #serverPid(): number {
    return this.#extra?.pids.server ?? this.#bench.stack.pids.worker;
  }

  #serverCpuS(): number {
    const { server, worker } = this.#watch.use();
    return (server ?? worker)?.cpuS ?? 0;
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
