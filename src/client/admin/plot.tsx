/** One figure over time, as a line. */
import { clock } from './format.ts';
import { type Point, roundUp, runsOf, thinned } from './series.ts';

interface PlotProps {
  id: string;
  title: string;
  /** Oldest first. */
  points: readonly Point[];
  fromMs: number;
  toMs: number;
  format(value: number): string;
}

const WIDTH = 320;
const HEIGHT = 100;
/** More points than that can't be told apart. */
const MAX_POINTS = 160;

export function Plot({ id, title, points, fromMs, toMs, format }: PlotProps) {
  const shown = thinned(points, MAX_POINTS);
  const greatest = Math.max(0, ...shown.map(({ value }) => value));
  const top = roundUp(greatest);
  const newest = points.at(-1);
  const x = ({ atMs }: Point) => (((atMs - fromMs) / Math.max(1, toMs - fromMs)) * WIDTH).toFixed(1);
  const y = ({ value }: Point) => (HEIGHT - (value / top) * HEIGHT).toFixed(1);
  const summary =
    newest === undefined
      ? `${title}: nothing is known of this time`
      : `${title} from ${clock(fromMs)} to ${clock(toMs)}: now ${format(newest.value)}, ${format(greatest)} at most`;
  return (
    <figure data-testid={`plot-${id}`}>
      <figcaption>
        {title} <span class="dim">{newest === undefined ? 'not known' : format(newest.value)}</span>
      </figcaption>
      <div class="axes">
        <span class="y-top dim">{format(top)}</span>
        <span class="y-bottom dim">0</span>
        <svg
          viewBox={`0 -3 ${WIDTH} ${HEIGHT + 6}`}
          role="img"
          aria-label={summary}
          preserveAspectRatio="none"
        >
          <path class="grid" d={`M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}`} />
          {runsOf(shown).map((run) => (
            // A line of no length is a point: its ends are round.
            <polyline
              key={run[0]?.atMs}
              class="line"
              points={(run.length === 1 ? [...run, ...run] : run)
                .map((one) => `${x(one)},${y(one)}`)
                .join(' ')}
            />
          ))}
        </svg>
        <span class="x-from dim">{clock(fromMs)}</span>
        <span class="x-to dim">{clock(toMs)}</span>
      </div>
    </figure>
  );
}
