/**
 * The loss window by experiment: people type into documents, the server is killed at a random moment, half
 * of the people are gone at that moment, and what their clients had shown as saved is looked for in
 * Postgres after the recovery.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../random.ts';
import { LateError, until } from '../until.ts';
import type { Contender } from './contender.ts';
import { type Loss, lossOf, noLoss, type Survivor, sum } from './loss.ts';

/**
 * Over a whole period of the slowest writer: Hocuspocus stores a document that is typed into
 * at least every 10 s.
 */
const KILL_WITHIN_MS: [number, number] = [10_000, 20_000];
/** Longer than any contender waits before it stores what it has. */
const STORED_WITHIN_MS = 20_000;

export interface KillResult {
  contender: string;
  seed: number;
  killedAfterMs: number;
  /** Of documents whose person closed the tab at the moment of the kill. */
  gone: Loss;
  /** Of documents whose person stayed, with all that the page had in its memory. */
  stayed: Loss;
}

/** One kill. @param documents how many there are; in every second one the person is gone with the server. */
export async function killOnce(contender: Contender, seed: number, documents: number): Promise<KillResult> {
  const random = new Random(seed);
  const killedAfterMs = random.int(...KILL_WITHIN_MS);
  const names = await contender.enter(documents, random.int(0, 2 ** 31));
  await contender.type();
  await delay(killedAfterMs);
  const killedAtMs = Date.now();
  await contender.kill();
  const gone = names.filter((_, i) => i % 2 === 0);
  const typed = await contender.stop(gone);
  const storedAtKill = await contender.stored();
  await contender.recover();

  const survivors = (stored: Map<string, string>, of: readonly string[]): Survivor[] =>
    of.map((name) => ({
      lines: typed.get(name) ?? [],
      killedAtMs,
      storedAtKill: storedAtKill.get(name) ?? null,
      stored: stored.get(name) ?? null,
    }));
  const lossIn = (stored: Map<string, string>, of: readonly string[]) =>
    survivors(stored, of).reduce((total, survivor) => sum([total, lossOf(survivor)]), noLoss());
  const stayed = names.filter((name) => !gone.includes(name));
  let stored = new Map<string, string>();
  await until(
    'what those who stayed have is stored',
    async () => {
      stored = await contender.stored();
      return lossIn(stored, stayed).lost === 0;
    },
    STORED_WITHIN_MS,
  ).catch((error: unknown) => {
    // Then it is lost, which is a result.
    if (!(error instanceof LateError)) throw error;
  });
  const result: KillResult = {
    contender: contender.name,
    seed,
    killedAfterMs,
    gone: lossIn(stored, gone),
    stayed: lossIn(stored, stayed),
  };
  await contender.leave();
  return result;
}
