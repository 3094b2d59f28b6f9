import { describe, expect, it } from 'vitest';
import { parseUnacknowledged } from './unacknowledged.ts';

describe('what was kept over a reload', () => {
  it('is read back, and anything else is nothing', () => {
    const kept = {
      edit: { requestId: 'a', code: 'x', baseRev: 1, cursorLine: 2 },
      chat: [{ id: '11111111-2222-4333-8444-555555555555', text: 'hi', atMs: 1 }],
    };
    expect(parseUnacknowledged(JSON.stringify(kept))).toEqual(kept);
    for (const json of [null, '', '{', 'null', '{"edit":{}}']) expect(parseUnacknowledged(json)).toBeNull();
  });
});
