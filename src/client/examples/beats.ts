/** Level 1: the first sounds, one after the other and together. */
import type { Example } from './example.ts';

export const BEATS: readonly Example[] = [
  {
    id: 'first-beat',
    title: 'A first beat',
    says: 'Four sounds in a row, and already it grooves.',
    level: 1,
    code: `// Press Play, or Ctrl+Enter (⌘+Enter on a Mac).
// Each word is a sound: bd is the bass drum, hh the hi-hat, sd the snare.
// They share the time of one cycle evenly, and then it begins again.
// Change a word, and press Play once more.
s("bd hh sd hh")
`,
  },
  {
    id: 'rests-and-groups',
    title: 'Rests and groups',
    says: 'A rock beat shows how a sound gets shorter, twice as fast, or stays away.',
    level: 1,
    code: `// The tempo: 100 beats a minute, with four beats in a cycle.
setcpm(100/4)

// [ ] puts several sounds into the place of one.
// ~ is a rest. hh*2 plays the hi-hat twice in its place.
// Read it beat by beat: there are four groups.
s("[bd hh] [sd hh] [~ bd] [sd hh*2]")
`,
  },
  {
    id: 'parts',
    title: 'Several parts',
    says: 'Drums for a slow head-nod, each in a line of its own.',
    level: 1,
    code: `setcpm(88/4)

// $: begins a part. All parts play together.
// To mute one, write _$: instead, and press Play.
// gain is how loud a part is: 1 as it comes, .5 softer.
$: s("bd [~ bd] [~ bd] ~").gain(.9)
$: s("~ sd ~ sd").gain(.8)

// Loud and soft in turn is what makes a hi-hat move.
$: s("hh*8").gain("[.5 .2 .4 .2]*2")
`,
  },
  {
    id: 'four-on-the-floor',
    title: 'Four on the floor',
    says: 'A house beat, with a change in every fourth cycle.',
    level: 1,
    code: `setcpm(124/4)

// bd*4: on every beat. That is house music.
$: s("bd*4").gain(.85)

// cp claps on the second and the fourth beat.
$: s("~ cp ~ cp").gain(.45)

// The open hi-hat, oh, answers between the beats.
$: s("[~ oh]*4").gain(.3)

// < > takes one of its words each cycle: three times a rest,
// and in the fourth cycle four toms, from high to low.
$: s("<~ ~ ~ [~ ~ ~ [ht ht mt lt]]>").gain(.7)
`,
  },
  {
    id: 'first-melody',
    title: 'A first melody',
    says: 'Four chords, played note by note as on a guitar.',
    level: 1,
    code: `setcpm(92/4)

// note takes letters; the number is the octave, c4 is in the middle.
// Each [ ] is a cycle of its own, since < > takes one at a time.
// *2 plays it twice within its cycle.
$: note("<[c4 e4 g4 e4]*2 [a3 c4 e4 c4]*2 [f3 a3 c4 a3]*2 [g3 b3 d4 g4]*2>")
  .s("triangle")

// The lowest note of each chord, held for the whole cycle.
$: note("<c2 a1 f1 g1>").s("sine").gain(1.2)
`,
  },
];
