/** The documents say what the code reads: no variable is missing, and none is made up. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { parseConfig, roomConfigSchema, workerConfigSchema } from '../../src/config.ts';
import { clientMessageSchema, serverPayloads } from '../../src/protocol/index.ts';

const schemas = { rooms: roomConfigSchema.shape, Worker: workerConfigSchema.shape };
const names = [...new Set(Object.values(schemas).flatMap((shape) => Object.keys(shape)))].sort();
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** `NAME=value` lines. */
const example = Object.fromEntries(
  [...read('.env.example').matchAll(/^([A-Z_0-9]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
);

/** The README's configuration table: variables, who reads them, their defaults. */
const rows = [
  ...read('README.md').matchAll(/^\| ((?:`[A-Z_0-9]+`(?:, )?)+) *\| (both|rooms|Worker) *\| (.+) \|$/gm),
].map(([, variables = '', reader = '', defaults = '']) => ({
  variables: [...variables.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  reader,
  defaults,
}));

const required = {
  UPSTASH_REDIS_REST_URL: 'https://redis.example',
  UPSTASH_REDIS_REST_TOKEN: 'token',
  DATABASE_URL: 'postgres://host.example/db',
  JWT_SECRET: 'x'.repeat(32),
  FLUSH_SECRET: 'x'.repeat(32),
  WORKER_URL: 'https://worker.example',
  ROOM_URL: 'https://rooms.example',
};

describe('.env.example', () => {
  it('names every variable, and no other', () => {
    expect(Object.keys(example).sort()).toEqual(names);
  });

  it('explains each: a comment stands above it or its group', () => {
    expect(read('.env.example')).not.toMatch(/^\n[A-Z_0-9]+=/m);
  });

  it.each(Object.entries({ rooms: roomConfigSchema, Worker: workerConfigSchema }))(
    'shows the defaults of the %s',
    (_, schema) => {
      const given = Object.fromEntries(Object.entries(example).filter(([, value]) => value !== ''));
      expect(parseConfig(schema, { ...required, ...given })).toEqual(parseConfig(schema, required));
    },
  );
});

describe("the README's configuration", () => {
  it('names every variable, and no other', () => {
    expect(rows.flatMap(({ variables }) => variables).sort()).toEqual(names);
  });

  it('says who reads each', () => {
    for (const { variables, reader } of rows) {
      for (const name of variables) {
        const readers = Object.entries(schemas).flatMap(([who, shape]) => (name in shape ? [who] : []));
        expect([name, readers.length === 2 ? 'both' : readers[0]]).toEqual([name, reader]);
      }
    }
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
  const fieldsOf = (payload: z.ZodObject) =>
    Object.entries(payload.shape)
      .map(([name, field]) => (field.safeParse(undefined).success ? `${name}?` : name))
      .sort();

  it('have what a client may send', () => {
    const expected = clientMessageSchema.options.map(({ shape }) => {
      const { payload } = shape;
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
