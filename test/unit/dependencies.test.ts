/** Dependencies point one way, and a room's handlers know nothing of Redis: Postgres alone or buffered is a choice of wiring. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../../src');

/** The files of `src` that a folder's files import, as paths from there. */
function importsOf(folder: string): { from: string; to: string }[] {
  return readdirSync(join(SRC, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      const file = join(SRC, folder, name);
      const specifiers = readFileSync(file, 'utf8').matchAll(/^(?:import|export)[^;]*?from '(\.[^']+)'/gms);
      return [...specifiers].map(([, specifier = '']) => ({
        from: join(folder, name),
        to: relative(SRC, resolve(dirname(file), specifier)),
      }));
    });
}

it.each([
  ['protocol', ['protocol']],
  ['sessions', ['sessions', 'protocol']],
  ['buffer', ['buffer', 'sessions', 'protocol', 'config.ts']],
  ['client', ['client', 'protocol']],
] as const)('%s knows only what is below it', (folder, allowed) => {
  const imports = importsOf(folder);
  expect(imports.length).toBeGreaterThan(0);
  expect(imports.filter(({ to }) => !allowed.some((name) => to.startsWith(name)))).toEqual([]);
});

it('a room knows nothing of the buffer, but where it is wired', () => {
  const wiring = ['room/agent-ports.ts', 'room/storage.ts'];
  const imports = importsOf('room').filter(({ from }) => !wiring.includes(from));
  expect(imports.length).toBeGreaterThan(0);
  expect(imports.filter(({ to }) => to.startsWith('buffer'))).toEqual([]);
});
