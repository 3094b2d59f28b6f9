/**
 * The embedded engine's parts that a client can't easily reach: expiry by the clock, the journal's
 * growth, patterns, cursors.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEmbeddedEngine } from '../engine-embedded.ts';
import { compileGlob } from './glob.ts';
import { Journal } from './journal.ts';
import { Keyspace } from './keyspace.ts';
import { formatLuaNumber } from './lua-json.ts';
import { scan } from './scan.ts';
import { SortedSet } from './sorted-set.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'backbeat-embedded-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe('expiry', () => {
  it('follows the clock, to the millisecond', async () => {
    let nowMs = 1_000_000;
    const engine = await createEmbeddedEngine({ directory: null, now: () => nowMs });
    onTestFinished(() => engine.close());
    await engine.call(['SET', 'k', 'v', 'PX', '500']);
    nowMs += 499;
    expect(await engine.call(['PTTL', 'k'])).toBe(1);
    nowMs += 1;
    expect(await engine.call(['EXISTS', 'k'])).toBe(0);
    expect(await engine.call(['TIME'])).toEqual([Buffer.from('1000'), Buffer.from('500000')]);
  });

  it('is absolute: it goes on while the engine is down', async () => {
    const directory = temporaryFolder();
    const first = await createEmbeddedEngine({ directory, now: () => 1_000 });
    await first.call(['SET', 'short', 'v', 'PX', '100']);
    await first.call(['SET', 'long', 'v', 'PX', '10000']);
    await first.close();
    const second = await createEmbeddedEngine({ directory, now: () => 5_000 });
    onTestFinished(() => second.close());
    expect(await second.call(['EXISTS', 'short'])).toBe(0);
    expect(await second.call(['PTTL', 'long'])).toBe(6_000);
  });

  it('removes keys nobody asks for', () => {
    const keyspace = new Keyspace();
    for (let index = 0; index < 2_000; index += 1) {
      keyspace.set(`k${index}`, 'v');
      keyspace.expire(`k${index}`, index < 1_000 ? 100 : 1_000_000);
    }
    keyspace.nowMs = 200;
    for (let round = 0; round < 4; round += 1) keyspace.removeExpired();
    expect(keyspace.size).toBe(1_000);
  });
});

describe('the journal', () => {
  it('is rewritten when it has outgrown its data, and loses nothing', () => {
    const directory = temporaryFolder();
    const keyspace = new Keyspace();
    const journal = new Journal(directory, 10_000);
    journal.compact(keyspace.snapshot());
    let largest = 0;
    for (let index = 0; index < 2_000; index += 1) {
      keyspace.set('counter', String(index));
      keyspace.sortedAdd('z', [{ member: `m${index % 10}`, score: index }]);
      journal.append([keyspace.takeEffects()]);
      if (journal.wantsCompaction) journal.compact(keyspace.snapshot());
      largest = Math.max(largest, statSync(join(directory, 'journal.jsonl')).size);
    }
    journal.close();
    expect(largest).toBeGreaterThan(10_000);
    expect(largest).toBeLessThan(12_000);

    const restored = new Keyspace();
    for (const effects of new Journal(directory).replay())
      for (const effect of effects) restored.apply(effect);
    expect([...restored.snapshot()]).toEqual([...keyspace.snapshot()]);
  });

  it('carries any bytes and lines longer than a read', () => {
    const directory = temporaryFolder();
    const keyspace = new Keyspace();
    const bytes = Array.from({ length: 256 }, (_, index) => String.fromCharCode(index)).join('');
    const journal = new Journal(directory);
    journal.compact(keyspace.snapshot());
    keyspace.set(bytes, bytes.repeat(10_000));
    keyspace.hashSet('h', [['\n', '\r\n']]);
    journal.append([keyspace.takeEffects()]);
    journal.close();
    const restored = new Keyspace();
    for (const effects of new Journal(directory).replay())
      for (const effect of effects) restored.apply(effect);
    expect(restored.string(bytes)).toBe(bytes.repeat(10_000));
    expect(restored.hash('h')?.get('\n')).toBe('\r\n');
  });
});

describe('patterns', () => {
  it.each([
    ['*', 'anything', true],
    ['a*c', 'a\nc', true],
    ['a?c', 'ac', false],
    ['[a-c]x', 'bx', true],
    ['[c-a]x', 'bx', true],
    ['[^a]', 'a', false],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['[\\]]', ']', true],
    ['bb:s:(*)', 'bb:s:(1)', true],
    ['a.c', 'abc', false],
    ['[]', 'a', false],
  ])('%j matches %j: %s', (pattern, text, expected) => {
    expect(compileGlob(pattern)(text)).toBe(expected);
  });
});

describe('cursors', () => {
  it('meet every name that stays, whatever is added and removed meanwhile', () => {
    const names = new Set(Array.from({ length: 1_000 }, (_, index) => `stays:${index}`));
    const seen = new Set<string>();
    let cursor = '0';
    let step = 0;
    do {
      const source = { names: () => names, size: names.size, expand: (name: string) => [name] };
      const [next, found] = [scan(source, [cursor, 'COUNT', '7'])].flat();
      if (typeof next !== 'string' || !Array.isArray(found)) throw new Error('not a page');
      for (const name of found) seen.add(String(name));
      names.delete(`comes:${step - 1}`);
      names.add(`comes:${step}`);
      step += 1;
      cursor = next;
    } while (cursor !== '0');
    for (let index = 0; index < 1_000; index += 1) expect(seen).toContain(`stays:${index}`);
  });
});

describe('sorted sets', () => {
  it('stay in order', () => {
    const set = new SortedSet();
    for (const score of [3, -Infinity, 2, 3, Infinity, 0, Infinity]) set.set(`m${set.size}`, score);
    set.set('m0', 1);
    set.delete('m3');
    expect(set.entries().map(({ score }) => score)).toEqual([-Infinity, 0, 1, 2, Infinity, Infinity]);
    expect(set.rank('m0')).toBe(2);
  });
});

it('writes numbers as Lua does', () => {
  const given = [0, -0, 1.5, 0.1, 1e13, 123_456_789_012_347, 1 / 3, 1e-5, -2.5e20, 1e100, 0.0001];
  const expected = [
    '0',
    '-0',
    '1.5',
    '0.1',
    '10000000000000',
    '1.2345678901235e+14',
    '0.33333333333333',
    '1e-05',
    '-2.5e+20',
    '1e+100',
    '0.0001',
  ];
  expect(given.map(formatLuaNumber)).toEqual(expected);
});
