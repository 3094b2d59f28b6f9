/** Wires the AI together from the room's configuration. */
import { countedPerson, createAgent, DailyLimits } from '../ai/index.ts';
import { RedisScripts } from '../buffer/redis.ts';
import type { RoomConfig } from '../config.ts';
import type { AgentPorts } from './agent-runs.ts';

let ports: AgentPorts | undefined;

/** One set an isolate, so that all its rooms count in one place while Redis is out of reach. */
export function agentPortsOf(config: RoomConfig): AgentPorts {
  ports ??= {
    agent: createAgent(config),
    limits: new DailyLimits({
      redis: new RedisScripts({
        url: config.UPSTASH_REDIS_REST_URL,
        token: config.UPSTASH_REDIS_REST_TOKEN,
        timeoutMs: config.REDIS_TIMEOUT_MS,
      }),
      keyPrefix: config.KEY_PREFIX,
    }),
    countedPerson: ({ id, state: { userId, address } }) =>
      countedPerson({ userId, address, connectionId: id }, config.JWT_SECRET),
  };
  return ports;
}
