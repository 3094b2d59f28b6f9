/**
 * The player's sounds as a list to look through: grouped, with the sounds of a drum machine together, and
 * searched. Pure: the page draws it, and `Player.preview` plays what is chosen.
 */
import type { SoundName } from '../../protocol/player.ts';
import { machineTitle } from './machine-title.ts';

export interface ListedSound {
  /** As it is written in a pattern: `bd`, `rolandtr909_bd`. */
  name: string;
  kind: SoundName['kind'];
  variations: number;
  /** The drum machine, and the sound's name with `bank`: `s("bd").bank("rolandtr909")`. */
  bank: string | null;
  shortName: string;
  /** Other names of it. */
  aliases: readonly string[];
  /** What a search may begin with, in small letters. */
  words: readonly string[];
}

export interface SoundGroup {
  /** Stays the same, for the page's own use: `kit`, `synth`, `bank:rolandtr909`, `prefix:gm`, `sample`. */
  id: string;
  title: string;
  isDrumMachine: boolean;
  sounds: readonly ListedSound[];
}

/** How a drum machine's sounds end. */
const DRUM = /^(.+)_(bd|sd|hh|oh|cp|rim|lt|mt|ht|cr|rd|cb|sh|tb|perc|misc|fx)$/i;
/** What several sounds' names begin with: `gm_`, `wt_`. */
const PREFIX = /^([a-z]+\d*)_/i;
/** A group by a prefix needs so many. */
const MIN_IN_PREFIX = 4;
const TITLES: Readonly<Record<string, string>> = {
  gm: 'General MIDI instruments',
  wt: 'Wavetables',
  z: 'Game sounds',
};

/** Groups in the order of what needs least: the kit and the synths, samples, then each drum machine. */
export function groupSounds(names: readonly SoundName[]): SoundGroup[] {
  const aliases = new Map<string, string[]>();
  for (const { name, alias_of: first } of names) {
    if (first !== undefined) aliases.set(first, [...(aliases.get(first) ?? []), name]);
  }
  const sounds = names
    .filter((name) => name.alias_of === undefined)
    .map((name) => split(name, aliases.get(name.name) ?? []))
    .sort(byName);
  const prefixes = new Map<string, number>();
  for (const sound of sounds) {
    const prefix = prefixOf(sound);
    if (prefix !== null) prefixes.set(prefix, (prefixes.get(prefix) ?? 0) + 1);
  }
  const groups = new Map<string, { title: string; rank: number; sounds: ListedSound[] }>();
  for (const sound of sounds) {
    const prefix = prefixOf(sound);
    const hasGroup = prefix !== null && (prefixes.get(prefix) ?? 0) >= MIN_IN_PREFIX;
    const [id, title, rank] = placeOf(sound, hasGroup ? prefix : null);
    const group = groups.get(id) ?? { title, rank, sounds: [] };
    groups.set(id, group);
    group.sounds.push({ ...sound, words: wordsOf([sound.name, ...sound.aliases, title]) });
  }
  return [...groups]
    .sort(([, a], [, b]) => a.rank - b.rank || compare(a.title, b.title))
    .map(([id, group]) => ({
      id,
      title: group.title,
      isDrumMachine: group.rank === DRUM_MACHINE,
      sounds: group.sounds,
    }));
}

const DRUM_MACHINE = 5;

function placeOf({ kind, bank }: Named, prefix: string | null): [string, string, number] {
  if (kind === 'kit') return ['kit', 'Drum kit', 0];
  if (bank !== null) return [`bank:${bank}`, machineTitle(bank), DRUM_MACHINE];
  if (prefix !== null) return [`prefix:${prefix}`, TITLES[prefix] ?? prefix, 4];
  return kind === 'synth' ? ['synth', 'Synths', 1] : ['sample', 'Samples', 2];
}

type Named = Omit<ListedSound, 'words'>;

function split({ name, kind, variations }: SoundName, aliases: readonly string[]): Named {
  const [, bank = null, shortName = name] = kind === 'sample' ? (DRUM.exec(name) ?? []) : [];
  return { name, kind, variations, bank, shortName, aliases };
}

const prefixOf = ({ name, bank }: Named): string | null =>
  bank === null ? (PREFIX.exec(name)?.[1]?.toLowerCase() ?? null) : null;

// Not `localeCompare`, which makes one for each comparison.
const { compare } = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
const byName = (a: Named, b: Named) => compare(a.name, b.name);

export interface FoundSound {
  sound: ListedSound;
  group: SoundGroup;
}

/**
 * What a search finds: each of its words must begin the sound's name, a part of it, or its group's title.
 * Sounds that are called so come first, then those whose name begins so. An empty search finds everything.
 */
export function findSounds(groups: readonly SoundGroup[], search: string): FoundSound[] {
  const searched = search
    .toLowerCase()
    .split(/[\s_:]+/)
    .filter(Boolean);
  const [first = ''] = searched;
  const ranked: FoundSound[][] = [[], [], []];
  for (const group of groups) {
    for (const sound of group.sounds) {
      if (!searched.every((word) => sound.words.some((part) => part.startsWith(word)))) continue;
      const names = [sound.name.toLowerCase(), sound.shortName.toLowerCase()];
      const rank = names.includes(first) ? 0 : names.some((name) => name.startsWith(first)) ? 1 : 2;
      ranked[rank]?.push({ sound, group });
    }
  }
  return ranked.flat();
}

/** What names are made of: `Roland TR909` and `rolandtr909_bd` have `roland`, `tr909`, `909` and `bd`. */
function wordsOf(names: readonly string[]): string[] {
  const whole = names.flatMap((name) => name.split(/[\s_-]+/));
  const humps = whole.flatMap((part) =>
    [...part.matchAll(/[A-Z]+[a-z]*|\d+/g)].map(({ index }) => part.slice(index)),
  );
  return [...new Set([...whole, ...humps].map((part) => part.toLowerCase()))];
}

/** How a sound is written, with one of its variations. @param variation from 0 */
export function codeOf({ bank, shortName }: ListedSound, variation = 0): string {
  const name = variation > 0 ? `${shortName}:${variation}` : shortName;
  return bank === null ? `s("${name}")` : `s("${name}").bank("${bank}")`;
}

/** What `Player.preview` takes. @param variation from 0 */
export const previewOf = ({ name }: ListedSound, variation = 0): string =>
  variation > 0 ? `${name}:${variation}` : name;
