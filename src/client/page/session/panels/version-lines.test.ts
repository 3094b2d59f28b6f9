import { expect, it } from 'vitest';
import { linesOf } from './version-lines.ts';

const said = (version: string, now: string) =>
  linesOf(version, now).map(({ kind, text }) => `${{ both: ' ', version: '+', now: '-' }[kind]}${text}`);

it('shows what only the version has, and what only the code now has', () => {
  expect(said('a\nb\nc', 'a\nx\nc')).toEqual([' a', '-x', '+b', ' c']);
  expect(said('a\n', '')).toEqual(['+a']);
});

it('leaves out what is far from any change', () => {
  const lines = Array.from({ length: 20 }, (_, at) => `line ${at}`);
  const changed = lines.with(10, 'other');
  expect(said(lines.join('\n'), changed.join('\n'))).toEqual([
    ' …',
    ...[7, 8, 9].map((at) => ` line ${at}`),
    '-other',
    '+line 10',
    ...[11, 12, 13].map((at) => ` line ${at}`),
    ' …',
  ]);
});

it('shows all of a version that is as the code now', () => {
  expect(said('a\nb', 'a\nb')).toEqual([' a', ' b']);
});
