/** What a run says: a line a round, a table at the end, and the figures as JSON. */
import { columns } from './columns.ts';
import { type Figures, noFigures, type RoundResult } from './round.ts';

export interface RunFigures extends Figures {
  rounds: number;
  failed: number;
  seconds: number;
  longestDrainMs: number;
}

export function roundLine({ fault, seed, figures, drainMs, problems }: RoundResult): string {
  const state = problems.length === 0 ? 'ok  ' : 'FAIL';
  return `${state} ${fault.padEnd(28)} seed ${seed}  ${figures.ackedEdits}/${figures.edits} edits, ${figures.ackedMessages}/${figures.messages} messages, drained in ${(drainMs / 1000).toFixed(1)} s`;
}

export function totals(results: readonly RoundResult[], seconds: number): RunFigures {
  const total: RunFigures = {
    rounds: results.length,
    failed: results.filter(({ problems }) => problems.length > 0).length,
    seconds: Math.round(seconds),
    longestDrainMs: Math.max(0, ...results.map(({ drainMs }) => drainMs)),
    ...noFigures(),
  };
  for (const { figures } of results) {
    for (const key of Object.keys(figures) as (keyof Figures)[]) total[key] += figures[key];
  }
  return total;
}

/** One line a fault. */
export function table(results: readonly RoundResult[], seconds: number): string {
  const header = [
    'fault',
    'rounds',
    'failed',
    'faults',
    'edits',
    'acked',
    'messages',
    'acked',
    'lost',
    'doubled',
    'drain',
  ];
  const names = [...new Set(results.map(({ fault }) => fault))];
  const row = (name: string, part: readonly RoundResult[]) => {
    const t = totals(part, 0);
    const numbers = [
      t.rounds,
      t.failed,
      t.faults,
      t.edits,
      t.ackedEdits,
      t.messages,
      t.ackedMessages,
      t.lostEdits + t.lostMessages,
      t.doubled,
    ];
    return [name, ...numbers.map(String), `${(t.longestDrainMs / 1000).toFixed(1)} s`];
  };
  const rows = [
    header,
    ...names.map((name) =>
      row(
        name,
        results.filter(({ fault }) => fault === name),
      ),
    ),
    row(`all, in ${Math.round(seconds)} s`, results),
  ];
  return columns(rows);
}
