/** Commands about the server itself. */
import { RedisError } from '../engine.ts';
import { type CommandTable, SYNTAX_ERROR, wrongArity } from './command.ts';
import type { Keyspace } from './keyspace.ts';
import { OK, Status } from './value.ts';

/**
 * Seconds and microseconds. The clock is the wall's, as expiries are; it has no microseconds to
 * offer, only their digits.
 */
function time(nowMs: number): [string, string] {
  return [String(Math.floor(nowMs / 1000)), String((nowMs % 1000) * 1000)];
}

const flush = {
  arity: -1,
  run(keyspace: Keyspace, [mode, ...rest]: string[]) {
    if (rest.length > 0 || (mode !== undefined && !/^(?:a?sync)$/i.test(mode)))
      throw new RedisError(SYNTAX_ERROR);
    keyspace.clear();
    return OK;
  },
};

export interface ServerState {
  startedAtMs: number;
  commandsProcessed: number;
}

/** INFO's text: the sections and fields that tools ask for, with honest values. */
function info(state: ServerState, keyspace: Keyspace, wanted: string[]): string {
  const sections: Record<string, Record<string, string | number>> = {
    Server: {
      redis_version: '7.0.0',
      redis_mode: 'standalone',
      backbeat_engine: 'embedded',
      process_id: process.pid,
      uptime_in_seconds: Math.floor((keyspace.nowMs - state.startedAtMs) / 1000),
    },
    Memory: { used_memory: process.memoryUsage().heapUsed },
    Stats: { total_commands_processed: state.commandsProcessed, expired_keys: keyspace.expiredKeys },
    Keyspace:
      keyspace.size === 0 ? {} : { db0: `keys=${keyspace.size},expires=${keyspace.expiringSize},avg_ttl=0` },
  };
  const all = wanted.length === 0 || wanted.some((name) => /^(?:all|default|everything)$/i.test(name));
  return Object.entries(sections)
    .filter(([name]) => all || wanted.some((section) => section.toLowerCase() === name.toLowerCase()))
    .map(([name, fields]) => {
      const lines = Object.entries(fields).map(([field, value]) => `${field}:${value}\r\n`);
      return `# ${name}\r\n${lines.join('')}`;
    })
    .join('\r\n');
}

export function serverCommands(state: ServerState): CommandTable {
  return {
    ping: {
      arity: -1,
      run(_, [message, ...rest]) {
        if (rest.length > 0) throw wrongArity('ping');
        return message ?? new Status('PONG');
      },
    },
    echo: { arity: 2, run: (_, [message = '']) => message },
    time: { arity: 1, run: (keyspace) => time(keyspace.nowMs) },
    dbsize: { arity: 1, run: (keyspace) => keyspace.size },
    flushall: flush,
    flushdb: flush,
    info: { arity: -1, run: (keyspace, sections) => info(state, keyspace, sections) },
  };
}
