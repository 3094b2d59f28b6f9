/** A load's result as the rows of a table: one place for what is shown, its order and its words. Pure. */
import type { LoadResult } from '../result.ts';
import { dollars, figure, megabytes, ratio, table } from './table.ts';

interface Row {
  label: string;
  text(result: LoadResult): string;
  /** What ratios are made of; absent where a ratio says nothing. */
  value?(result: LoadResult): number | null;
}

const number = (label: string, value: (result: LoadResult) => number | null, unit = ''): Row => ({
  label,
  text: (result) => figure(value(result), unit),
  value,
});

const cpu = (label: string, ...groups: string[]) =>
  number(label, ({ processes }) => {
    const used = groups.flatMap((group) => processes[group] ?? []);
    return used.length === 0 ? null : used.reduce((sum, use) => sum + use.cpuSPer1000Edits, 0);
  });

/**
 * All processes that are the system's own and not the load's, the tools' or a stand-in
 * for a provider's front.
 */
const TOOLS = ['dev runner', 'supervisor'];
const NOT_THE_SYSTEM = new Set(['load', 'redis http front', 'postgres http front', ...TOOLS]);

const ROWS: readonly Row[] = [
  number('edits sent', ({ edits }) => edits.sent),
  number('frames that brought them', ({ edits }) => edits.frames),
  { label: 'revisions made of them', text: ({ edits }) => figure(edits.accepted) },
  { label: 'edits acknowledged', text: ({ edits }) => figure(edits.acked) },
  number('acknowledged a second, while it lasted', ({ edits }) => edits.sustainedPerS),
  {
    label: 'sessions that lost an acknowledged edit',
    text: ({ check }) => `${check.sessionsLost} of ${figure(check.sessions)}`,
  },
  { label: "people whose text isn't what was typed", text: ({ check }) => figure(check.diverged) },
  {
    label: 'messages lost, doubled',
    text: ({ check }) => `${check.messagesLost}, ${check.messagesDoubled} of ${figure(check.messages)}`,
  },
  { label: 'connections closed', text: ({ edits }) => figure(edits.connectionsClosed) },
  {
    label: 'errors',
    text: ({ edits }) =>
      Object.entries(edits.errors)
        .map(([code, n]) => `${code} ${n}`)
        .join(', ') || '0',
  },
  { label: 'an acknowledgement means', text: ({ ackMeans }) => ackMeans },
  number('ack p50', ({ latenciesMs }) => latenciesMs.ack?.p50 ?? null, 'ms'),
  number('ack p95', ({ latenciesMs }) => latenciesMs.ack?.p95 ?? null, 'ms'),
  number('ack p99', ({ latenciesMs }) => latenciesMs.ack?.p99 ?? null, 'ms'),
  number('broadcast p50', ({ latenciesMs }) => latenciesMs.broadcast?.p50 ?? null, 'ms'),
  number('broadcast p95', ({ latenciesMs }) => latenciesMs.broadcast?.p95 ?? null, 'ms'),
  number('broadcast p99', ({ latenciesMs }) => latenciesMs.broadcast?.p99 ?? null, 'ms'),
  number('until those who watch have it, p50', ({ latenciesMs }) => latenciesMs.watched?.p50 ?? null, 'ms'),
  number('until those who watch have it, p95', ({ latenciesMs }) => latenciesMs.watched?.p95 ?? null, 'ms'),
  number('chat ack p95', ({ latenciesMs }) => latenciesMs.chatAck?.p95 ?? null, 'ms'),
  number('Redis commands an edit', ({ redis }) => redis.commandsPerEdit),
  number('Redis bytes an edit', ({ redis }) => redis.bytesPerEdit),
  number('Postgres transactions / 1,000 edits', ({ postgres }) => postgres.transactionsPer1000),
  number('Postgres statements / 1,000 edits', ({ postgres }) => postgres.statementsPer1000),
  number('Postgres rows written / 1,000 edits', ({ postgres }) => postgres.rowsPer1000),
  number('WAL bytes / 1,000 edits', ({ postgres }) => postgres.walBytesPer1000),
  cpu('CPU s / 1,000 edits: Worker, or server', 'worker', 'server'),
  cpu('CPU s / 1,000 edits: flush loop', 'flush loop'),
  cpu('CPU s / 1,000 edits: relays', 'relays'),
  cpu('CPU s / 1,000 edits: Redis', 'redis'),
  cpu('CPU s / 1,000 edits: Postgres', 'postgres'),
  number('CPU s / 1,000 edits: all of these', ({ processes }) =>
    Object.entries(processes)
      .filter(([name]) => !NOT_THE_SYSTEM.has(name))
      .reduce((sum, [, use]) => sum + use.cpuSPer1000Edits, 0),
  ),
  cpu('CPU s / 1,000 edits: local HTTP fronts', 'redis http front', 'postgres http front'),
  cpu('CPU s / 1,000 edits: local tools', ...TOOLS),
  cpu('CPU s / 1,000 edits: the load itself', 'load'),
  {
    label: 'peak memory: Worker, or server',
    text: ({ processes }) => peak(processes.worker ?? processes.server),
  },
  {
    label: "heap of the rooms' isolate",
    text: ({ heapBytes }) => (heapBytes === null ? '–' : megabytes(heapBytes)),
  },
  { label: 'peak memory: Redis', text: ({ processes }) => peak(processes.redis) },
  number('oldest dirty, at most', ({ oldestDirtyMaxMs }) => oldestDirtyMaxMs, 'ms'),
  number('in Postgres after the end', ({ drainMs }) => drainMs, 'ms'),
  {
    label: '$ / million edits: Redis, rooms, Postgres',
    text: ({ dollarsPerMillionEdits: { redis, rooms, postgres } }) =>
      [redis, rooms, postgres].map(dollars).join(', '),
  },
  {
    label: '$ / million edits',
    text: ({ dollarsPerMillionEdits }) => dollars(dollarsPerMillionEdits.total),
    value: ({ dollarsPerMillionEdits }) => dollarsPerMillionEdits.total,
  },
  number('lateness of the load itself, p95', ({ latenciesMs }) => latenciesMs.lateness?.p95 ?? null, 'ms'),
];

function peak(use: { peakBytes: number } | undefined): string {
  return use && use.peakBytes > 0 ? megabytes(use.peakBytes) : '–';
}

/**
 * Results side by side.
 * @param base whose figures the others' are given as multiples of, in columns of their own.
 */
export function figures(
  results: readonly LoadResult[],
  title: (result: LoadResult) => string,
  base?: LoadResult,
): string {
  const columns = results.flatMap((result) => [
    { title: title(result), cell: (row: Row) => row.text(result) },
    ...(base && result !== base
      ? [
          {
            title: 'of ours',
            cell: (row: Row) => (row.value ? ratio(row.value(result), row.value(base)) : ''),
          },
        ]
      : []),
  ]);
  return table(
    ['', ...columns.map((column) => column.title)],
    ROWS.map((row) => [row.label, ...columns.map((column) => column.cell(row))]),
  );
}
