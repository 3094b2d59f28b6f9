/** The last day of the system's figures, in steps of five minutes, in the sweeper's own storage. */
import { z } from 'zod';
import type { SweeperStorage } from './platform.ts';

const STORAGE_KEY = 'history';
const STEP_MS = 5 * 60_000;
const KEEP_MS = 24 * 3_600_000;

export const sampleSchema = z.object({
  /** When the last figures of the step were read, in milliseconds since the epoch. */
  atMs: z.number(),
  /** The most within the step. */
  dirtySessions: z.number(),
  oldestDirtyMs: z.number(),
  /** The last ones within the step; null where they weren't asked for, since nothing was dirty. */
  deadLetters: z.number().nullable(),
  flushedSessions: z.number().nullable(),
});
export type Sample = z.infer<typeof sampleSchema>;

export class History {
  readonly #storage: SweeperStorage;

  constructor(storage: SweeperStorage) {
    this.#storage = storage;
  }

  async add(sample: Sample): Promise<void> {
    const kept = (await this.samples()).filter(({ atMs }) => atMs > sample.atMs - KEEP_MS);
    const last = kept.at(-1);
    if (last === undefined || stepOf(last) !== stepOf(sample)) kept.push(sample);
    else {
      const merged = merge(last, sample);
      // What an idle system adds isn't worth a write.
      if (JSON.stringify({ ...merged, atMs: last.atMs }) === JSON.stringify(last)) return;
      kept[kept.length - 1] = merged;
    }
    await this.#storage.put(STORAGE_KEY, kept);
  }

  /** Oldest first. What can't be read is none. */
  async samples(): Promise<Sample[]> {
    const parsed = z.array(sampleSchema).safeParse(await this.#storage.get(STORAGE_KEY));
    return parsed.success ? parsed.data : [];
  }
}

const stepOf = ({ atMs }: Sample) => Math.floor(atMs / STEP_MS);

function merge(before: Sample, after: Sample): Sample {
  return {
    atMs: after.atMs,
    dirtySessions: Math.max(before.dirtySessions, after.dirtySessions),
    oldestDirtyMs: Math.max(before.oldestDirtyMs, after.oldestDirtyMs),
    deadLetters: after.deadLetters ?? before.deadLetters,
    flushedSessions: after.flushedSessions ?? before.flushedSessions,
  };
}
