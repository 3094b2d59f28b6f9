import { describe, expect, it } from 'vitest';
import { MAX_CHANGE_PARTS, MAX_CODE_BYTES } from '../../protocol/index.ts';
import { parseUnacknowledged, type Unacknowledged } from './unacknowledged.ts';

const kept: Unacknowledged = {
  document: {
    confirmed: 'base',
    rev: 5,
    clientSeq: 2,
    acknowledged: 1,
    pending: [{ changes: [4, [0, 'one', 'two']], clientSeq: 2, wasSent: true }],
    undo: [{ changes: [[1], 3], clientSeq: null }],
  },
  participantId: 'p1',
  sentAtMs: 1,
  offered: { code: 'mine', reason: 'viewer' },
  chat: [{ id: '11111111-2222-4333-8444-555555555555', text: 'hi', atMs: 1 }],
};

describe('what was kept over a reload', () => {
  it('is read back as it was', () => {
    expect(parseUnacknowledged(JSON.stringify(kept))).toEqual(kept);
    const nothing = { document: null, participantId: null, sentAtMs: 1, offered: null, chat: [] };
    expect(parseUnacknowledged(JSON.stringify(nothing))).toEqual(nothing);
  });

  it('is nothing when it is damaged', () => {
    const json = JSON.stringify(kept);
    for (const damaged of [
      null,
      '',
      '{',
      'null',
      '[]',
      '{}',
      json.slice(0, -1),
      json.replace('[4,', '[-4,'),
    ]) {
      expect(parseUnacknowledged(damaged)).toBeNull();
    }
  });

  it('is nothing when an earlier version kept it', () => {
    const edit = { requestId: 'a', code: 'x', baseRev: 1, cursorLine: 2 };
    expect(parseUnacknowledged(JSON.stringify({ edit, chat: [] }))).toBeNull();
  });

  it('may be larger than what can be sent, and hold what a room would refuse', () => {
    const changes = Array.from({ length: MAX_CHANGE_PARTS + 1 }, () => [1, 'x'] as [number, string]);
    const large = [...changes, MAX_CODE_BYTES + 1, [0, '\0\ud800'] as [number, string]];
    const document = {
      ...kept.document,
      pending: [{ changes: large, clientSeq: 2, wasSent: false }],
    };
    expect(parseUnacknowledged(JSON.stringify({ ...kept, document }))?.document).toEqual(document);
  });
});
