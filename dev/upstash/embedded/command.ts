/** What a command of the embedded engine is. */
import { RedisError } from '../engine.ts';
import type { Keyspace } from './keyspace.ts';
import type { Value } from './value.ts';

export interface Command {
  /**
   * Arguments with the name counted, as Redis' COMMAND tells it: exactly so many, or at least
   * so many when negative.
   */
  arity: number;
  /**
   * @param args what follows the name.
   * @throws {RedisError}
   */
  run(keyspace: Keyspace, args: string[]): Value;
}

/** By name, in lower case. */
export type CommandTable = Record<string, Command>;

export const SYNTAX_ERROR = 'ERR syntax error';

export function hasArity(command: Command, argsWithName: number): boolean {
  return command.arity >= 0 ? argsWithName === command.arity : argsWithName >= -command.arity;
}

export function wrongArity(name: string): RedisError {
  return new RedisError(`ERR wrong number of arguments for '${name}' command`);
}

/** Splits a list of alternating names and values. */
export function pairs(list: string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let at = 0; at + 1 < list.length; at += 2) result.push([list[at] ?? '', list[at + 1] ?? '']);
  return result;
}
