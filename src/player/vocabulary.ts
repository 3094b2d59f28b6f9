/** The words of a pattern: what Strudel's packages give it as globals, and their names for completion. */
import { SalatRepl } from '@kabelsalat/web';
import * as core from '@strudel/core';
import * as mini from '@strudel/mini';
import * as tonal from '@strudel/tonal';
import * as webaudio from '@strudel/webaudio';

/** A parser's exports, one of which would hide JavaScript's own `SyntaxError`. */
const NOT_WORDS = ['SyntaxError', 'StartRules', 'parse', 'default'];

const kabelsalat = new SalatRepl({ localScope: true });

const words: Record<string, unknown> = Object.fromEntries(
  [core, mini, tonal, webaudio]
    .flatMap((module) => Object.entries(module))
    .filter(([name]) => !NOT_WORDS.includes(name)),
);
// `K(…)` is compiled where it is played.
words.compileKabel = (code: string) => kabelsalat.evaluate(code).compile({ log: false });

/** Makes the words global, as at the start: an earlier pattern may have set one to something else. */
export function defineWords(more: Record<string, unknown>): void {
  Object.assign(globalThis, words, more);
}

/** What a pattern's code may call: functions, and methods of patterns. */
export function functionNames(): string[] {
  const functions = Object.keys(words).filter((name) => typeof words[name] === 'function');
  const methods = Object.getOwnPropertyNames(core.Pattern.prototype);
  return [...new Set([...functions, ...methods])]
    .filter((name) => /^[a-zA-Z$][\w$]*$/.test(name) && name !== 'constructor')
    .sort();
}
