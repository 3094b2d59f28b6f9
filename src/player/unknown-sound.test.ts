/** What is said of a sound that there isn't. */
import { expect, it } from 'vitest';
import { describeUnknown } from './unknown-sound.ts';

const names = ['bd', 'piano', 'rolandtr909_bd', 'rolandtr909_cp', 'linndrum_sd'];
const say = (sound: string, bank: string | null = null, missing: string | null = null) =>
  describeUnknown({ sound, bank, names, missing });

it.each([
  [say('blorp'), 'There is no sound “blorp”.'],
  [say('pianp'), 'There is no sound “pianp”. Did you mean “piano”?'],
  [say('bd', 'RolandTR908'), 'There is no bank “RolandTR908”. Did you mean “rolandtr909”?'],
  [say('clap', 'RolandTR909'), 'The bank “RolandTR909” has no sound “clap”. Did you mean “cp”?'],
  [say('piano', 'rolandtr909'), 'The bank “rolandtr909” has no sound “piano”. It has bd, cp.'],
  [say('gm_piano'), '“gm_piano” isn’t heard: this player has no instruments of General MIDI (gm_…).'],
  [
    say('casio', null, 'This device is offline.'),
    '“casio” isn’t heard: Strudel’s usual sounds couldn’t be loaded. This device is offline.',
  ],
  [
    say('bdd', null, 'This device is offline.'),
    '“bdd” isn’t heard. Did you mean “bd”? Or it is one of Strudel’s usual sounds, which couldn’t be loaded. This device is offline.',
  ],
])('%s', (said, expected) => {
  expect(said).toBe(expected);
});
