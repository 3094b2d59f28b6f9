/** Systems side by side: each in turn, so that whatever else the machine does meets all of them. */
import type { LoadOptions } from '../options.ts';
import type { Say } from '../run-load.ts';
import type { Target } from '../targets/target.ts';
import { Contender, type Outcome } from './contender.ts';

/** Parts of the edits after each of which the memory is looked at. */
const MEMORY_AT = [0.25, 0.5, 0.75, 1];

export interface Entry {
  target: Target;
  /** Its seconds are those of one turn: less than 10 s by all together, after which rooms hibernate. */
  load: LoadOptions;
  /** Settings of the Worker's. */
  env?: Record<string, string>;
}

/**
 * Starts all of them, lets each type so many edits in each room, and stops all.
 * @returns in the order of the entries.
 */
export async function inTurns(entries: readonly Entry[], edits: number, say: Say): Promise<Outcome[]> {
  for (const { target } of entries) say(`starting ${target.name} (${target.about})`);
  const started = await Promise.allSettled(
    entries.map(({ target, load, env }) => Contender.start(target, load, env)),
  );
  const contenders = started.flatMap((start) => (start.status === 'fulfilled' ? start.value : []));
  try {
    for (const start of started) if (start.status === 'rejected') throw start.reason;
    for (const contender of contenders) await contender.enter(say);
    await typeInTurns(contenders, edits, say);
    return await Promise.all(contenders.map((contender) => contender.outcome()));
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
}

async function typeInTurns(contenders: readonly Contender[], edits: number, say: Say): Promise<void> {
  for (const part of MEMORY_AT) {
    while (contenders.some((contender) => contender.edits < edits * part)) {
      for (const contender of contenders) if (contender.edits < edits * part) await contender.takeTurn();
    }
    for (const contender of contenders) await contender.lookAtMemory();
    say(`  ${Math.round(edits * part)} of ${edits} edits in each room`);
  }
}
