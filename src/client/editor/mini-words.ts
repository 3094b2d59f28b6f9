/** Words of the texts within a pattern: scales, notes, chords, banks. Facts of Strudel's, listed by us. */
import type { SoundName } from '../../protocol/player.ts';

/** Spaces of a scale's name are colons in a pattern. */
export const SCALES = [
  'major',
  'minor',
  'dorian',
  'phrygian',
  'lydian',
  'mixolydian',
  'locrian',
  'harmonic:minor',
  'melodic:minor',
  'harmonic:major',
  'major:pentatonic',
  'minor:pentatonic',
  'major:blues',
  'minor:blues',
  'bebop',
  'bebop:minor',
  'whole:tone',
  'diminished',
  'half-whole:diminished',
  'augmented',
  'chromatic',
  'phrygian:dominant',
  'lydian:dominant',
  'lydian:augmented',
  'double:harmonic:major',
  'hungarian:minor',
  'hungarian:major',
  'neapolitan:major',
  'flamenco',
  'spanish:heptatonic',
  'persian',
  'oriental',
  'egyptian',
  'hirajoshi',
  'iwato',
  'in-sen',
  'kumoijoshi',
  'pelog',
  'ritusen',
  'balinese',
  'altered',
  'prometheus',
  'enigmatic',
] as const;

export const ROOTS = [
  'C',
  'C#',
  'Db',
  'D',
  'D#',
  'Eb',
  'E',
  'F',
  'F#',
  'Gb',
  'G',
  'G#',
  'Ab',
  'A',
  'A#',
  'Bb',
  'B',
];

/** What may follow a chord's root, with what it is called. */
export const CHORDS: readonly (readonly [symbol: string, name: string])[] = [
  ['', 'major'],
  ['m', 'minor'],
  ['7', 'seventh'],
  ['m7', 'minor seventh'],
  ['^7', 'major seventh'],
  ['6', 'sixth'],
  ['m6', 'minor sixth'],
  ['9', 'ninth'],
  ['m9', 'minor ninth'],
  ['^9', 'major ninth'],
  ['69', 'sixth and ninth'],
  ['11', 'eleventh'],
  ['m11', 'minor eleventh'],
  ['13', 'thirteenth'],
  ['sus', 'suspended'],
  ['7sus', 'seventh, suspended'],
  ['o', 'diminished'],
  ['o7', 'diminished seventh'],
  ['h7', 'half-diminished seventh'],
  ['aug', 'augmented'],
];

export const VOWELS = ['a', 'e', 'i', 'o', 'u'];

const SEMITONES: Readonly<Record<string, number>> = { c: 0, d: 2, e: 4, f: 5, g: 7, a: 9, b: 11 };

/** Notes by name, with their MIDI numbers; one without an octave is in the third. */
export const NOTES: readonly (readonly [name: string, midi: number])[] = Object.entries(SEMITONES).flatMap(
  ([letter, semitones]) =>
    (['', '#', 'b'] as const).flatMap((sign) =>
      ['', 1, 2, 3, 4, 5, 6].map((octave) => {
        const shift = sign === '#' ? 1 : sign === 'b' ? -1 : 0;
        const midi = 12 * (Number(octave || 3) + 1) + semitones + shift;
        return [`${letter}${sign}${octave}`, midi] as const;
      }),
    ),
);

/** How a drum machine's sounds end. */
const DRUM = /^(.+)_(bd|sd|hh|oh|cp|rim|lt|mt|ht|cr|rd|cb|sh|tb|perc|misc|fx)$/;

/** The drum machines among the sounds: what `bank` takes. */
export function banksOf(sounds: readonly SoundName[]): string[] {
  const found = sounds.flatMap(({ name }) => DRUM.exec(name)?.[1] ?? []);
  return [...new Set(found)].sort((a, b) => a.localeCompare(b, 'en'));
}
