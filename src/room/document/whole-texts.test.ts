/** A client that sends whole texts and says nothing of their base, while others type. */
import { ChangeSet } from '@codemirror/state';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../../../test/support/random.ts';
import { writeChanges } from '../../merging/index.ts';
import { type Content, Document } from './document.ts';

describe('a client without `base_rev` beside two who type', () => {
  // Latencies in ms, between which each message's lies; then how often the writer sends its text.
  it.each([
    [20, 40, 180],
    [20, 200, 180],
    [100, 300, 60],
    [500, 4_000, 180],
  ])('takes nothing of theirs away and doubles nothing, at %i to %i ms, each %i ms', (from, to, everyMs) => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const { lines, code } = typeBesideWholeTexts({ seed, latencyMs: [from, to], everyMs });
      expect(code.split('\n').slice(0, 2), `seed ${seed}`).toEqual(lines);
    }
  });
});

const KEY_MS = 60;

/** Two type a line each; the third appends to its own line of whichever text came last, as it is shown it. */
function typeBesideWholeTexts(options: { seed: number; latencyMs: [number, number]; everyMs: number }) {
  const random = randomFrom(options.seed);
  const lineOf = (index: number) => {
    const chars = 'the quick brown hh ss aa  fox 0123456789';
    return [...chars].map((_, at) => chars[(at * 7 + index * 13 + options.seed) % chars.length]).join('');
  };
  const document = new Document({ code: '0:\n1:\n2:', rev: 0, receipts: {}, transport: null }, 1, 0);
  document.sentWhole('whole');
  const timeline: { atMs: number; happens: () => void }[] = [];
  const at = (atMs: number, happens: () => void) => timeline.push({ atMs, happens });
  let nowMs = 0;
  const [least, most] = options.latencyMs;
  const arrival = (previousMs: number) => Math.max(previousMs, nowMs + least + random() * (most - least));
  let shown = document.code;
  let downMs = 0;
  let upMs = 0;
  const show = (code: string) => {
    downMs = arrival(downMs);
    at(downMs, () => {
      shown = code;
    });
  };
  const take = (connectionId: string, content: Content) => {
    const edit = { connectionId, participantId: connectionId, editorId: null, content };
    const merged = document.merge(edit, nowMs);
    if (merged.outcome !== 'merged') throw new Error(merged.outcome);
    if (connectionId !== 'whole' || !merged.isAsSent) show(document.code);
  };
  for (const index of [0, 1]) {
    let keyMs = 0;
    for (const char of lineOf(index)) {
      keyMs += KEY_MS * 2 * random();
      at(keyMs, () => {
        const from = document.text.line(index + 1).to;
        const change = ChangeSet.of({ from, insert: char }, document.text.length);
        take(`typist ${index}`, { kind: 'changes', changes: writeChanges(change), baseRev: document.rev });
      });
    }
  }
  let writtenMs = 0;
  for (const char of lineOf(2)) {
    writtenMs += options.everyMs * (0.5 + random());
    at(writtenMs, () => {
      shown += char;
      const code = shown;
      upMs = arrival(upMs);
      at(upMs, () => take('whole', { kind: 'whole', code }));
    });
  }
  while (timeline.length > 0) {
    const next = timeline.reduce((a, b) => (b.atMs < a.atMs ? b : a));
    timeline.splice(timeline.indexOf(next), 1);
    nowMs = next.atMs;
    next.happens();
  }
  return { lines: [`0:${lineOf(0)}`, `1:${lineOf(1)}`], code: document.code };
}
