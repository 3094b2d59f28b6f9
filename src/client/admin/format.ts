/** Figures as people read them. */
const NUMBER = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const number = (value: number): string => NUMBER.format(value);

/** Such as `1 session` or `2 sessions`. */
export const counted = (value: number, one: string): string =>
  `${number(value)} ${value === 1 ? one : `${one}s`}`;

/** Such as `4 s`, `12 min` or `3 h`. */
export function duration(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 120) return `${number(Math.round(seconds * 10) / 10)} s`;
  const minutes = seconds / 60;
  if (minutes < 120) return `${Math.round(minutes)} min`;
  const hours = minutes / 60;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}

export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  return count < 1_000_000 ? `${number(count / 1_000)} kB` : `${number(count / 1_000_000)} MB`;
}

/** The time of the day, in the reader's own zone. */
export const clock = (atMs: number): string =>
  new Date(atMs).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
