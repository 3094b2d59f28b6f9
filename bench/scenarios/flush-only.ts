/** Drains a backlog: many sessions made dirty, nobody connected, one request to flush them all. */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { createStorage } from '../../src/compose.ts';
import { parseConfig, storageSchema } from '../../src/config.ts';
import { numberIn } from '../../src/domain/revision.ts';
import type { SessionMessage } from '../../src/domain/types.ts';
import { makeCommit } from '../../test/support/commits.ts';
import { digestOf, KnobDocument } from '../load/document.ts';
import { readFronts } from '../measure/fronts.ts';
import { COUNTERS_LAG_MS } from '../measure/postgres.ts';
import { type ProcessUse, ProcessWatch, peakBytesOf, residentBytesOf } from '../measure/processes.ts';
import type { BenchOptions } from '../options.ts';
import { figure, megabytes, table } from '../report/table.ts';
import { writeResults } from '../report/write.ts';
import { describeMachine, type Machine } from '../result.ts';
import { type Bench, groupsOf, type Say, startBench } from '../run-load.ts';
import { backbeat } from '../targets/backbeat.ts';
import { headingOf } from './heading.ts';

/** Commits under way at once while the backlog is made. */
const COMMITTING = 64;
/** Each so-manieth session also has a message that waits. */
const MESSAGE_EVERY = 10;
const SAMPLE_MS = 100;
/**
 * A local workerd is larger than an isolate by what the runtime itself takes: what counts
 * is how far it grows.
 */
const WORKER_LIMIT_BYTES = 128e6;

interface FlushOnlyResult {
  machine: Machine;
  sessions: number;
  codeBytes: number;
  messages: number;
  drainMs: number;
  lost: number;
  messagesLost: number;
  redisCommands: number;
  postgresTransactions: number;
  postgresStatements: number;
  rowsWritten: number;
  walBytes: number;
  worker: { residentBeforeBytes: number; peakBytes: number; grewBytes: number; limitBytes: number };
  processes: Record<string, ProcessUse>;
}

export async function flushOnlyScenario(
  { load, outDir, name }: BenchOptions,
  sessions: number,
  say: Say,
): Promise<string[]> {
  const machine = describeMachine(loadavg()[0] ?? 0);
  say('starting the stack');
  const bench = await startBench();
  try {
    const result = await drainBacklog(bench, sessions, load.codeBytes, machine, say);
    const markdown = `${headingOf(machine, null)}\n\n${tableOf(result)}`;
    process.stdout.write(`\n${markdown}\n\n`);
    return writeResults(outDir, name, { json: result, markdown, plots: {} });
  } finally {
    await bench.stop();
  }
}

async function drainBacklog(
  bench: Bench,
  sessions: number,
  codeBytes: number,
  machine: Machine,
  say: Say,
): Promise<FlushOnlyResult> {
  const { stack, postgres } = bench;
  const ids = Array.from({ length: sessions }, () => randomUUID());
  const document = new KnobDocument(codeBytes, 0);
  await postgres.createSessions(ids, document.text(0));
  say(`making ${figure(sessions)} sessions dirty`);
  const messages = await makeDirty(bench, ids, document);
  await postgres.checkpoint();
  // A first, empty request: what the Worker needs once is not part of the drain.
  await fetch(new URL('/health', stack.workerUrl)).then((response) => response.arrayBuffer());
  const counters = () => Promise.all([readFronts(stack), postgres.counters()]);
  await new Promise((resolve) => setTimeout(resolve, COUNTERS_LAG_MS));
  const [frontsBefore, postgresBefore] = await counters();
  const watch = new ProcessWatch(groupsOf(stack, {}, []));
  watch.start();
  const workerPid = stack.pids.worker;
  const residentBeforeBytes = residentBytesOf(workerPid);
  forgetPeak(workerPid);

  say('flushing');
  const timer = setInterval(() => watch.sample(), SAMPLE_MS);
  const startedAt = performance.now();
  await backbeat.flush?.(bench);
  const drainMs = performance.now() - startedAt;
  clearInterval(timer);
  watch.sample();
  const peakBytes = peakBytesOf(workerPid);
  if (!(await backbeat.isDrained?.(bench))) throw new Error('one flush left sessions dirty');
  await new Promise((resolve) => setTimeout(resolve, COUNTERS_LAG_MS));
  const [frontsAfter, postgresAfter] = await counters();

  const [stored, storedMessages] = await Promise.all([postgres.sessions(), postgres.messages()]);
  const digest = digestOf(document.text(1));
  return {
    machine,
    sessions,
    codeBytes,
    messages: messages.length,
    drainMs,
    lost: ids.filter((id) => stored.get(id)?.digest !== digest).length,
    messagesLost: messages.filter((id) => storedMessages.get(id)?.copies !== 1).length,
    redisCommands: frontsAfter.redisCommands - frontsBefore.redisCommands,
    postgresTransactions: frontsAfter.neonTransactions - frontsBefore.neonTransactions,
    postgresStatements: frontsAfter.neonStatements - frontsBefore.neonStatements,
    rowsWritten: postgresAfter.rowsWritten - postgresBefore.rowsWritten,
    walBytes: postgresAfter.walBytes - postgresBefore.walBytes,
    worker: {
      residentBeforeBytes,
      peakBytes,
      grewBytes: Math.max(0, peakBytes - residentBeforeBytes),
      limitBytes: WORKER_LIMIT_BYTES,
    },
    processes: watch.use(),
  };
}

