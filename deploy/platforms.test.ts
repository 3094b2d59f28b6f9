/** What we rely on in the platforms' documents, and the check that warns when it wasn't read for long. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { aiSchema } from '../src/config.ts';
import {
  ageFacts,
  MAX_AGE_DAYS,
  type PlatformFact,
  parsePlatforms,
  showAges,
  warnings,
} from './platforms.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

const TODAY = '2027-03-01';
const fact = (over: Partial<PlatformFact> = {}): PlatformFact => ({
  id: 'host-free',
  platform: 'Host',
  reliesOn: 'It costs nothing.',
  documented: { title: 'Prices', url: 'https://host.example/prices', dated: null },
  says: 'Free.',
  lastRead: TODAY,
  ...over,
});
const listOf = (...facts: unknown[]) => JSON.stringify({ facts }, null, 2);
const daysBefore = (days: number) =>
  new Date(Date.parse(TODAY) - days * 86_400_000).toISOString().slice(0, 10);

describe('the age of a reading', () => {
  const ageOf = (lastRead: string | null) => ageFacts([fact({ lastRead })], TODAY)[0];

  it.each([0, 1, MAX_AGE_DAYS - 1, MAX_AGE_DAYS])('%i days are no reason to read again', (days) => {
    expect(ageOf(daysBefore(days))).toMatchObject({ ageDays: days, isDue: false });
  });

  it.each([MAX_AGE_DAYS + 1, 365, 10_000])('after %i days it is due', (days) => {
    expect(ageOf(daysBefore(days))).toMatchObject({ ageDays: days, isDue: true });
  });

  it('is due where a document was never read', () => {
    expect(ageOf(null)).toMatchObject({ ageDays: null, isDue: true });
  });

  it('counts days across a change of the clocks and a leap day', () => {
    const [age] = ageFacts([fact({ lastRead: '2028-02-28' })], '2028-03-29');
    expect(age?.ageDays).toBe(30);
  });

  it('puts what was never read first, then the oldest', () => {
    const dates = [daysBefore(3), null, daysBefore(200), null, TODAY];
    const facts = dates.map((lastRead, at) => fact({ id: `f-${at}`, lastRead }));
    expect(ageFacts(facts, TODAY).map(({ fact: { id } }) => id)).toEqual(['f-1', 'f-3', 'f-2', 'f-0', 'f-4']);
  });
});

describe('what is said', () => {
  const facts = [
    fact({ id: 'fresh' }),
    fact({ id: 'stale', lastRead: daysBefore(91), reliesOn: '100% of it: a, b' }),
    fact({ id: 'unread', lastRead: null }),
  ];
  const json = listOf(...facts);
  const ages = ageFacts(facts, TODAY);

  it('has a row for each fact, and the sum', () => {
    const lines = showAges(ages);
    expect(lines).toHaveLength(5);
    expect(lines[2]).toMatch(/^91 ! +2026-11-30 +- +Host: stale +https:\/\/host\.example\/prices$/);
    expect(lines.at(-1)).toBe('3 facts, 2 to read again (older than 90 days, or never read)');
  });

  it('warns of what is due, and of nothing else', () => {
    const lines = warnings(ages, json, { isGitHub: false });
    expect(lines.map((line) => line.slice(0, 17))).toEqual(['warning: unread: ', 'warning: stale: "']);
    expect(lines[1]).toContain(
      '"Prices" was last read 91 days ago. We rely on it: 100% of it: a, b Read https',
    );
  });

  it('annotates on GitHub, at the line of the entry, with what would end the annotation escaped', () => {
    const [, stale = ''] = warnings(ages, json, { isGitHub: true });
    const line = json.split('\n').findIndex((text) => text.includes('"id": "stale"')) + 1;
    expect(stale).toMatch(
      new RegExp(
        `^::warning file=deploy/platforms\\.json,line=${line},title=Platforms%3A stale::"Prices" was`,
      ),
    );
    expect(stale).toContain('100%25 of it: a, b');
  });
});

describe('a malformed list', () => {
  it.each([
    ['no JSON', '{', 'not JSON'],
    ['no list', '[]', 'the list'],
    ['an empty list', listOf(), 'facts'],
    ['a fact without a word of what it says', listOf(fact({ says: ' ' })), 'facts.0.says'],
    ['a date that no calendar has', listOf(fact({ lastRead: '2027-02-29' })), 'facts.0.lastRead'],
    ['a reading that was left out', listOf({ ...fact(), lastRead: undefined }), 'facts.0.lastRead'],
    ['a word that nobody reads', listOf({ ...fact(), read: TODAY }), 'facts.0'],
    [
      'an address that is no link',
      listOf({ ...fact(), documented: { title: 'a', url: 'host', dated: null } }),
      'url',
    ],
    ['a name twice', listOf(fact(), fact()), 'host-free: stands there twice'],
    [
      'a reading in the future',
      listOf(fact({ lastRead: daysBefore(-2) })),
      'host-free: was read on 2027-03-03',
    ],
    [
      'a reading before the document',
      listOf(fact({ lastRead: daysBefore(9), documented: { ...fact().documented, dated: daysBefore(8) } })),
      "before the document's own date",
    ],
  ])('%s is refused', (_, json, why) => {
    expect(() => parsePlatforms(json, TODAY)).toThrow(expect.objectContaining({ name: 'PlatformListError' }));
    expect(() => parsePlatforms(json, TODAY)).toThrow(why);
  });

  it('is told in full', () => {
    const json = listOf(fact({ says: '' }), fact({ platform: '' }));
    expect(() => parsePlatforms(json, TODAY)).toThrow(/facts\.0\.says.*\nfacts\.1\.platform/);
  });

  it('is not one that was read on the day that it is already east of here', () => {
    const facts = parsePlatforms(listOf(fact({ lastRead: daysBefore(-1) })), TODAY);
    expect(ageFacts(facts, TODAY)[0]?.ageDays).toBe(0);
  });
});

describe('the list of this project', () => {
  const facts = parsePlatforms(read('deploy/platforms.json'), new Date().toISOString().slice(0, 10));
  const wordsOf = (id: string) => {
    const found = facts.find((entry) => entry.id === id);
    return `${found?.reliesOn} ${found?.says}`;
  };

  it('has each platform', () => {
    const platforms = new Set(facts.map(({ platform }) => platform));
    for (const platform of [
      'PartyKit',
      'Cloudflare Workers',
      'Cloudflare Durable Objects',
      'Upstash Redis',
      'Neon',
    ]) {
      expect(platforms).toContain(platform);
    }
  });

  it('speaks of the versions, the date and the models that the project uses', () => {
    const { devDependencies } = z
      .object({ devDependencies: z.object({ wrangler: z.string(), miniflare: z.string() }) })
      .parse(JSON.parse(read('package.json')));
    expect(wordsOf('wrangler-node-version')).toContain(`wrangler ${devDependencies.wrangler} `);
    expect(wordsOf('wrangler-node-version')).toContain(`Miniflare ${devDependencies.miniflare} `);
    const [, date] = /^compatibility_date = "(.+)"$/m.exec(read('wrangler.toml')) ?? [];
    expect(wordsOf('compatibility-date')).toContain(`compatibility_date ${date}`);
    const { ANTHROPIC_MODEL, OPENAI_MODEL } = aiSchema.parse({});
    expect(wordsOf('anthropic-model')).toContain(`\`${ANTHROPIC_MODEL}\``);
    expect(wordsOf('openai-model')).toContain(`\`${OPENAI_MODEL}\``);
  });
});

describe('the command', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', 'deploy/check-platforms.ts', ...args], {
      cwd: new URL('../', import.meta.url),
      encoding: 'utf8',
      env: { ...process.env, GITHUB_ACTIONS: '' },
    });

  it('passes with warnings', () => {
    const { status, stdout } = run();
    expect(stdout).toMatch(/^\d+ facts, \d+ to read again/m);
    expect(status).toBe(0);
  });

  it('fails with them when it is strict, and on an option that it does not know', () => {
    const strict = run('--strict');
    expect(strict.status).toBe(/^warning: /m.test(strict.stdout) ? 1 : 0);
    expect(run('--stirct').status).toBe(1);
  });
});
