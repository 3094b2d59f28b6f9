/** What can go wrong with a pattern, typed, with its place in the user's code. */
import type { PlayerError } from '../protocol/player.ts';

export class PatternFailure extends Error {
  /**
   * @param kind why, as the protocol names it
   * @param offset where in the code, in UTF-16 units; null when that isn't known
   */
  constructor(
    readonly kind: PlayerError['kind'],
    message: string,
    readonly offset: number | null,
  ) {
    super(message);
    this.name = 'PatternFailure';
  }
}

/** The most that a message says; the protocol's bound is greater. */
const MAX_MESSAGE_CHARS = 500;

/** A failure as it is sent: with line and column, from 1. */
export function describeFailure(failure: PatternFailure, code: string): PlayerError {
  const message = failure.message.slice(0, MAX_MESSAGE_CHARS);
  return { kind: failure.kind, message, ...lineAndColumn(code, failure.offset) };
}

function lineAndColumn(code: string, offset: number | null): Pick<PlayerError, 'line' | 'column'> {
  if (offset === null) return { line: null, column: null };
  const before = code.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