/** Commits an edit, and now and then a message, as rooms would; returns the messages' ids. */
async function makeDirty(
  { stack }: Bench,
  ids: readonly string[],
  document: KnobDocument,
): Promise<string[]> {
  const { buffer } = createStorage(
    parseConfig(storageSchema, {
      UPSTASH_REDIS_REST_URL: stack.redisRestUrl,
      UPSTASH_REDIS_REST_TOKEN: stack.redisRestToken,
      DATABASE_URL: stack.databaseUrl,
      NEON_FETCH_ENDPOINT: stack.neonFetchEndpoint,
      KEY_PREFIX: stack.keyPrefix,
    }),
    { failures: 3, retryMs: 1_000 },
  );
  const code = document.text(1);
  const messageIds: string[] = [];
  let next = 0;
  const committer = async () => {
    for (let at = next++; at < ids.length; at = next++) {
      const sessionId = ids[at] ?? '';
      const messages = at % MESSAGE_EVERY === 0 ? [messageNow()] : [];
      messageIds.push(...messages.map(({ id }) => id));
      await buffer.commit(makeCommit({ sessionId, text: code, messages, wantsLoad: false }));
    }
  };
  await Promise.all(Array.from({ length: COMMITTING }, committer));
  return messageIds;
}

function messageNow(): SessionMessage {
  const id = randomUUID();
  return {
    id,
    type: 'chat',
    role: 'user',
    userId: null,
    displayName: 'Ada',
    avatarUrl: null,
    content: `message ${id}`,
    isActionable: false,
    isCodeResponse: false,
    strudelId: null,
    createdAtMs: Date.now(),
    position: numberIn(1, 1),
  };
}

/** Linux counts a process' greatest memory anew from here. */
function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Not allowed here: the peak is then that of the process' whole life, which is no less.
  }
}

function tableOf(result: FlushOnlyResult): string {
  const { worker, processes } = result;
  const cpu = (group: string) => figure(processes[group]?.cpuS ?? null, 's');
  return table(
    ['', `${figure(result.sessions)} dirty sessions`],
    [
      ['code of each', figure(result.codeBytes, 'bytes')],
      ['messages', figure(result.messages)],
      ['drained in', figure(result.drainMs / 1000, 's')],
      ['sessions, messages lost', `${result.lost}, ${result.messagesLost}`],
      ['Redis commands', figure(result.redisCommands)],
      [
        'Postgres transactions, statements',
        `${figure(result.postgresTransactions)}, ${figure(result.postgresStatements)}`,
      ],
      ['Postgres rows written', figure(result.rowsWritten)],
      ['WAL', megabytes(result.walBytes)],
      [
        "the Worker's process before, at most",
        `${megabytes(worker.residentBeforeBytes)}, ${megabytes(worker.peakBytes)}`,
      ],
      ['grew by (an isolate may have 128 MB)', megabytes(worker.grewBytes)],
      ['CPU: Worker, Redis, Postgres', `${cpu('worker')}, ${cpu('redis')}, ${cpu('postgres')}`],
      ['CPU: local HTTP fronts', `${cpu('redis http front')}, ${cpu('postgres http front')}`],
    ],
  );
}
