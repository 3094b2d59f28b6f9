/** What a fault is. */
import type { PartName } from '../support/stack.ts';
import type { Ledger } from './ledger.ts';
import type { LoadedSession } from './load.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export interface Scene {
  world: World;
  random: Random;
  /** The sessions under load. */
  sessions: readonly LoadedSession[];
  /** Sessions of the fault's own: nobody is in them, what is acknowledged in them is in the ledger. */
  extra: Ledger[];
  /** Sessions that the fault deleted in Postgres. */
  deleted: Set<string>;
  /**
   * The dead letters that there have to be, besides those of deleted sessions: their
   * reasons' codes by their ids.
   */
  letters: Map<string, string>;
  /** Messages that are gone with a restored backup, as the documents say. */
  gone: Set<string>;
  /** What a second room of a session committed. */
  takenOver: { ledger: Ledger; text: string; rev: number; messageId: string }[];
}

export interface Fault {
  name: string;
  /** One line for the table of faults. */
  what: string;
  /** Parts that it takes down or reconfigures; faults that share one aren't paired. */
  parts: readonly PartName[];
  /**
   * What goes with it: a room's memory, or Redis' data. Both is a loss that nobody promises to survive: the
   * room that has to commit again is gone.
   */
  loses?: 'room' | 'redis';
  /** Breaks something and mends it again; resolves when it is mended. */
  run(scene: Scene): Promise<void>;
}
