/** What merging costs, as tables and plots. Pure. */
import type { Outcome } from '../merging/contender.ts';
import type { Plot } from './plots.ts';
import { figure, ratio, table } from './table.ts';

interface Row {
  label: string;
  unit?: string;
  value(outcome: Outcome): number | null;
}

/**
 * By how much the heap has grown for each room since the first edit, at one of the moments when it was looked
 * at. What the server's code takes once it runs is in it, divided by the rooms.
 */
function roomBytes({ memory, load }: Outcome, at: number): number | null {
  const [before, point] = [memory[0], memory.at(at)];
  return before && point ? (point.heapBytes - before.heapBytes) / load.sessions : null;
}

const KB = 1000;
const inKb = (bytes: number | null) => (bytes === null ? null : bytes / KB);

const WIRE: readonly Row[] = [
  { label: 'on the wire: up', unit: 'bytes', value: ({ bytes }) => bytes.up },
  { label: 'on the wire: down to each other', unit: 'bytes', value: ({ bytes }) => bytes.downToEachOther },
  { label: 'on the wire: down to its author', unit: 'bytes', value: ({ bytes }) => bytes.downToAuthor },
  {
    label: 'on the wire: all of a room',
    unit: 'bytes',
    value: ({ bytes, load }) =>
      bytes.up + bytes.downToAuthor + bytes.downToEachOther * (load.typists + load.viewers - 1),
  },
];
const CPU: readonly Row[] = [
  {
    label: 'CPU of the server process / 1,000 edits',
    unit: 'ms',
    value: ({ cpuMsPer1000 }) => cpuMsPer1000.server,
  },
  { label: 'CPU of Redis / 1,000 edits', unit: 'ms', value: ({ cpuMsPer1000 }) => cpuMsPer1000.redis },
  { label: 'CPU of Postgres / 1,000 edits', unit: 'ms', value: ({ cpuMsPer1000 }) => cpuMsPer1000.postgres },
];
const MEMORY: readonly Row[] = [
  ...(
    [
      ['after a quarter', 1],
      ['after half', 2],
      ['after three quarters', 3],
      ['after all', 4],
    ] as const
  ).map(
    ([when, at]): Row => ({
      label: `heap since the first edit, a room, ${when}`,
      unit: 'KB',
      value: (outcome) => inKb(roomBytes(outcome, at)),
    }),
  ),
  {
    label: 'heap of a room, from a quarter to all',
    unit: 'KB',
    value: (outcome) => {
      const [quarter, all] = [roomBytes(outcome, 1), roomBytes(outcome, 4)];
      return quarter === null || all === null ? null : inKb(all - quarter);
    },
  },
  {
    label: 'memory of the server process, after all',
    unit: 'MB',
    value: ({ memory }) => (memory.at(-1)?.residentBytes ?? 0) / 1e6,
  },
  { label: 'the text', unit: 'bytes', value: ({ textBytes }) => textBytes },
  { label: 'stored of a room', unit: 'bytes', value: ({ storedBytes }) => storedBytes },
];

function checkRows(outcomes: readonly Outcome[]): string[][] {
  const row = (label: string, text: (outcome: Outcome) => string) => [label, ...outcomes.map(text)];
  return [
    row('edits sent, acknowledged', ({ edits }) => `${figure(edits.sent)}, ${figure(edits.acked)}`),
    row(
      "people whose text isn't what was typed",
      ({ check, load }) => `${check.diverged} of ${load.sessions * (load.typists + load.viewers)}`,
    ),
    row(
      "rooms whose stored text isn't what was typed",
      ({ check }) => `${check.sessionsLost} of ${check.sessions}`,
    ),
    row('errors, connections closed', ({ edits }) => {
      const errors = Object.entries(edits.errors).map(([code, n]) => `${code} ${n}`);
      return `${errors.join(', ') || '0'}, ${edits.closed}`;
    }),
  ];
}

/** Systems beside the first of them. */
export function systemsTable(outcomes: readonly Outcome[]): string {
  const [ours] = outcomes;
  if (!ours) return '';
  const rows = [...WIRE, ...CPU, ...MEMORY].map(({ label, unit, value }) => [
    label,
    ...outcomes.map((outcome) => {
      const text = figure(value(outcome), unit);
      return outcome === ours ? text : `${text} (${ratio(value(outcome), value(ours))})`;
    }),
  ]);
  return table(['', ...outcomes.map(({ target }) => target)], [...checkRows(outcomes), ...rows]);
}

/** Ways to send an edit: changes, each followed by a whole text, which is compared with it. */
export function waysTable(outcomes: readonly Outcome[]): string {
  const titles = outcomes.map(
    ({ load }) => `${load.edits === 'changes' ? 'change' : 'whole text'}, ${figure(load.codeBytes)} bytes`,
  );
  const rows = [...WIRE, ...CPU].map(({ label, unit, value }) => [
    label,
    ...outcomes.map((outcome, at) => {
      const text = figure(value(outcome), unit);
      const change = outcomes[at - 1];
      if (outcome.load.edits === 'changes' || !change) return text;
      return `${text} (${ratio(value(outcome), value(change))})`;
    }),
  ]);
  return table(['', ...titles], [...checkRows(outcomes), ...rows]);
}

export function mergingPlots(outcomes: readonly Outcome[]): Record<string, Plot> {
  return {
    memory: {
      title: 'Heap since the first edit, a room, by its edits',
      x: 'edits',
      y: 'KB',
      series: outcomes.map((outcome) => ({
        name: outcome.target,
        points: outcome.memory.map(({ edits }, at): [number, number | null] => [
          edits,
          inKb(roomBytes(outcome, at)),
        ]),
      })),
    },
  };
}
