/** The documents say what the code reads: no variable is missing, and none is made up. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { configSchema, parseConfig } from '../../src/config.ts';
import { clientMessageSchema, serverPayloads } from '../../src/protocol/index.ts';

const names = Object.keys(configSchema.shape).sort();
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** `NAME=value` lines. */
const example = Object.fromEntries(
  [...read('.env.example').matchAll(/^([A-Z_0-9]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
);

/** The table of settings: variables, their defaults. */
const rows = [...read('docs/settings.md').matchAll(/^\| ((?:`[A-Z_0-9]+`(?:, )?)+) *\| (.+?) *\|$/gm)].map(
  ([, variables = '', defaults = '']) => ({
    variables: [...variables.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
    defaults: [...defaults.matchAll(/`([^`]+)`/g)].map(([, value = '']) => value),
  }),
);

const required = {
  UPSTASH_REDIS_REST_URL: 'https://redis.example',
  UPSTASH_REDIS_REST_TOKEN: 'token',
  DATABASE_URL: 'postgres://host.example/db',
  JWT_SECRET: 'x'.repeat(32),
  FLUSH_SECRET: 'x'.repeat(32),
};

describe('.env.example', () => {
  it('names every variable, and no other', () => {
    expect(Object.keys(example).sort()).toEqual(names);
  });

  it('explains each: a comment stands above it or its group', () => {
    expect(read('.env.example')).not.toMatch(/^\n[A-Z_0-9]+=/m);
  });

  it('shows the defaults', () => {
    const given = Object.fromEntries(Object.entries(example).filter(([, value]) => value !== ''));
    expect(parseConfig(configSchema, { ...required, ...given })).toEqual(parseConfig(configSchema, required));
  });
});

describe.each([
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(new URL('../../docs', import.meta.url))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
])('%s', (document) => {
  const text = read(document);
  const isThere = (path: string) => existsSync(new URL(`../../${path}`, import.meta.url));
  /** As its host makes them of headings. */
  const anchorsOf = (path: string) =>
    [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    );

  it('names sources that are there', () => {
    const named = [...text.matchAll(/`((?:src|test|dev|deploy|bench|drizzle)\/[\w./-]+)`/g)];
    // Settings of a deployment aren't in the repository.
    const paths = named.map(([, path = '']) => path).filter((path) => !path.endsWith('.env'));
    expect(paths.filter((path) => !isThere(path))).toEqual([]);
  });

  it('leads to files and headings that are there', () => {
    const links = [...text.matchAll(/\]\((?!\w+:)([^)#\s]*)#?([^)\s]*)\)/g)];
    const dead = links.filter(([, path = '', anchor = '']) => {
      const file = path === '' ? document : join(dirname(document), path);
      return !isThere(file) || (anchor !== '' && !anchorsOf(file).includes(anchor));
    });
    expect(dead.map(([link]) => link)).toEqual([]);
  });
});

it('the README shows the example that the browser test runs', () => {
  expect(read('README.md')).toContain(`\n\`\`\`ts\n${read('test/browser/readme-example.ts')}\`\`\`\n`);
});

describe('the table of settings', () => {
  it('names every variable, and no other', () => {
    expect(rows.flatMap(({ variables }) => variables).sort()).toEqual(names);
  });

  it('shows the defaults', () => {
    for (const { variables, defaults } of rows) {
      // Others are told in words.
      if (defaults.length !== variables.length) continue;
      const given = Object.fromEntries(variables.map((name, i) => [name, defaults[i]]));
      expect(parseConfig(configSchema, { ...required, ...given })).toEqual(
        parseConfig(configSchema, required),
      );
    }
    expect(
      rows.filter(({ variables, defaults }) => defaults.length === variables.length).length,
    ).toBeGreaterThan(10);
  });
});

describe("the protocol's tables", () => {
  /** `{ type: fields }` of the section's table; an optional field ends in `?`. */
  const table = (heading: string) => {
    const section = read('docs/protocol.md').split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
    const found = [...section.matchAll(/^\| `(\w+)` +\| (.+?) +\|/gm)];
    return Object.fromEntries(
      found.map(([, type = '', fields = '']) => [
        type,
        [...fields.matchAll(/`([\w?]+)`/g)].map(([, f]) => f).sort(),
      ]),
    );
  };
  const isOptional = (field: z.ZodType) => field.safeParse(undefined).success;
  /** Of a payload of several forms, what isn't in all of them is optional. */
  const fieldsOf = (...forms: z.ZodObject[]) => {
    const names = [...new Set(forms.flatMap(({ shape }) => Object.keys(shape)))];
    const isRequired = (name: string) =>
      forms.every(({ shape }) => shape[name] !== undefined && !isOptional(shape[name]));
    return names.map((name) => (isRequired(name) ? name : `${name}?`)).sort();
  };

  it('have what a client may send', () => {
    const expected = clientMessageSchema.options.map(({ shape }) => {
      const { payload } = shape;
      if ('options' in payload) return [shape.type.value, fieldsOf(...payload.options)] as const;
      const object = 'shape' in payload ? payload : payload.unwrap().unwrap();
      return [shape.type.value, fieldsOf(object)] as const;
    });
    expect(table('From a client')).toEqual(Object.fromEntries(expected));
  });

  it('have what a room sends', () => {
    const expected = Object.entries(serverPayloads).map(([type, payload]) => [type, fieldsOf(payload)]);
    expect(table('From a room')).toEqual(Object.fromEntries(expected));
  });
});

describe('what was there for two deployables', () => {
  it('is named nowhere but in the changelog', () => {
    const gone = ['ROOM', 'WORKER']
      .map((part) => `${part}_URL`)
      .concat(['LOGIN', 'TOKEN'].map((part) => `PARTYKIT_${part}`));
    const { stdout } = spawnSync(
      'git',
      [
        'grep',
        '--no-index',
        '--exclude-standard',
        '--name-only',
        '--word-regexp',
        ...gone.flatMap((name) => ['-e', name]),
        '--',
        '.',
        ':!CHANGELOG.md',
      ],
      { cwd: new URL('../..', import.meta.url), encoding: 'utf8' },
    );
    expect(stdout).toBe('');
  });
});

const documents = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(new URL('../../docs', import.meta.url))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

it.each(documents)('%s has nothing left of a merge', (path) => {
  // A formatter takes the last kind of mark for a quotation.
  expect(read(path)).not.toMatch(/^(?:<{7}|={7}|>{7})|(?:> ){7}/m);
});
