import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeMessage } from '../../test/support/messages.ts';
import { MAX_CODE_BYTES } from '../protocol/index.ts';
import {
  decodeVersion,
  encodeVersion,
  MAX_PACKED_BYTES,
  packCode,
  unpackCode,
  versionOf,
} from './versions.ts';

describe('compressed code', () => {
  it.each([
    ['nothing', ''],
    ['a pattern', 's("bd*2 ~ sd").every(4, x => x.rev())\n'],
    ['a byte order mark, and characters of two units', '\ufeff♪ 𝄞 $: note("c ã")'],
    ['the most', 'x'.repeat(MAX_CODE_BYTES)],
    ['the most that can’t be made smaller', randomBytes(MAX_CODE_BYTES / 2).toString('hex')],
  ])('of %s is that code again', async (_name, code) => {
    const packed = await packCode(code);
    expect(await unpackCode(packed)).toBe(code);
    expect(decodeVersion(encodeVersion({ rev: 1, cause: 'typed', code: packed }))?.code).toBe(packed);
  });

  it('fits its bound, whatever the code', async () => {
    const noise = Array.from(randomBytes(MAX_CODE_BYTES), (byte) => String.fromCharCode(byte % 128)).join('');
    expect(atob(await packCode(noise)).length).toBeLessThan(MAX_PACKED_BYTES);
  });

  it('that would be larger than code may be is not read', async () => {
    const bomb = await packCode('x'.repeat(20 * MAX_CODE_BYTES));
    await expect(unpackCode(bomb)).rejects.toThrow(RangeError);
  });

  it('that is none is refused', async () => {
    await expect(unpackCode(btoa('no deflate at all'))).rejects.toThrow();
  });
});

describe('a version’s message', () => {
  const content = encodeVersion({ rev: 7, cause: 'played', code: 'AAAA' });

  it('says what the version is', () => {
    const message = { ...makeMessage({ content, displayName: 'Ada', position: 9, createdAtMs: 5 }) };
    expect(versionOf({ ...message, type: 'version' })).toEqual({
      number: 9,
      rev: 7,
      cause: 'played',
      displayName: 'Ada',
      userId: null,
      createdAtMs: 5,
      packed: 'AAAA',
    });
    expect(versionOf({ ...message, type: 'version', displayName: '' })?.displayName).toBeNull();
    expect(versionOf(message)).toBeNull();
  });

  it.each([
    ['no JSON', 'typed'],
    ['another cause', content.replace('played', 'stolen')],
    ['code that is no base64', content.replace('AAAA', 'A-_A')],
    ['a cut base64', content.replace('AAAA', 'AAA')],
    ['code that is too large', content.replace('AAAA', 'A'.repeat(200_000))],
  ])('is none with %s', (_name, text) => {
    expect(versionOf({ ...makeMessage({ content: text }), type: 'version' })).toBeNull();
  });
});
