// @vitest-environment node
/** The list of sounds: its groups, its search, and how a sound is written. */
import { describe, expect, it } from 'vitest';
import type { SoundName } from '../../protocol/player.ts';
import { machineTitle } from './machine-title.ts';
import { codeOf, findSounds, groupSounds, type ListedSound, previewOf } from './sound-list.ts';

const sample = (name: string, variations = 1): SoundName => ({ name, kind: 'sample', variations });
const NAMES: SoundName[] = [
  sample('rolandtr909_sd', 3),
  sample('rolandtr909_bd', 4),
  { ...sample('tr909_bd', 4), alias_of: 'rolandtr909_bd' },
  sample('linndrum_bd'),
  sample('piano'),
  sample('bongo', 2),
  ...['piano', 'epiano1', 'violin', 'xylophone'].map((name) => sample(`gm_${name}`)),
  sample('bell_tree'),
  { name: 'sine', kind: 'synth', variations: 1 },
  { name: 'hh', kind: 'kit', variations: 1 },
  { name: 'bd', kind: 'kit', variations: 1 },
];
const groups = groupSounds(NAMES);
const shown = (list: typeof groups) =>
  Object.fromEntries(list.map(({ id, sounds }) => [id, sounds.map(({ name }) => name)]));
const found = (search: string) => findSounds(groups, search).map(({ sound }) => sound.name);

describe('groups', () => {
  it('come from what needs least to drum machines, each in the order of names', () => {
    expect(groups.map(({ id, title }) => [id, title])).toEqual([
      ['kit', 'Drum kit'],
      ['synth', 'Synths'],
      ['sample', 'Samples'],
      ['prefix:gm', 'General MIDI instruments'],
      ['bank:linndrum', 'Linn Drum'],
      ['bank:rolandtr909', 'Roland TR909'],
    ]);
    expect(shown(groups)).toMatchObject({
      kit: ['bd', 'hh'],
      sample: ['bell_tree', 'bongo', 'piano'],
      'bank:rolandtr909': ['rolandtr909_bd', 'rolandtr909_sd'],
    });
  });

  it('have every sound once, whatever else it is called', () => {
    expect(groups.flatMap(({ sounds }) => sounds.map(({ name }) => name)).sort()).toEqual(
      NAMES.flatMap(({ name, alias_of }) => (alias_of === undefined ? [name] : [])).sort(),
    );
  });
});

describe('a search', () => {
  it.each([
    ['bd', ['bd', 'linndrum_bd', 'rolandtr909_bd']],
    ['909', ['rolandtr909_bd', 'rolandtr909_sd']],
    ['tr909 s', ['rolandtr909_sd']],
    ['roland bd', ['rolandtr909_bd']],
    ['PIANO', ['piano', 'gm_piano']],
    ['midi vio', ['gm_violin']],
    ['bo', ['bongo']],
    ['be', ['bell_tree']],
    ['zzz', []],
  ])('%s', (search, expected) => expect(found(search)).toEqual(expected));

  it('finds a sound by another of its names', () => {
    const named = groupSounds([sample('white'), { ...sample('noise'), alias_of: 'white' }]);
    expect(findSounds(named, 'noi').map(({ sound }) => sound.name)).toEqual(['white']);
  });

  it('for nothing finds everything', () => {
    expect(findSounds(groups, '  ')).toHaveLength(groups.flatMap(({ sounds }) => sounds).length);
  });

  it('looks at each sound once for each word, however many there are: it follows typing', () => {
    let looks = 0;
    const counting = (sound: ListedSound): ListedSound => ({
      ...sound,
      get words() {
        looks += 1;
        return sound.words;
      },
    });
    const many = groupSounds(
      Array.from({ length: 5_000 }, (_, index) => sample(`machine${index % 90}_x${index}`)),
    ).map((group) => ({ ...group, sounds: group.sounds.map(counting) }));
    expect(findSounds(many, 'machine4 x')).not.toEqual([]);
    expect(looks).toBeGreaterThanOrEqual(5_000);
    expect(looks).toBeLessThanOrEqual(2 * 5_000);
  });
});

it('a sound is written with its drum machine and its variation', () => {
  const [kick] = findSounds(groups, 'tr909 bd');
  expect(kick && [codeOf(kick.sound), codeOf(kick.sound, 2), previewOf(kick.sound, 2)]).toEqual([
    's("bd").bank("rolandtr909")',
    's("bd:2").bank("rolandtr909")',
    'rolandtr909_bd:2',
  ]);
  const [hat] = findSounds(groups, 'hh');
  expect(hat && codeOf(hat.sound)).toBe('s("hh")');
});

it.each([
  ['rolandtr909', 'Roland TR909'],
  ['sequentialcircuitsdrumtracks', 'Sequential Circuits Drumtracks'],
  ['rolandcompurhythm78', 'Roland Compurhythm78'],
  ['linn9000', 'Linn 9000'],
  ['mpc1000', 'MPC1000'],
  ['linn', 'Linn'],
  ['XDrum', 'XDrum'],
])('the bank %s is called %s', (bank, title) => expect(machineTitle(bank)).toBe(title));
