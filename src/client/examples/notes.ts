/** Level 2: scales, chords, and rhythms that Strudel works out. */
import type { Example } from './example.ts';

export const NOTES_AND_RHYTHMS: readonly Example[] = [
  {
    id: 'scale-steps',
    title: 'Steps of a scale',
    says: 'A tune and its bass by numbers: whatever you type, it fits.',
    level: 2,
    code: `setcpm(104/4)

// n counts steps of the scale; 0 is its first note.
// In this scale of five notes nothing sounds wrong: try other numbers.
$: n("0 [2 3] 4 <7 5 [6 5] 3>").scale("A3:minor:pentatonic")
  .s("square").lpf(1600).decay(.25).sustain(.2).gain(.5)

// The same scale, two octaves lower, in a rhythm of its own.
$: n("<0 0 3 2>(3,8)").scale("A1:minor:pentatonic")
  .s("triangle").gain(.9)

$: s("bd ~ [~ bd] ~, ~ sd ~ [sd ~ ~ sd]").gain(.7)
$: s("hh*8").gain("[.45 .25]*4")
`,
  },
  {
    id: 'even-rhythms',
    title: 'Rhythms from two numbers',
    says: 'Hits that are spread evenly over steps make dances from half of the world.',
    level: 2,
    code: `setcpm(104/4)

// bd(3,8): three hits, spread over eight steps as evenly as can be.
$: s("bd(3,8)").gain(.75)

// A third number begins it at a later step.
$: s("rim(5,8,2)").gain(.45)

// Toms: low ones with 16 steps, high ones now and then.
$: s("lt(3,16,6), <~ ht(3,8,1)>").gain(.4)

// sometimes(…) does something to about half of the hits.
$: s("hh*8").gain("[.4 .2 .3 .2]*2").sometimes(x => x.gain(.15))

$: n("<0 0 -2 3>(3,8)").scale("D2:dorian").s("triangle").gain(.8)
`,
  },
  {
    id: 'walking-bass',
    title: 'Chords and a walking bass',
    says: 'A small jazz trio: chord symbols become voices that lead well.',
    level: 2,
    code: `setcpm(132/4)

// One chord each cycle. const gives it a name, to use it twice.
const changes = "<Dm7 G7 C^7 A7>"

// voicing finds notes for the symbols, near those of the chord before.
$: chord(changes).voicing().struct("<[~ x ~ [~ ~ x]] [x ~ [~ ~ x] ~]>")
  .s("triangle").decay(.3).sustain(.1).room(.3).gain(.5)

// The bass walks from the root through the chord, a step to each beat.
// The last note leads to the next root.
$: changes.rootNotes(2).note().struct("x*4")
  .add(note("<[0 3 7 6] [0 4 7 6] [0 4 7 8] [0 4 7 6]>"))
  .s("sine").decay(.4).sustain(.4).gain(.9)

// The drummer swings: three to a beat, the middle one left out.
$: s("hh [hh ~ hh] hh [hh ~ hh]").gain(".5 .45 .5 .45")
$: s("~ rim ~ rim").gain(.25)
`,
  },
  {
    id: 'shifted-copies',
    title: 'Copies that come later',
    says: 'One short line becomes a whole texture by its own echoes.',
    level: 2,
    code: `setcpm(60/2)

// off(1/8, …) adds a copy an eighth of a cycle later, and changes it:
// here seven semitones higher, and softer.
// jux(rev) plays it backwards on the right side: use headphones.
$: n("0 2 <4 5> [7 6]").scale("F4:lydian").gain(.6)
  .off(1/8, x => x.add(note(7)).gain(.3))
  .jux(rev)
  .s("triangle").decay(.3).sustain(0).room(.5)

// slow(2): half as fast. attack and release let it swell and fade.
$: n("<[0,4] [-2,3] [-3,2] [1,3]>").scale("F2:lydian").slow(2)
  .s("sawtooth").lpf(500).attack(.8).release(1).gain(.6)

$: s("bd ~ ~ [~ bd], ~ ~ rim ~").gain(.6)
`,
  },
];
