/**
 * The benchmark's side of the load: starts load processes, gives each its part, and adds up what they say.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tsxArgs } from '../../dev/project.ts';
import { Latencies } from './latencies.ts';
import {
  type Command,
  eventSchema,
  type LoadEvent,
  type LoadPlan,
  type LoadReport,
  type Progress,
} from './plan.ts';

/** Edits a second that one process sends with time to spare. */
const EDITS_PER_PROCESS = 12_000;
const MAX_PROCESSES = 2;

/** How many processes a load wants. More than a few only take cores from what is measured. */
export function processesFor(editsPerS: number): number {
  return Math.min(MAX_PROCESSES, Math.max(1, Math.ceil(editsPerS / EDITS_PER_PROCESS)));
}

/** Everybody's progress within the same second. */
export type TotalProgress = Omit<Progress, 'window'> & { window: Latencies };

/** A load process failed; the message is what it said. */
export class LoadError extends Error {
  override readonly name = 'LoadError';
}

export class LoadProcesses {
  readonly #children: ChildProcess[];
  readonly #progress: (Progress | undefined)[] = [];
  readonly #listeners = new Set<(event: LoadEvent, index: number) => void>();

  /** @param script the load process' file, from the project's folder. */
  constructor(script: string, count: number) {
    this.#children = Array.from({ length: count }, (_, index) => {
      const child = spawn(process.execPath, tsxArgs(script), {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      child.on('message', (raw) => {
        const event = eventSchema.parse(raw);
        if (event.type === 'progress') this.#progress[index] = event.progress;
        for (const listener of this.#listeners) listener(event, index);
      });
      child.on('exit', (code) => {
        for (const listener of this.#listeners) {
          listener({ type: 'failed', reason: `a load process ended with code ${code}` }, index);
        }
      });
      return child;
    });
  }

  get pids(): number[] {
    return this.#children.flatMap(({ pid }) => pid ?? []);
  }

  /** Connects everybody. @throws {LoadError} */
  async connect(plan: LoadPlan, onConnected: (rooms: number) => void): Promise<void> {
    const connected = this.#children.map(() => 0);
    await this.#each(
      (index) => ({
        type: 'connect',
        plan: { ...plan, rooms: plan.rooms.filter((_, i) => i % this.#children.length === index) },
      }),
      (event, index) => {
        if (event.type === 'connecting') {
          connected[index] = event.connected;
          onConnected(connected.reduce((sum, n) => sum + n, 0));
        }
        return event.type === 'ready' ? true : null;
      },
    );
  }

  /**
   * One edit of each who types, spread over some seconds; resolves when they are
   * acknowledged, or never will be.
   * @throws {LoadError}
   */
  async warmUp(): Promise<void> {
    await this.#each(
      () => ({ type: 'warm-up' }),
      (event) => (event.type === 'warm' ? true : null),
    );
  }

  /** Runs the load to its end. @throws {LoadError} */
  async run(): Promise<LoadReport> {
    const reports = await this.#each(
      () => ({ type: 'start' }),
      (event) => (event.type === 'report' ? event.report : null),
    );
    return addUp(reports);
  }

  /** What has been sent and acknowledged so far; null before the first word of it. */
  progress(): TotalProgress | null {
    const parts = this.#progress.flatMap((part) => part ?? []);
    if (parts.length === 0) return null;
    const total = (pick: (part: Progress) => number) => parts.reduce((sum, part) => sum + pick(part), 0);
    return {
      sent: total(({ sent }) => sent),
      acked: total(({ acked }) => acked),
      waiting: total(({ waiting }) => waiting),
      closed: total(({ closed }) => closed),
      errors: total(({ errors }) => errors),
      window: Latencies.merged(parts.map(({ window }) => window)),
    };
  }

  /** Everybody leaves; resolves when the processes have ended. */
  async leave(): Promise<void> {
    this.#listeners.clear();
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exited = once(child, 'exit');
        if (child.connected) child.send({ type: 'leave' } satisfies Command);
        else child.kill();
        await exited;
      }),
    );
  }

  /** Gives each process its command, and waits until each has said what `pick` turns into something. */
  #each<T>(
    command: (index: number) => Command,
    pick: (event: LoadEvent, index: number) => T | null,
  ): Promise<T[]> {
    return new Promise((resolve, reject) => {
      const answers = new Map<number, T>();
      const listener = (event: LoadEvent, index: number) => {
        if (event.type === 'failed') {
          this.#listeners.delete(listener);
          reject(new LoadError(event.reason));
          return;
        }
        const answer = pick(event, index);
        if (answer === null) return;
        answers.set(index, answer);
        if (answers.size < this.#children.length) return;
        this.#listeners.delete(listener);
        resolve([...answers.values()]);
      };
      this.#listeners.add(listener);
      for (const [index, child] of this.#children.entries()) child.send(command(index));
    });
  }
}

function addUp(reports: readonly LoadReport[]): LoadReport {
  const total = (pick: (report: LoadReport) => number) =>
    reports.reduce((sum, report) => sum + pick(report), 0);
  const merged = (pick: (report: LoadReport) => string) => Latencies.merged(reports.map(pick)).encoded();
  const errors: Record<string, number> = {};
  for (const report of reports) {
    for (const [code, n] of Object.entries(report.errors)) errors[code] = (errors[code] ?? 0) + n;
  }
  return {
    sent: total(({ sent }) => sent),
    frames: total(({ frames }) => frames),
    accepted: total(({ accepted }) => accepted),
    acked: total(({ acked }) => acked),
    ackedInTime: total(({ ackedInTime }) => ackedInTime),
    chatsSent: total(({ chatsSent }) => chatsSent),
    chatsAcked: total(({ chatsAcked }) => chatsAcked),
    broadcasts: total(({ broadcasts }) => broadcasts),
    closed: total(({ closed }) => closed),
    bytesSent: total(({ bytesSent }) => bytesSent),
    bytesReceived: total(({ bytesReceived }) => bytesReceived),
    broadcastBytes: total(({ broadcastBytes }) => broadcastBytes),
    ackBytes: total(({ ackBytes }) => ackBytes),
    elapsedMs: Math.max(...reports.map(({ elapsedMs }) => elapsedMs)),
    errors,
    ack: merged(({ ack }) => ack),
    broadcast: merged(({ broadcast }) => broadcast),
    watched: merged(({ watched }) => watched),
    chatAck: merged(({ chatAck }) => chatAck),
    lateness: merged(({ lateness }) => lateness),
    rooms: reports.flatMap(({ rooms }) => rooms),
  };
}
