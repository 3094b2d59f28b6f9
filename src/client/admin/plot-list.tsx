/** The figures over time: since the page was opened, and what the server keeps of the last day. */
import { useState } from 'preact/hooks';
import { number } from './format.ts';
import { Plot } from './plot.tsx';
import { type Moment, type Point, pointsOf, ratesOf } from './series.ts';

const RANGES = [
  { name: '15 minutes', ms: 15 * 60_000 },
  { name: '1 hour', ms: 3_600_000 },
  { name: '1 day', ms: 24 * 3_600_000 },
] as const;

const PLOTS: { id: string; title: string; points(moments: readonly Moment[]): Point[]; unit: string }[] = [
  { id: 'lag', title: 'Lag', unit: ' s', points: (moments) => pointsOf(moments, ({ lagS }) => lagS) },
  {
    id: 'dirty',
    title: 'Dirty sessions',
    unit: '',
    points: (moments) => pointsOf(moments, ({ dirtySessions }) => dirtySessions),
  },
  {
    id: 'flushed',
    title: 'Sessions flushed a minute',
    unit: '',
    points: (moments) => ratesOf(pointsOf(moments, ({ flushed }) => flushed)),
  },
  {
    id: 'letters',
    title: 'Dead letters',
    unit: '',
    points: (moments) => pointsOf(moments, ({ letters }) => letters),
  },
];

export function PlotList({ moments }: { moments: readonly Moment[] }) {
  const [rangeMs, setRange] = useState<number>(RANGES[0].ms);
  const toMs = moments.at(-1)?.atMs ?? Date.now();
  const fromMs = toMs - rangeMs;
  return (
    <section aria-labelledby="plots">
      <h2 id="plots">Over time</h2>
      <fieldset class="ranges">
        <legend class="visually-hidden">Time that the plots show</legend>
        {RANGES.map(({ name, ms }) => (
          <label key={ms}>
            <input type="radio" name="range" checked={ms === rangeMs} onChange={() => setRange(ms)} />
            {name}
          </label>
        ))}
      </fieldset>
      <div class="plots">
        {PLOTS.map(({ id, title, unit, points }) => (
          <Plot
            key={id}
            id={id}
            title={title}
            points={points(moments).filter(({ atMs }) => atMs >= fromMs)}
            fromMs={fromMs}
            toMs={toMs}
            format={(value) => `${number(value)}${unit}`}
          />
        ))}
      </div>
    </section>
  );
}
