/**
 * The page, from `src/client` into `dist/page`, as wrangler and `partykit dev` serve it.
 *
 * The HTML files of `src/client/static` name their scripts and styles as they stand in the sources. The
 * build bundles each, puts it under `/assets/` with a hash of its content in its name, and writes that name
 * into the HTML. index.html also gets the tags of `src/worker/social-tags.ts`. Everything else in the folder
 * is copied: `favicon.svg`, and `_headers`, in which Cloudflare finds the headers. The player is built beside
 * it (`build-player.ts`), as a program of its own.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { type BuildOptions, type BuildResult, build, context } from 'esbuild';
import { isErrno, messageOf } from '../dev/errors.ts';
import { PROJECT_DIR } from '../dev/project.ts';
import { SITE_PREVIEW, SOCIAL_IMAGE, sitePreview, socialTags } from '../src/worker/social-tags.ts';
import { browserZod } from './browser-zod.ts';
import { buildPlayer, PLAYER_DIR, type PlayerFiles } from './build-player.ts';
import { metaPolicy, withInlineScripts } from './header-policy.ts';
import { customDomains, readWranglerConfig } from './project-names.ts';
import { renderedStart } from './rendered-start.tsx';

/** `[assets].directory` of wrangler.toml. */
export const PAGE_DIR = join(PROJECT_DIR, 'dist', 'page');
const STATIC_DIR = join(PROJECT_DIR, 'src', 'client', 'static');
/** The picture that is shown where the page's address is pasted: see `dev/render-social-picture.ts`. */
const SOCIAL_PICTURE = join(PROJECT_DIR, 'src', 'client', 'social', 'social.png');

/** Where index.html wants what the page shows before its scripts have loaded. */
const START_PLACE = '%start%';

/** Where index.html wants the policy of `_headers`. */
const POLICY_PLACE = '%content-security-policy%';

export interface PageOptions {
  /** Made if it isn't there. Files that aren't the page's are removed from it. */
  outDir: string;
  minify: boolean;
  /** Where the HTML is; by default the project's own. */
  staticDir?: string;
}

export interface BuiltPage {
  outDir: string;
  /** Paths below `outDir`, sorted. */
  files: string[];
  /** Scripts and styles that each HTML file needs before it shows anything, sorted. */
  loads: Record<string, string[]>;
  /** The same of each source that a page loads only when it needs it, by the source's path in the project. */
  laterLoads: Record<string, string[]>;
}

/**
 * Builds the page.
 * @throws {Error} when a source can't be bundled, when HTML names a file that isn't there, or when `outDir`
 *   holds something other than a page.
 */
export async function buildPage({ outDir, minify, staticDir = STATIC_DIR }: PageOptions): Promise<BuiltPage> {
  const [bundled, player] = await Promise.all([
    build(bundling(staticDir, minify)),
    playerOf(staticDir, minify),
  ]);
  return writePage(outDir, staticDir, bundled, player);
}

/**
 * Builds the page now and after every change of its sources, until it is stopped. A new script or style in
 * the HTML is noticed only by a new start.
 * @param onBuild is told of each build, or why it failed.
 */
export async function watchPage(
  { outDir, minify, staticDir = STATIC_DIR }: PageOptions,
  onBuild: (built: BuiltPage | Error) => void,
): Promise<{ stop(): Promise<void> }> {
  let player = playerOf(staticDir, minify);
  const builds = await context({
    ...bundling(staticDir, minify),
    plugins: [
      browserZod,
      {
        name: 'page',
        setup({ onEnd }) {
          onEnd(async (result) => {
            try {
              const [failure] = result.errors;
              if (failure) throw new Error(`${failure.location?.file ?? 'the page'}: ${failure.text}`);
              onBuild(writePage(outDir, staticDir, result, await player));
            } catch (error) {
              onBuild(error instanceof Error ? error : new Error(messageOf(error)));
            }
          });
        },
      },
    ],
  });
  await builds.watch();
  // esbuild watches what it bundles. Its failures reach `onBuild`.
  const others = watch(staticDir, () => void builds.rebuild().catch(() => {}));
  const players = watch(PLAYER_DIR, { recursive: true }, () => {
    player = playerOf(staticDir, minify);
    // Awaited by the build.
    player.catch(() => {});
    void builds.rebuild().catch(() => {});
  });
  return {
    async stop() {
      others.close();
      players.close();
      await builds.dispose();
    },
  };
}

