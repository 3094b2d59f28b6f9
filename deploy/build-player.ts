/**
 * The player's files, from `src/player`: its page, one script, its licence, and its source code, which its
 * licence (AGPL-3.0-or-later) has it offer to all who use it.
 *
 * It is a program of its own: nothing of it is in the page's scripts. It is one classic script, since a frame
 * of opaque origin could load a module only from a server that allows any origin.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { z } from 'zod';
import { PROJECT_DIR } from '../dev/project.ts';
import { BROWSER_ZOD, browserZod } from './browser-zod.ts';
import { metaPolicy } from './header-policy.ts';
import { addLibraryChecks, CHECKED_MODULES } from './library-checks.ts';

export const PLAYER_DIR = join(PROJECT_DIR, 'src', 'player');
/** Where the player is on the site: `PLAYER_PATH` of its protocol. Its headers are those of this folder. */
const FOLDER = 'player';
const EMBEDDED_FOLDER = 'pattern-player';
/** What it is made of beside its own folder. */
const OTHER_SOURCES = [
  'src/protocol/player.ts',
  'src/protocol/limits.ts',
  BROWSER_ZOD,
  'deploy/browser-zod.ts',
  'deploy/build-player.ts',
  'deploy/library-checks.ts',
];

export interface PlayerFiles {
  /** By their paths below the site's root. */
  files: ReadonlyMap<string, Uint8Array>;
  /** Its script, as it is loaded. */
  script: Uint8Array;
}

/** @param headers the site's `_headers`, which has the player's policy */
export async function buildPlayer(headers: string, minify: boolean): Promise<PlayerFiles> {
  const bundled = await build(bundling(minify));
  const files = new Map<string, Uint8Array>();
  let script: { path: string; contents: Uint8Array } | undefined;
  for (const { path, contents } of bundled.outputFiles ?? []) {
    files.set(join(FOLDER, 'assets', basename(path)), contents);
    if (path.endsWith('.js')) script = { path: `assets/${basename(path)}`, contents };
  }
  if (!script) throw new Error('the player has no script');
  const html = readFileSync(join(PLAYER_DIR, 'static', 'index.html'), 'utf8')
    .replace('../main.ts', `/${FOLDER}/${script.path}`)
    .replace('%content-security-policy%', metaPolicy(headers, `/${FOLDER}/*`));
  files.set(`${FOLDER}/index.html`, Buffer.from(html));
  // Under a policy that lets other sites' pages frame it, too; links lead to the same licence and source.
  files.set(
    `${EMBEDDED_FOLDER}/index.html`,
    Buffer.from(
      html
        .replaceAll('href="LICENSE', `href="/${FOLDER}/LICENSE`)
        .replaceAll('href="source', `href="/${FOLDER}/source`),
    ),
  );
  files.set(`${FOLDER}/LICENSE.txt`, readFileSync(join(PLAYER_DIR, 'LICENSE')));
  for (const [path, content] of sourceFiles()) files.set(`${FOLDER}/source/${path}`, content);
  return { files, script: script.contents };
}

function bundling(minify: boolean) {
  return {
    absWorkingDir: PROJECT_DIR,
    entryPoints: { player: join(PLAYER_DIR, 'main.ts') },
    bundle: true,
    format: 'iife',
    target: 'es2022',
    sourcemap: 'linked',
    minify,
    define: { 'process.env.NODE_ENV': '"production"' },
    outdir: join(PROJECT_DIR, 'dist', 'page', FOLDER, 'assets'),
    entryNames: '[name]-[hash]',
    plugins: [browserZod, libraryChecks],
    write: false,
    logLevel: 'silent',
  } as const satisfies BuildOptions;
}

const libraryChecks: Plugin = {
  name: 'library checks',
  setup({ onLoad }) {
    onLoad({ filter: CHECKED_MODULES }, ({ path }) => ({
      contents: addLibraryChecks(readFileSync(path, 'utf8')),
    }));
  },
};

/** What the script was made from, and a page that lists it. */
function sourceFiles(): Map<string, Uint8Array> {
  const own = readdirSync(PLAYER_DIR, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(PROJECT_DIR, join(entry.parentPath, entry.name)));
  const paths = [...own, ...OTHER_SOURCES].sort();
  const files = new Map<string, Uint8Array>();
  for (const path of paths) files.set(`${path}.txt`, readFileSync(join(PROJECT_DIR, path)));
  const links = paths.map((path) => `<li><a href="${path}.txt">${path}</a></li>`);
  const packages = strudelPackages().map(
    ([name, version]) =>
      `<li><a href="https://www.npmjs.com/package/${name}/v/${version}">${name} ${version}</a></li>`,
  );
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Source code of Backbeat’s player</title>
<h1>Source code of Backbeat’s player</h1>
<p>Under the <a href="../LICENSE.txt">GNU Affero General Public License</a>, version 3 or later.</p>
<ul>
${links.join('\n')}
</ul>
<p>With these packages, whose sources are at <a href="https://codeberg.org/uzu/strudel">codeberg.org/uzu/strudel</a>:</p>
<ul>
${packages.join('\n')}
</ul>
</html>
`;
  return files.set('index.html', Buffer.from(html));
}

/** What `src/player` imports, in the versions of the lock file. */
function strudelPackages(): [string, string][] {
  const lock = z
    .object({ packages: z.record(z.string(), z.object({ version: z.string().optional() })) })
    .parse(JSON.parse(readFileSync(join(PROJECT_DIR, 'package-lock.json'), 'utf8')));
  return Object.entries(lock.packages).flatMap(([path, { version }]): [string, string][] => {
    const [, name] = /^node_modules\/(@strudel\/.+|@kabelsalat\/.+|superdough|supradough)$/.exec(path) ?? [];
    return name === undefined || version === undefined ? [] : [[name, version]];
  });
}
