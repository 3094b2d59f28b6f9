/** `samples(…)` as patterns call it, which says in words what can't be loaded. */
import { samples } from 'superdough';
import { describeUnreachable, OFFLINE } from './failed-samples.ts';
import { messageOf, PatternFailure } from './failure.ts';

/** @throws {PatternFailure} `sound` */
export async function loadSampleMap(...args: Parameters<typeof samples>): Promise<void> {
  const [map] = args;
  try {
    await samples(...args);
  } catch (error) {
    if (error instanceof PatternFailure) throw error;
    throw new PatternFailure('sound', describe(map, error), null);
  }
}

function describe(map: unknown, error: unknown): string {
  if (typeof map !== 'string') return `These samples can’t be used: ${messageOf(error)}.`;
  const reason =
    describeUnreachable() === OFFLINE ? OFFLINE : 'Is it written correctly, and can its server be reached?';
  return `The samples of “${map}” couldn’t be loaded. ${reason}`;
}
