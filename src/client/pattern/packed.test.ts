import { deflateRawSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { MAX_CODE_BYTES } from '../../protocol/limits.ts';
import { pack, unpack } from './packed.ts';

it.each(['s("bd hh")', '', '// 日本 🥁\n'.repeat(50), '\ufeffs("bd")', 'x'.repeat(MAX_CODE_BYTES)])(
  'goes there and back',
  async (code) => {
    const packed = await pack(code);
    expect(packed).toMatch(/^[\w-]*$/);
    expect(await unpack(packed)).toBe(code);
  },
);

const packedBytes = (bytes: Uint8Array) => deflateRawSync(bytes).toString('base64url');

it.each([
  ['nothing', ''],
  ['no base64', 'a b'],
  ['no DEFLATE', 'AAAA'],
  ['a part of it', packedBytes(Buffer.from('s("bd hh")')).slice(0, 6)],
  ['more than a session may hold', packedBytes(Buffer.alloc(MAX_CODE_BYTES + 1, 'x'))],
  ['a bomb', packedBytes(Buffer.alloc(100_000_000))],
  ['no text', packedBytes(Buffer.from([0xff, 0xfe]))],
])('%s is no code', async (_, text) => {
  expect(await unpack(text)).toBeNull();
});