/** The player, which goes with the project's own page. */
async function playerOf(staticDir: string, minify: boolean): Promise<PlayerFiles | null> {
  return staticDir === STATIC_DIR ? await buildPlayer(readHeaders(staticDir), minify) : null;
}

const readHeaders = (staticDir: string) => readFileSync(join(staticDir, '_headers'), 'utf8');

/** A reference of an HTML file to a file beside it: `src="../main.ts"`, say. */
const REFERENCE = /\b(src|href)="(?![a-z]+:|[/#])([^"]+)"/g;

/** A script that runs before the page shows anything: it is put into the HTML, which spares a request. */
const FIRST_SCRIPT = /<script src="\/(assets\/[^"]+)"><\/script>/g;
const SOURCE_MAP_NOTE = /\n\/\/# sourceMappingURL=.*\s*$/;

/** What a module imports is preloaded beside it: a browser would learn of it only from the module. */
const MODULE = /<script type="module"/;

interface Page {
  /** Its name in the static folder. */
  name: string;
  html: string;
}

function readPages(staticDir: string): Page[] {
  return readdirSync(staticDir)
    .filter((name) => name.endsWith('.html'))
    .map((name) => ({ name, html: readFileSync(join(staticDir, name), 'utf8') }));
}

const isBundled = (path: string) => /\.(tsx?|css)$/.test(path);

function bundling(staticDir: string, minify: boolean) {
  const referred = readPages(staticDir).flatMap(({ html }) =>
    [...html.matchAll(REFERENCE)].map(([, , path = '']) => path),
  );
  return {
    absWorkingDir: PROJECT_DIR,
    entryPoints: [...new Set(referred.filter(isBundled).map((path) => join(staticDir, path)))],
    bundle: true,
    // What several scripts share, and what is loaded only when it is needed, become files of their own.
    splitting: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    // They cost nothing until the developer tools are opened; the sources are public anyway.
    sourcemap: 'linked',
    minify,
    outdir: PAGE_DIR,
    entryNames: 'assets/[name]-[hash]',
    chunkNames: 'assets/[name]-[hash]',
    assetNames: 'assets/[name]-[hash]',
    metafile: true,
    plugins: [browserZod],
    write: false,
    logLevel: 'silent',
  } as const satisfies BuildOptions;
}

