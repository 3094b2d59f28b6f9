/** What a kill cost: the edits that somebody saw as saved, and that nobody has any more. Pure. */
import type { TypedLine } from './typist.ts';

/** One document after a kill and the recovery from it. */
export interface Survivor {
  lines: readonly TypedLine[];
  killedAtMs: number;
  /**
   * What Postgres held of it when its server had just been killed, and when everything had
   * recovered; null: nothing.
   */
  storedAtKill: string | null;
  stored: string | null;
}

export interface Loss {
  documents: number;
  edits: number;
  /** Edits that their client showed as saved before the kill. */
  saved: number;
  /** Those of them that Postgres didn't have yet at the kill. */
  exposed: number;
  /** Those of them that Postgres doesn't have in the end. */
  lost: number;
  /** Documents that lost some. */
  documentsWithLoss: number;
  /**
   * How long before the kill the oldest lost edit had been shown as saved, in milliseconds;
   * null: none was lost.
   */
  oldestLostMs: number | null;
}

export const noLoss = (): Loss => ({
  documents: 0,
  edits: 0,
  saved: 0,
  exposed: 0,
  lost: 0,
  documentsWithLoss: 0,
  oldestLostMs: null,
});

export function lossOf({ lines, killedAtMs, storedAtKill, stored }: Survivor): Loss {
  const missingIn = (text: string | null) => {
    const held = new Set(text?.split('\n'));
    return saved.filter((line) => !held.has(line.text));
  };
  const saved = lines.filter(({ savedAtMs }) => savedAtMs !== null);
  const lost = missingIn(stored);
  const ages = lost.map(({ savedAtMs }) => killedAtMs - (savedAtMs ?? killedAtMs));
  return {
    documents: 1,
    edits: lines.length,
    saved: saved.length,
    exposed: missingIn(storedAtKill).length,
    lost: lost.length,
    documentsWithLoss: lost.length > 0 ? 1 : 0,
    // An acknowledgement may have come in while the kill was on its way.
    oldestLostMs: lost.length > 0 ? Math.max(0, ...ages) : null,
  };
}

export function sum(losses: readonly Loss[]): Loss {
  return losses.reduce<Loss>(
    (total, loss) => ({
      documents: total.documents + loss.documents,
      edits: total.edits + loss.edits,
      saved: total.saved + loss.saved,
      exposed: total.exposed + loss.exposed,
      lost: total.lost + loss.lost,
      documentsWithLoss: total.documentsWithLoss + loss.documentsWithLoss,
      oldestLostMs:
        loss.oldestLostMs === null
          ? total.oldestLostMs
          : Math.max(total.oldestLostMs ?? 0, loss.oldestLostMs),
    }),
    noLoss(),
  );
}
