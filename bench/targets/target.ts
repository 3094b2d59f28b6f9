/** A system that can be put under load: how to start it, and how to see what it has stored. */
import type { Stack } from '../../test/support/stack.ts';
import type { PostgresMeter, StoredMessage, StoredSession } from '../measure/postgres.ts';
import type { RedisMeter } from '../measure/redis.ts';
import type { TargetName } from '../options.ts';

/** What a target's own processes are, and how to stop them. */
export interface Extra {
  /** Where its rooms are; null: the stack's. */
  url: string | null;
  /** Where those are who only watch; absent: with the others. */
  watchersUrl?: string;
  /** Names and pids of its processes. */
  pids: Record<string, number>;
  /** V8's inspector of its server; null: the stack's `workerd`. */
  inspectorUrl: string | null;
  stop(): Promise<void>;
}

export interface Engines {
  stack: Stack;
  postgres: PostgresMeter;
  redis: RedisMeter;
}

export interface Target {
  name: TargetName;
  /** What it is, in a few words. */
  about: string;
  /** What an acknowledgement of it promises. */
  ackMeans: string;
  /** The load process that speaks its protocol, from the project's folder. */
  loadScript: string;
  stackArgs: string[];
  stackEnv: Record<string, string>;
  /** The Worker's sweeper works for it. */
  isSwept: boolean;
  /** Its rooms are Durable Objects. */
  hasRooms: boolean;
  /** It reaches its stores through the HTTP fronts, which count what it asks of them. */
  usesFronts: boolean;
  hasChat: boolean;
  /** How long it may take after the load until acknowledgements and writes are in, in milliseconds. */
  patienceMs: number;
  /** Starts what the stack doesn't have. */
  start?(engines: Engines): Promise<Extra>;
  /** Asks for everything to be written to Postgres, if there is a way to ask. */
  flush?(engines: Engines): Promise<void>;
  /**
   * True when everything acknowledged is in Postgres, as far as the target knows; without it,
   * contents are compared.
   */
  isDrained?(engines: Engines): Promise<boolean>;
  /** What Postgres holds, by session. */
  stored(engines: Engines): Promise<Map<string, StoredSession>>;
  /** A query of sessions' ids and of how many bytes each takes in Postgres, with all that merging needs. */
  storedBytesSql: string;
  storedMessages(engines: Engines): Promise<Map<string, StoredMessage>>;
}
