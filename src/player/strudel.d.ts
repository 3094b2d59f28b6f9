/** What the player uses of Strudel's packages, which bring no types of their own. */

declare module '@strudel/core' {
  export interface Fraction {
    valueOf(): number;
    sub(other: Fraction): Fraction;
  }
  export class TimeSpan {
    constructor(begin: number | Fraction, end: number | Fraction);
    begin: Fraction;
    end: Fraction;
    readonly spanCycles: TimeSpan[];
  }
  export class State {
    constructor(span: TimeSpan, controls?: Record<string, unknown>);
    span: TimeSpan;
    setControls(controls: Record<string, unknown>): State;
  }
  export interface Hap {
    whole: TimeSpan | undefined;
    value: unknown;
    readonly duration: Fraction;
    readonly endClipped: Fraction;
    context: {
      locations?: { start: number; end: number }[];
      onTrigger?: (hap: Hap, now: number, cps: number, targetTime: number) => unknown;
      dominantTrigger?: boolean;
    };
    hasOnset(): boolean;
    ensureObjectValue(): void;
  }
  export type Query = (state: State) => Hap[];
  export class Pattern {
    constructor(query: Query);
    query: Query;
    _fast(factor: number): Pattern;
    withState(change: (state: State) => State): Pattern;
  }
  export const silence: Pattern;
  export function stack(...patterns: Pattern[]): Pattern;
  export function isPattern(value: unknown): value is Pattern;
  export function register(
    name: string,
    method: (value: never, pattern: Pattern) => Pattern,
  ): (...args: unknown[]) => unknown;
  export function setTime(now: () => number): void;
  export function setCpsFunc(cps: () => number): void;
  export function setIsStarted(isStarted: boolean): void;
  export function setPattern(pattern: Pattern): void;
  export function setTriggerFunc(trigger: unknown): void;
  export function reset_state(): void;
  /** Also of a name without an octave, which is in the third. */
  export function noteToMidi(name: string): number;
  export function freqToMidi(hz: number): number;
  export function isNote(name: unknown): boolean;
}

declare module '@strudel/mini' {
  /** Reads a quoted mini-notation. Its errors say where. */
  export function parse(quoted: string): unknown;
  export function miniAllStrings(): void;
  export function getLeafLocations(quoted: string, start: number, code: string): [number, number][];
}

declare module '@strudel/tonal';

declare module '@strudel/transpiler' {
  export function transpiler(
    code: string,
    options: { wrapAsync: boolean; addReturn: boolean; emitWidgets: boolean },
  ): { output: string };
}

declare module '@strudel/webaudio' {
  import type { Hap } from '@strudel/core';
  export function webaudioOutput(
    hap: Hap,
    deadline: number,
    durationSeconds: number,
    cps: number,
    audioSeconds: number,
  ): Promise<void>;
}

declare module '@kabelsalat/web' {
  export class SalatRepl {
    constructor(options: { localScope: boolean });
    evaluate(code: string): { compile(options: { log: boolean }): unknown };
  }
}

declare module 'superdough' {
  /** Makes one sound; `ended` is called when it is over. */
  export type Trigger = (audioSeconds: number, value: Record<string, unknown>, ended: () => void) => unknown;
  /** Addresses, in a list or by notes. */
  export type SampleBank = string[] | Record<string, string[]>;
  export interface Sound {
    onTrigger: Trigger;
    /** `samples` is a sample's bank, `tables` a wavetable's. */
    data: { type?: string; samples?: SampleBank; tables?: SampleBank; [key: string]: unknown };
  }
  export const soundMap: {
    get(): Record<string, Sound | undefined>;
    subscribe(listener: () => void): () => void;
  };
  export function registerSound(name: string, trigger: Trigger, data: Sound['data']): void;
  export function registerSynthSounds(): void;
  export function registerZZFXSounds(): void;
  export function soundAlias(original: string, alias: string): void;
  export function getSound(name: string): Sound | undefined;
  export function getSampleInfo(
    value: Record<string, unknown>,
    bank: SampleBank,
  ): { url: string; index: number };
  export function getLoadedBuffer(url: string): AudioBuffer | undefined;
  export function loadBuffer(url: string, context: AudioContext, label: string): Promise<AudioBuffer>;
  export function samples(
    map: string | Record<string, unknown>,
    base?: string,
    options?: { prebake?: boolean; tag?: string },
  ): Promise<void>;
  export function aliasBank(aliases: Record<string, unknown>): Promise<void>;
  export function getAudioContext(): AudioContext;
  export function loadWorklets(): Promise<unknown>;
  export function resetGlobalEffects(): void;
  export function getSuperdoughAudioController(): { output: { destinationGain: GainNode } };
  export function superdough(
    value: Record<string, unknown>,
    audioSeconds: number,
    durationSeconds: number,
    cps: number,
    cycle: number,
  ): Promise<void>;
}

declare module 'escodegen' {
  /** A syntax tree as ESTree has it. */
  type Generate = (tree: unknown, options?: unknown) => string;
  const escodegen: { generate: Generate };
  export default escodegen;
}
