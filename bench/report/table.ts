/** Figures as text, for people. Pure. */

/** A table in Markdown, padded so that it also reads well in a terminal. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = titles.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (i === 0 ? (cells[i] ?? '').padEnd(width) : (cells[i] ?? '').padStart(width))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(titles), rule, ...rows.map(line)].join('\n');
}

/** Three significant digits; thousands parted; `–` for what wasn't measured. */
export function figure(value: number | null | undefined, unit = ''): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const text =
    size >= 100 || Number.isInteger(value)
      ? Math.round(value).toLocaleString('en')
      : size === 0
        ? '0'
        : Number(value.toPrecision(3)).toString();
  return unit === '' ? text : `${text} ${unit}`;
}

export function megabytes(bytes: number): string {
  return figure(bytes / 1e6, 'MB');
}

export function dollars(value: number): string {
  return `$${value >= 100 ? value.toFixed(0) : value.toPrecision(3)}`;
}

/** How many times `value` is of `base`. */
export function ratio(value: number | null, base: number | null): string {
  if (value === null || base === null || base === 0) return '–';
  const times = value / base;
  return `${times >= 100 ? Math.round(times).toLocaleString('en') : Number(times.toPrecision(2))}×`;
}