function writePage(
  outDir: string,
  staticDir: string,
  bundled: BuildResult,
  player: PlayerFiles | null,
): BuiltPage {
  const files = new Map<string, Uint8Array>(player?.files);
  for (const { path, contents } of bundled.outputFiles ?? []) files.set(relative(PAGE_DIR, path), contents);
  for (const name of readdirSync(staticDir)) {
    if (!name.endsWith('.html') && !isBundled(name)) files.set(name, readFileSync(join(staticDir, name)));
  }
  if (staticDir === STATIC_DIR) files.set(SOCIAL_IMAGE.path.slice(1), readFileSync(SOCIAL_PICTURE));
  // The output of each source that was asked for, as a path of the site.
  const outputs = new Map<string, string>();
  for (const [output, { entryPoint }] of Object.entries(bundled.metafile?.outputs ?? {})) {
    if (entryPoint) {
      outputs.set(resolve(PROJECT_DIR, entryPoint), `/${relative(PAGE_DIR, resolve(PROJECT_DIR, output))}`);
    }
  }
  const headers = readHeaders(staticDir);
  const loads: BuiltPage['loads'] = {};
  const pages = new Map<string, string>();
  const inlined = new Map<string, string>();
  for (const { name, html } of readPages(staticDir)) {
    const entries = [...html.matchAll(REFERENCE)].flatMap(([, , path = '']) =>
      isBundled(path) ? [outputs.get(join(staticDir, path)) ?? ''] : [],
    );
    const needed = importedBy(entries, bundled);
    const built = html
      .replace(MODULE, (script) => {
        const imported = needed.filter((path) => path.endsWith('.js') && !entries.includes(`/${path}`));
        return [...imported.map((path) => `<link rel="modulepreload" href="/${path}" />`), script].join('');
      })
      .replace(REFERENCE, (_, attribute: string, path: string) => {
        const found = isBundled(path) ? outputs.get(join(staticDir, path)) : files.has(path) && `/${path}`;
        if (!found) throw new Error(`${name} names ${path}, which isn't there`);
        return `${attribute}="${found}"`;
      })
      .replace(FIRST_SCRIPT, (_, path: string) => {
        const text = Buffer.from(files.get(path) ?? '')
          .toString()
          .replace(SOURCE_MAP_NOTE, '');
        if (/<\/script|<!--/i.test(text)) throw new Error(`${path} can't stand in HTML`);
        inlined.set(path, `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
        return `<script>${text}</script>`;
      })
      .replaceAll(START_PLACE, () => renderedStart());
    loads[name] = needed.filter((path) => !inlined.has(path));
    const isSite = staticDir === STATIC_DIR && name === 'index.html';
    pages.set(name, isSite ? withSiteTags(built) : built);
  }
  const allowed = withInlineScripts(headers, [...inlined.values()]);
  files.set('_headers', Buffer.from(allowed));
  for (const [name, html] of pages) {
    files.set(name, Buffer.from(html.replaceAll(POLICY_PLACE, metaPolicy(allowed))));
  }
  for (const path of inlined.keys()) for (const file of [path, `${path}.map`]) files.delete(file);
  const laterLoads: BuiltPage['laterLoads'] = {};
  for (const { path, entryPoint } of loadedLater(bundled))
    laterLoads[entryPoint] = importedBy([path], bundled);
  replaceFiles(outDir, files);
  return { outDir, files: [...files.keys()].sort(), loads, laterLoads };
}

const siteOf = (output: string) => relative(PAGE_DIR, resolve(PROJECT_DIR, output));

/** What is imported when it is needed: each as a path of the site, and its source. */
function loadedLater(bundled: BuildResult): { path: string; entryPoint: string }[] {
  const outputs = bundled.metafile?.outputs ?? {};
  const imported = new Set(
    Object.values(outputs).flatMap(({ imports }) =>
      imports.flatMap(({ path, kind }) => (kind === 'dynamic-import' ? [path] : [])),
    ),
  );
  return Object.entries(outputs).flatMap(([output, { entryPoint }]) =>
    entryPoint && imported.has(output) ? [{ path: siteOf(output), entryPoint }] : [],
  );
}

/**
 * The page with what is shown of it where its address is pasted, in the place of its title alone. Where the
 * Worker has a domain of its own the picture's address is absolute; other addresses aren't known here.
 */
function withSiteTags(html: string): string {
  const title = `<title>${SITE_PREVIEW.title}</title>`;
  if (!html.includes(title)) throw new Error(`index.html has no ${title}`);
  const [domain] = customDomains(readWranglerConfig());
  return html.replace(title, () => socialTags(domain === undefined ? SITE_PREVIEW : sitePreview(domain)));
}

/** These outputs, as paths of the site, and what they import at once. */
function importedBy(entries: readonly string[], bundled: BuildResult): string[] {
  const outputs = bundled.metafile?.outputs ?? {};
  const imports = new Map(
    Object.entries(outputs).map(([output, { imports: found }]) => [
      siteOf(output),
      found.flatMap(({ path, kind }) => (kind === 'import-statement' ? [siteOf(path)] : [])),
    ]),
  );
  const loaded = new Set<string>();
  const visit = (path: string) => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const imported of imports.get(path) ?? []) visit(imported);
  };
  for (const entry of entries) visit(entry.replace(/^\//, ''));
  return [...loaded].sort();
}

/**
 * Makes a folder hold these files and no others. What is there already isn't written again: several builds of
 * the same sources may run at once, and none takes away what another has just put there.
 */
function replaceFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  const present = filesIn(folder);
  if (present.length > 0 && !present.includes('_headers')) {
    throw new Error(`${folder} holds something other than a page: nothing is written there`);
  }
  for (const [path, content] of files) {
    const target = join(folder, path);
    if (present.includes(path) && readFileSync(target).equals(content)) continue;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  }
  for (const path of present) if (!files.has(path)) rmSync(join(folder, path), { force: true });
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
      entry.isFile() ? [relative(folder, join(entry.parentPath, entry.name))] : [],
    );
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
