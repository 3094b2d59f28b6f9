/** A name for people who would rather play than think of one. */
import type { Account } from '../account.ts';
import { rememberedName } from '../storage.ts';

const FIRST = [
  'Amber',
  'Brisk',
  'Coral',
  'Dusty',
  'Electric',
  'Fuzzy',
  'Golden',
  'Humming',
  'Indigo',
  'Jolly',
  'Lucky',
  'Mellow',
  'Nimble',
  'Offbeat',
  'Quiet',
  'Rolling',
  'Silver',
  'Swinging',
  'Velvet',
  'Wobbly',
] as const;

const LAST = [
  'Badger',
  'Cicada',
  'Drum',
  'Finch',
  'Gecko',
  'Heron',
  'Ibis',
  'Kazoo',
  'Lark',
  'Marimba',
  'Newt',
  'Otter',
  'Piano',
  'Raven',
  'Sparrow',
  'Theremin',
  'Tuba',
  'Vole',
  'Wren',
  'Yak',
] as const;

/** The name that this browser's user goes by: the last one, the account's, or a made-up one. */
export function nameToPlayUnder(account: Account | null): string {
  return rememberedName() || account?.name || madeUpName();
}

/** @param random gives numbers from 0 up to 1. */
export function madeUpName(random: () => number = Math.random): string {
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)];
  return `${pick(FIRST)} ${pick(LAST)}`;
}
