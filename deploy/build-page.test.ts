/**
 * The page's build: hashed names that the HTML refers to, one policy in two places, and nothing left
 * of an earlier build.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { PROJECT_DIR } from '../dev/project.ts';
import { SITE_PREVIEW, SOCIAL_IMAGE, socialTags } from '../src/worker/social-tags.ts';
import { WAIT } from '../test/support/wait.ts';
import { type BuiltPage, buildPage, PAGE_DIR, watchPage } from './build-page.ts';
import { metaPolicy, withInlineScripts } from './header-policy.ts';
import { readWranglerConfig } from './project-names.ts';

let folder: string;
let built: BuiltPage;
const read = (path: string) => readFileSync(join(built.outDir, path), 'utf8');

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'backbeat-page-'));
  built = await buildPage({ outDir: join(folder, 'page'), minify: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the HTML loads from this site, each once. */
const references = (html: string) => [
  ...new Set([...html.matchAll(/\b(?:src|href)="([^"]+)"/g)].map(([, path]) => path)),
];

describe('the built page', () => {
  it('goes where wrangler.toml looks for it', () => {
    expect(PAGE_DIR).toBe(join(PROJECT_DIR, readWranglerConfig().assets.directory));
    expect(readWranglerConfig().build).toEqual({ command: 'npm run build' });
  });

  it.each([
    ['index.html', 'main', 'style'],
    ['admin.html', 'admin', 'admin'],
    ['pattern.html', 'pattern', 'style'],
  ])(
    'has every file that %s names, by absolute paths, scripts and styles with a hash',
    (html, script, style) => {
      const named = references(read(html));
      const file = (name: string, extension: string) =>
        expect.stringMatching(new RegExp(`^/assets/${name}-[A-Z0-9]{8}\\.${extension}$`));
      expect(named).toEqual([
        '/favicon.svg',
        file(style, 'css'),
        // What is shared with the other page, and with what is loaded later.
        ...named.slice(2, -1).map(() => file('chunk', 'js')),
        file(script, 'js'),
      ]);
      // Each is a request, if one that goes beside the others.
      expect(named.length).toBeLessThan(30);
      expect(built.loads[html]).toEqual(
        named
          .slice(1)
          .map((path = '') => path.slice(1))
          .sort(),
      );
      for (const path of named) expect(built.files).toContain(path?.slice(1));
      expect(built.files).toContain('_headers');
      const hashed = built.files.filter((file) => file.startsWith('assets/'));
      for (const file of hashed) expect(file).toMatch(/-[A-Z0-9]{8}\.(js|css)(\.map)?$/);
      // Each script names its source map as it is called.
      for (const file of hashed.filter((file) => file.endsWith('.js'))) {
        expect(read(file)).toContain(`sourceMappingURL=${file.replace('assets/', '')}.map`);
      }
    },
  );

  it.each(['index.html', 'admin.html'])(
    'has the policy of _headers in %s, but for what a <meta> can’t say',
    (name) => {
      const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(read(name)) ?? [];
      const [, header = ''] = /Content-Security-Policy: (.+)/.exec(read('_headers')) ?? [];
      expect(header).toContain("default-src 'none'");
      expect(header).toContain("frame-ancestors 'none'");
      expect(`${policy}; frame-ancestors 'none'`).toBe(header);
    },
  );

  it('shows a title, a description and a picture where its address is pasted', () => {
    const html = read('index.html');
    expect(html).toContain(socialTags(SITE_PREVIEW));
    expect(html.match(/<title>/g)).toHaveLength(1);
    expect(read('admin.html')).not.toContain('og:');
    const picture = readFileSync(join(built.outDir, SOCIAL_IMAGE.path));
    expect(picture.subarray(1, 4).toString()).toBe('PNG');
    expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([
      SOCIAL_IMAGE.width,
      SOCIAL_IMAGE.height,
    ]);
    expect(picture.length).toBeLessThan(60_000);
  });

  it.each(['index.html', 'admin.html'])('has nothing in %s that its policy refuses', (name) => {
    const html = read(name);
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/i);
    const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(html) ?? [];
    const inline = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(([, text = '']) => text);
    const hashes = inline.map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
    // Each page has those of index.html, as the header does.
    if (name === 'index.html') expect(policy.match(/'sha256-[^']+'/g)).toEqual(hashes);
    else expect(hashes).toEqual([]);
    expect(html.match(/<script(?![^>]*\bsrc=)/g) ?? []).toHaveLength(inline.length);
  });

  it('has the player once more, for pages that other sites may frame', () => {
    const html = read('pattern-player/index.html');
    expect(html).toContain('src="/player/assets/');
    expect(html).toContain('href="/player/LICENSE.txt"');
    expect(html).toContain('href="/player/source/index.html"');
    const policies = [...read('_headers').matchAll(/Content-Security-Policy: (sandbox.+)/g)].map(
      ([, p]) => p,
    );
    expect(policies).toHaveLength(2);
    expect(policies[1]).toBe(policies[0]?.replace("frame-ancestors 'self'", 'frame-ancestors *'));
  });

  it('has the player beside it: its own script and policy, its licence, and its source', () => {
    const html = read('player/index.html');
    const [, script = ''] =
      /<script src="\/(player\/assets\/player-[A-Z0-9]{8}\.js)" defer>/.exec(html) ?? [];
    expect(built.files).toContain(script);
    const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(html) ?? [];
    expect(policy).toContain("script-src 'self' 'unsafe-eval'");
    expect(policy).not.toMatch(/sandbox|frame-ancestors/);
    expect(read('player/LICENSE.txt')).toContain('GNU AFFERO GENERAL PUBLIC LICENSE');
    const listed = references(read('player/source/index.html')).filter((path) => path?.endsWith('.ts.txt'));
    expect(listed).toContain('src/player/main.ts.txt');
    expect(listed).toContain('src/protocol/player.ts.txt');
    for (const path of listed) expect(built.files).toContain(`player/source/${path}`);
    // Strudel is in the player's script, and nowhere else. Its checks are in its loops.
    expect(read(script)).toContain('$bb()');
    const others = built.files.filter((file) => file.startsWith('assets/') && file.endsWith('.js'));
    for (const file of others) expect(read(file)).not.toMatch(/strudel-stop|superdough|\$bb\(\)/);
  });

  it('is the same again, and leaves nothing of an earlier build', async () => {
    writeFileSync(join(built.outDir, 'assets', 'main-00000000.js'), '// an older one');
    expect(await buildPage({ outDir: built.outDir, minify: true })).toEqual(built);
    const present = readdirSync(built.outDir, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(present).toHaveLength(built.files.length);
  });

  it('has other names when it isn’t the same', async () => {
    const plain = await buildPage({ outDir: join(folder, 'plain'), minify: false });
    const scripts = ({ files }: BuiltPage) => files.filter((file) => /main-\w+\.js$/.test(file));
    expect(scripts(plain)).toHaveLength(1);
    expect(scripts(plain)).not.toEqual(scripts(built));
  });

  it('is written to no folder that holds something else', async () => {
    const other = join(folder, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'thesis.txt'), 'the only copy');
    await expect(buildPage({ outDir: other, minify: true })).rejects.toThrow('something other than a page');
    expect(readdirSync(other)).toEqual(['thesis.txt']);
  });
});

describe('a change of the sources', () => {
  let staticDir: string;
  let outDir: string;
  let files: string[];
  /** Writes a source and builds. @returns the new files. */
  async function change(path: string, content: string): Promise<string[]> {
    const before = files;
    writeFileSync(join(staticDir, path), content);
    ({ files } = await buildPage({ staticDir, outDir, minify: true }));
    return files.filter((file) => !before.includes(file) && !file.endsWith('.map'));
  }

  beforeEach(async () => {
    const client = mkdtempSync(join(folder, 'client-'));
    staticDir = join(client, 'static');
    outDir = join(client, 'page');
    mkdirSync(staticDir);
    const sources = {
      _headers: "/*\n  Content-Security-Policy: default-src 'self'\n",
      'index.html':
        '<link rel="stylesheet" href="style.css" /><script type="module" src="../main.ts"></script>',
      'style.css': 'body { color: red; }',
      '../main.ts': "document.title = 'one'; void import('./lazy.ts');",
      '../lazy.ts': "export const lazy = 'one';",
    };
    for (const [path, text] of Object.entries(sources)) writeFileSync(join(staticDir, path), text);
    ({ files } = await buildPage({ staticDir, outDir, minify: true }));
  });

  it('gives a new name to what changed and to what names it, and to nothing else', async () => {
    expect(await change('style.css', 'body { color: blue; }')).toEqual([
      expect.stringMatching(/^assets\/style-/),
    ]);
    expect(await change('../main.ts', "document.title = 'two'; void import('./lazy.ts');")).toEqual([
      expect.stringMatching(/^assets\/main-/),
    ]);
    // What is loaded when it is needed has a name of its own, which stands in the script.
    expect(await change('../lazy.ts', "export const lazy = 'two';")).toEqual([
      expect.stringMatching(/^assets\/lazy-/),
      expect.stringMatching(/^assets\/main-/),
    ]);
    const html = readFileSync(join(outDir, 'index.html'), 'utf8');
    expect(references(html)).toEqual([
      expect.stringMatching(/^\/assets\/style-/),
      expect.stringMatching(/^\/assets\/main-/),
    ]);
    for (const path of references(html)) expect(files).toContain(path?.slice(1));
  });

  it('that breaks it is told of, and what was built stays', async () => {
    await expect(change('../main.ts', 'const = ;')).rejects.toThrow('main.ts');
    await expect(change('../main.ts', '')).resolves.toHaveLength(1);
    const before = files;
    await expect(change('index.html', '<img src="logo.png" />')).rejects.toThrow(
      "index.html names logo.png, which isn't there",
    );
    await expect(change('index.html', '<script src="../other.ts"></script>')).rejects.toThrow('other.ts');
    expect(readdirSync(outDir).sort()).toEqual(['_headers', 'assets', 'index.html']);
    expect(files).toEqual(before);
  });

  it('is built by a watch, each time', async () => {
    const builds: (BuiltPage | Error)[] = [];
    const options = { staticDir, outDir, minify: false };
    const watching = await watchPage(options, (result) => builds.push(result));
    const next = async (path: string, content: string) => {
      const count = builds.length;
      writeFileSync(join(staticDir, path), content);
      await vi.waitUntil(() => builds.length > count, WAIT);
      return builds.at(-1);
    };
    await vi.waitUntil(() => builds.length > 0, WAIT);
    expect(await next('../main.ts', 'const = ;')).toBeInstanceOf(Error);
    expect(await next('../main.ts', "document.title = 'three';")).toMatchObject({ outDir });
    await next('index.html', '<script type="module" src="../main.ts"></script>');
    await vi.waitUntil(() => !readFileSync(join(outDir, 'index.html'), 'utf8').includes('style'), WAIT);
    await watching.stop();
  });
});

describe('the policy for a <meta>', () => {
  it('is that of every page, without what only a header can say', () => {
    const headers =
      "# /*\n/other\n  Content-Security-Policy: default-src *\n/*\n  X: y\n  Content-Security-Policy: default-src 'none';  frame-ancestors 'none'; sandbox; img-src 'self'\n";
    expect(metaPolicy(headers)).toBe("default-src 'none'; img-src 'self'");
    const inline = "/*\n  Content-Security-Policy: script-src 'self' %inline-scripts%; img-src 'self'\n";
    expect(metaPolicy(inline)).toBe("script-src 'self'; img-src 'self'");
    expect(withInlineScripts(inline, ["'sha256-x'"])).toContain("'self' 'sha256-x';");
    expect(() => metaPolicy('/other\n  Content-Security-Policy: x\n')).toThrow('no Content-Security-Policy');
  });
});
