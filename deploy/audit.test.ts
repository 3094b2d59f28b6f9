/**
 * Dependencies: each is there for a reason that is written down, each version is fixed, and
 * known holes are noticed.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { PROJECT_DIR, tsxArgs } from '../dev/project.ts';
import { annotationOf, judgeAudit } from './audit.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const versions = z.record(z.string(), z.string());
const packageJson = z
  .object({
    dependencies: versions,
    devDependencies: versions,
    allowScripts: z.record(z.string(), z.boolean()),
  })
  .parse(JSON.parse(read('package.json')));

const lock = z
  .object({
    packages: z.record(
      z.string(),
      z.object({
        dependencies: versions.optional(),
        devDependencies: versions.optional(),
        integrity: z.string().optional(),
        resolved: z.string().optional(),
        inBundle: z.boolean().optional(),
        hasInstallScript: z.boolean().optional(),
      }),
    ),
  })
  .parse(JSON.parse(read('package-lock.json')));

describe('direct dependencies', () => {
  it.each([
    ['Deployed', packageJson.dependencies],
    ['For development and tests', packageJson.devDependencies],
  ])('%s: each has its line, and no other has one', (heading, dependencies) => {
    const section =
      read('docs/dependencies.md')
        .split(/^## /m)
        .find((text) => text.startsWith(heading)) ?? '';
    const named = [...section.matchAll(/^\| (`.+`) +\| \S.+\|$/gm)].flatMap(([, names = '']) =>
      [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
    );
    expect(named.toSorted()).toEqual(Object.keys(dependencies).sort());
  });

  it('are fixed by the lock file, all of them from the registry and with their hashes', () => {
    const { '': root, ...packages } = lock.packages;
    const { dependencies, devDependencies } = packageJson;
    expect(root).toMatchObject({ dependencies, devDependencies });
    for (const [path, { integrity, resolved, inBundle }] of Object.entries(packages)) {
      if (inBundle) continue;
      expect([path, integrity]).toEqual([path, expect.stringMatching(/^sha512-/)]);
      if (resolved !== undefined) expect(resolved).toMatch(/^https:\/\/registry\.npmjs\.org\//);
    }
  });
});

describe('install scripts', () => {
  it('of dependencies are denied, each by its name: npm leaves out what isn’t decided, and warns of it', () => {
    const withScript = Object.entries(lock.packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
    const denied = Object.fromEntries([...new Set(withScript)].map((name) => [name, false]));
    expect(packageJson.allowScripts).toEqual(denied);
  });
});

describe('an audit', () => {
  const hole = (severity: string) => ({
    severity,
    range: '<1.2.3',
    via: ['other', { title: 'A hole', url: 'https://advisory.example' }],
  });
  const report = (...severities: string[]) =>
    JSON.stringify({
      auditReportVersion: 2,
      vulnerabilities: Object.fromEntries(severities.map((severity) => [`p-${severity}`, hole(severity)])),
    });

  it('passes what has no severe hole', () => {
    for (const output of [report(), report('info', 'low', 'moderate')]) {
      const { outcome, lines } = judgeAudit(output);
      expect([outcome, annotationOf(outcome, lines)]).toEqual(['fine', null]);
    }
  });

  it.each(['high', 'critical'])('fails on one that is %s, and names it', (severity) => {
    const { outcome, lines } = judgeAudit(report('low', severity));
    expect(outcome).toBe('severe');
    expect(lines[0]).toBe(`dependencies: ${severity}: p-${severity} <1.2.3: A hole https://advisory.example`);
    expect(annotationOf(outcome, lines)).toMatch(/^::error title=Dependencies::.*p-(high|critical).*%0A/);
  });

  it('says that it could not check where the registry does not answer, and CI shows it', () => {
    for (const output of [
      { message: '405 Method Not Allowed - POST https://registry.example', statusCode: 405 },
      { error: { code: 'ENOAUDIT', summary: 'no audit' } },
    ]) {
      const { outcome, lines } = judgeAudit(JSON.stringify(output));
      expect([outcome, lines[0]]).toEqual(['unchecked', expect.stringContaining('NOT CHECKED')]);
      expect(annotationOf(outcome, lines)).toMatch(
        /^::warning title=Dependencies::dependencies: NOT CHECKED/,
      );
    }
  });

  it('does not pass for want of an answer that can be read', () => {
    for (const output of ['', 'nonsense', '{}', '{"vulnerabilities":5}']) {
      expect(judgeAudit(output).outcome).toBe('severe');
    }
  });

  it('that could not check passes, and fails where that is not enough: the command itself', () => {
    // A registry that refuses connections, as npm meets it.
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [...tsxArgs('deploy/audit-dependencies.ts'), ...args], {
        cwd: PROJECT_DIR,
        encoding: 'utf8',
        env: {
          ...process.env,
          npm_config_registry: 'http://127.0.0.1:1/',
          npm_config_fetch_retries: '0',
          GITHUB_ACTIONS: 'true',
        },
      });
    const lenient = run();
    expect([lenient.status, lenient.stdout]).toEqual([0, expect.stringContaining('::warning title=')]);
    expect(lenient.stdout).toContain('NOT CHECKED');
    expect(run('--strict').status).toBe(1);
  });
});
