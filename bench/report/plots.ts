/** Line plots as SVG: scales and paths by d3, the rest is a few lines of markup. Pure. */
import { type ScaleContinuousNumeric, scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';

export interface Series {
  name: string;
  /** Points with null are gaps. */
  points: [x: number, y: number | null][];
}

export interface Plot {
  title: string;
  x: string;
  y: string;
  series: Series[];
  /** Where the ranges are wide. */
  isLogX?: boolean;
  isLogY?: boolean;
  /** A level to compare with. */
  target?: { value: number; name: string };
}

const WIDTH = 720;
const HEIGHT = 360;
const MARGIN = { top: 44, right: 150, bottom: 48, left: 76 };
const COLOURS = ['#2563eb', '#db2777', '#059669', '#d97706', '#7c3aed', '#64748b'];

export function svg(plot: Plot): string {
  const all = plot.series.flatMap(({ points }) => points.filter(([, y]) => y !== null));
  const xs = all.map(([px]) => px);
  const ys = all.flatMap(([, py]) => py ?? []).concat(plot.target ? [plot.target.value] : []);
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const x = scale(xs, plot.isLogX ?? false).range([MARGIN.left, right]);
  const y = scale(ys, plot.isLogY ?? false).range([bottom, MARGIN.top]);
  // Scales of loads have few points: their own values make the better ticks.
  const xTicks = plot.isLogX ? [...new Set(xs)] : x.ticks(8);
  const yTicks = y.ticks(6);

  const path = line<[number, number | null]>()
    .defined(([, py]) => py !== null)
    .x(([px]) => x(px))
    .y(([, py]) => y(py ?? 0));
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#334155">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="15" font-weight="600" fill="#0f172a">${escaped(plot.title)}</text>`,
    ...yTicks.map(
      (tick) =>
        `<line x1="${MARGIN.left}" x2="${right}" y1="${at(y(tick))}" y2="${at(y(tick))}" stroke="#e2e8f0"/>` +
        `<text x="${MARGIN.left - 8}" y="${at(y(tick) + 4)}" text-anchor="end">${label(tick)}</text>`,
    ),
    ...xTicks.map(
      (tick) =>
        `<text x="${at(x(tick))}" y="${bottom + 18}" text-anchor="middle">${label(tick)}</text>` +
        `<line x1="${at(x(tick))}" x2="${at(x(tick))}" y1="${bottom}" y2="${bottom + 4}" stroke="#94a3b8"/>`,
    ),
    `<line x1="${MARGIN.left}" x2="${right}" y1="${bottom}" y2="${bottom}" stroke="#94a3b8"/>`,
    `<text x="${(MARGIN.left + right) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escaped(plot.x)}</text>`,
    `<text transform="translate(16 ${(MARGIN.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(plot.y)}</text>`,
    ...(plot.target
      ? [
          `<line x1="${MARGIN.left}" x2="${right}" y1="${at(y(plot.target.value))}" y2="${at(y(plot.target.value))}" stroke="#94a3b8" stroke-dasharray="5 4"/>`,
          `<text x="${MARGIN.left + 6}" y="${at(y(plot.target.value) - 5)}" fill="#64748b">${escaped(plot.target.name)}</text>`,
        ]
      : []),
    ...plot.series.map((series, i) => {
      const colour = COLOURS[i % COLOURS.length];
      const marks =
        series.points.length > 20
          ? ''
          : series.points
              .map(([px, py]) =>
                py === null ? '' : `<circle cx="${at(x(px))}" cy="${at(y(py))}" r="3" fill="${colour}"/>`,
              )
              .join('');
      const key = MARGIN.top + 8 + i * 18;
      return (
        `<path d="${path(series.points) ?? ''}" fill="none" stroke="${colour}" stroke-width="2"/>${marks}` +
        `<line x1="${right + 8}" x2="${right + 24}" y1="${key}" y2="${key}" stroke="${colour}" stroke-width="2"/>` +
        `<text x="${right + 30}" y="${key + 4}">${escaped(series.name)}</text>`
      );
    }),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

function scale(values: readonly number[], isLog: boolean): ScaleContinuousNumeric<number, number> {
  const most = Math.max(...values, Number.MIN_VALUE);
  if (!isLog) return scaleLinear().domain([0, most]).nice();
  const least = Math.min(...values.filter((value) => value > 0), most);
  return scaleLog().domain([least, least === most ? most * 10 : most]);
}

const at = (position: number) => position.toFixed(1);

function label(tick: number): string {
  return Math.abs(tick) >= 1e6 ? tick.toExponential(0) : Number(tick.toPrecision(4)).toLocaleString('en');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
