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
    .filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name))
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
const isOurs = ({ to }: Import) => /\.tsx?$/.test(to);

const BELOW = {
  protocol: [],
  merging: ['protocol'],
  domain: ['protocol'],
  postgres: ['domain', 'protocol'],
  redis: ['domain', 'protocol'],
  access: ['redis/client.ts', 'domain', 'protocol', 'config.ts'],
  'write-behind': ['postgres', 'redis', 'domain', 'protocol'],
  room: [
    'redis/client.ts',
    'access/network.ts',
    'access/ban-list.ts',
    'access/shared-limit.ts',
    'access/stranger-commits.ts',
    'merging',
    'domain',
    'protocol',
    'config.ts',
  ],
  worker: [
    'room/connections',
    'room/handlers/room-command.ts',
    'room/agent/desk-request.ts',
    'write-behind',
    'redis',
    'postgres',
    'access',
    'domain',
    'protocol',
    'config.ts',
  ],
  client: ['merging', 'protocol'],
  // Under a licence of its own: it knows the page by its messages only.
  player: ['protocol/player.ts'],
  hosts: ['compose.ts', 'room', 'worker/env.ts', 'worker/platform.ts'],
} as const;

it('there is no other folder', () => {
  const folders = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual(Object.keys(BELOW).sort());
});

it.each(Object.entries(BELOW))('%s knows only what is below it', (folder, allowed) => {
  const imports = importsOf(folder).filter(isOurs);
  expect(imports.length).toBeGreaterThan(0);
  const isAllowed = ({ to }: Import) =>
    [folder, ...allowed].some((name) => to === name || to.startsWith(`${name}/`));
  expect(imports.filter((found) => !isAllowed(found))).toEqual([]);
});

it('no file imports itself by way of others, not even for a type', () => {
  const importsByFile = new Map<string, string[]>();
  for (const { from, to } of importsOf().filter(isOurs)) {
    // Its quick check of edits names a type of the schemas that use it.
    if (folderOf(from) === 'protocol') continue;
    importsByFile.set(from, [...(importsByFile.get(from) ?? []), to]);
  }
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const seenAt = path.indexOf(file);
    if (seenAt !== -1) cycles.push([...path.slice(seenAt), file].join(' -> '));
    if (seenAt !== -1 || done.has(file)) return;
    for (const to of importsByFile.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of importsByFile.keys()) visit(file, []);
  expect(cycles).toEqual([]);
});

it('only hosts know a platform, and nothing but its own bindings', () => {
  const files = importsOf().filter(({ to }) => PLATFORM.test(to));
  expect([...new Set(files.map(({ from }) => from))].sort()).toEqual([
    'hosts/partykit.ts',
    'hosts/partyserver.ts',
  ]);
});

it('a room knows nothing of the buffer, but where it is wired', () => {
  expect(
    importsOf('room').filter(
      ({ to }) => ['write-behind', 'redis'].includes(folderOf(to)) && to !== 'redis/client.ts',
    ),
  ).toEqual([]);
  const wiring = importsOf().filter(
    ({ from, to }) =>
      ['room/server.ts', 'write-behind/buffered-repository.ts', 'worker/app.ts'].includes(to) &&
      folderOf(from) !== folderOf(to),
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

/** Strudel's packages, and what they are made of: all AGPL-3.0-or-later. */
const AGPL = /^(@strudel\/|@kabelsalat\/|superdough|supradough)/;

it('the player is a program of its own: nothing imports it, and nothing else imports Strudel', () => {
  const ofOthers = importsOf().filter(({ from }) => folderOf(from) !== 'player');
  expect(ofOthers.filter(({ to }) => AGPL.test(to) || folderOf(to) === 'player')).toEqual([]);
  const all = ['deploy', 'dev', 'bench', 'test'].flatMap((folder) => importsOf(join('..', folder)));
  expect(all.length).toBeGreaterThan(500);
  expect(all.filter(({ to }) => AGPL.test(to) || folderOf(to) === 'player')).toEqual([]);
  expect(importsOf('player').some(({ to }) => AGPL.test(to))).toBe(true);
});

it('the player has its licence, in full', () => {
  const licence = readFileSync(join(SRC, 'player', 'LICENSE'), 'utf8');
  expect(licence).toMatch(/^\s+GNU AFFERO GENERAL PUBLIC LICENSE\n\s+Version 3, 19 November 2007/);
  expect(licence).toContain('END OF TERMS AND CONDITIONS');
});
