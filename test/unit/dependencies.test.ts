/** Dependencies point one way: a room knows neither its platform nor Redis, and one file wires everything. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../../src');
/** Packages that are a platform's, or only run on one. */
const PLATFORM = /^(partykit\/|partyserver$|cloudflare:)/;

interface Import {
  from: string;
  /** A path below `src`, or a package. */
  to: string;
}

/** What the files of `src` import, or of a folder in it; all paths are from there. */
function importsOf(folder = ''): Import[] {
  return readdirSync(join(SRC, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      const file = join(SRC, folder, name);
      const source = readFileSync(file, 'utf8');
      const specifiers = [
        ...source.matchAll(/^(?:import|export)[^;]*?from '([^']+)'/gms),
        ...source.matchAll(/\bimport\('([^']+)'\)/g),
      ];
      return specifiers.map(([, to = '']) => ({
        from: join(folder, name),
        to: to.startsWith('.') ? relative(SRC, resolve(dirname(file), to)) : to,
      }));
    });
}

const folderOf = (path: string) => path.split('/')[0] ?? '';
const isOurs = ({ to }: Import) => to.endsWith('.ts');

it.each([
  ['protocol', ['protocol']],
  ['sessions', ['sessions', 'protocol']],
  ['buffer', ['buffer', 'sessions', 'protocol', 'config.ts']],
  ['ai', ['ai', 'sessions', 'protocol', 'config.ts', 'buffer/redis.ts']],
  ['room', ['room', 'ai', 'sessions', 'protocol', 'config.ts', 'within.ts']],
  [
    'worker',
    [
      'worker',
      'buffer',
      'sessions',
      'protocol',
      'config.ts',
      'within.ts',
      'room/grant.ts',
      'room/refusal.ts',
    ],
  ],
  ['client', ['client', 'protocol']],
  ['hosts', ['compose.ts', 'room', 'worker/env.ts', 'worker/platform.ts']],
] as const)('%s knows only what is below it', (folder, allowed) => {
  const imports = importsOf(folder).filter(isOurs);
  expect(imports.length).toBeGreaterThan(0);
  expect(
    imports.filter(({ to }) => !allowed.some((name) => to === name || to.startsWith(`${name}/`))),
  ).toEqual([]);
});

it('only hosts know a platform, and nothing but its own bindings', () => {
  const files = importsOf().filter(({ to }) => PLATFORM.test(to));
  expect([...new Set(files.map(({ from }) => from))].sort()).toEqual([
    'hosts/partykit.ts',
    'hosts/partyserver.ts',
  ]);
});

it('a room knows nothing of the buffer, but where it is wired', () => {
  expect(importsOf('room').filter(({ to }) => folderOf(to) === 'buffer')).toEqual([]);
  const wiring = importsOf().filter(
    ({ from, to }) =>
      ['room/server.ts', 'buffer/index.ts', 'worker/app.ts'].includes(to) && folderOf(from) !== folderOf(to),
  );
  // A host names the type of the room that it is given.
  const ofHosts = ({ from }: Import) => folderOf(from) === 'hosts';
  expect([...new Set(wiring.filter((found) => !ofHosts(found)).map(({ from }) => from))]).toEqual([
    'compose.ts',
  ]);
  for (const { from, to } of wiring.filter(ofHosts)) {
    expect(readFileSync(join(SRC, from), 'utf8')).toMatch(
      new RegExp(`^import type [^;]+ from '\\.\\./${to}';$`, 'm'),
    );
  }
});
