/** Dollars per million edits, from what a run used and the price table. Pure. */
import { PRICES } from './prices.ts';

export interface Usage {
  edits: number;
  chats: number;
  /** How long the load lasted, in seconds. */
  seconds: number;
  /** Rooms that were active all that time; 0 where the rooms aren't Durable Objects. */
  rooms: number;
  redisCommands: number;
  redisBytes: number;
  postgresCpuS: number;
  walBytes: number;
}

export interface Cost {
  redis: number;
  rooms: number;
  postgres: number;
  total: number;
}

/**
 * Postgres is charged for what it computed, and at least for the smallest compute while the load lasted.
 * Rooms are charged as active for as long as a participant types in them.
 */
export function costPerMillionEdits(usage: Usage): Cost {
  const perMillion = 1e6 / Math.max(1, usage.edits);
  const messages = usage.rooms === 0 ? 0 : usage.edits + usage.chats;
  const redis = usage.redisCommands * PRICES.redisPerCommand + usage.redisBytes * PRICES.redisPerByte;
  const rooms =
    (messages / PRICES.messagesPerRoomRequest) * PRICES.roomPerRequest +
    usage.rooms * usage.seconds * PRICES.roomPerSecond;
  const postgres =
    Math.max(usage.postgresCpuS, PRICES.postgresLeastCu * usage.seconds) * PRICES.postgresPerCuSecond +
    usage.walBytes * PRICES.postgresPerWalByte;
  return {
    redis: redis * perMillion,
    rooms: rooms * perMillion,
    postgres: postgres * perMillion,
    total: (redis + rooms + postgres) * perMillion,
  };
}
