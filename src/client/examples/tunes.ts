/** Level 4: whole tunes, with a form. */
import type { Example } from './example.ts';

export const TUNES: readonly Example[] = [
  {
    id: 'night-drive',
    title: 'Night drive',
    says: 'A synth tune that builds up part by part over 16 cycles.',
    level: 4,
    code: `// The form is in the masks: mask("<0!4 1!12>") is silent for four cycles,
// and plays for twelve. ! repeats: 0!4 is 0 0 0 0.
setcpm(104/4)

const changes = "<Am F C G>"

// Bass drum and snare. duckorbit(2) makes orbit 2 softer at each bass drum:
// the chords and the bass seem to breathe.
$: s("bd*4").mask("<0!4 1!12>").gain(.7)
  .duckorbit(2).duckattack(.22).duckdepth(.7)
$: s("~ sd ~ sd").mask("<0!4 1!12>").room(.25).orbit(3).gain(.55)
$: s("hh*16").gain("[.3 .15 .22 .15]*4").mask("<0!8 1!8>")

// A crash where a part begins, and toms before it.
$: s("<cr ~ ~ ~>").mask("<0!4 1!12>").gain(.22)
$: s("<~ ~ ~ [~ ~ ~ [ht mt mt lt]]>").gain(.5)

// The bass: eighths on the root of each chord.
$: changes.rootNotes(2).note().struct("x*8").add(note("[0 0 12 0]*2"))
  .s("sawtooth").lpf(500).lpenv(2).lpdecay(.1).lpsustain(.2)
  .decay(.2).sustain(.4).orbit(2).gain(.5)

$: chord(changes).voicing()
  .s("supersaw").attack(.05).release(.3).lpf(1400)
  .room(.4).orbit(2).gain(.27)

// The chords' notes one by one, up and down, in sixteenths.
$: chord(changes).voicing().arp("[0 1 2 1]*4").add(note(12))
  .s("square").lpf(sine.rangex(700, 3000).slow(8)).decay(.12).sustain(0)
  .delay(.3).delaytime(.433).delayfeedback(.4).orbit(4)
  .mask("<0!4 1!4 0!4 1!4>").gain(.3)

// And the song, once the drums are all there.
$: n("<[4 ~ 3 2] [~ 2 4 5] [4@3 2] [1 ~ 1 3]>").scale("A4:minor")
  .s("sawtooth").lpf(2500).vib(5).vibmod(.1)
  .attack(.02).release(.2).delay(.35).delaytime(.577).delayfeedback(.35)
  .room(.5).orbit(4).mask("<0!8 1!8>").gain(.3)
`,
  },
  {
    id: 'sunday-house',
    title: 'Sunday house',
    says: 'A deep house tune whose form is written down: intro, verse, break, and all of it.',
    level: 4,
    code: `setcpm(122/4)

// Each part of the band has a name.
const kick = s("bd*4").gain(.8)
const clap = s("~ cp ~ cp").gain(.5).room(.2)
const hats = s("[~ oh]*4, hh*16").gain("[.25 .12 .4 .15]*4").swingBy(.12, 8)
const perc = s("rim(5,16,3), ~ ~ ~ <~ [~ mt ht ~]>").gain(.4).delay(.2)

const bass = note("<[f1 ~ ~ f1 ~ [~ f2] ~ eb2] [db2 ~ ~ db2 ~ [~ db2] ~ c2]>")
  .s("triangle").decay(.25).sustain(.5).lpf(700).gain(.85)

// Chords on the off-beat, opened slowly by a filter.
const keys = chord("<Fm9 Db^7>").voicing()
  .struct("~ x ~ ~ x ~ [~ x] ~")
  .s("sawtooth").lpf(perlin.rangex(500, 2200).slow(4)).lpq(2)
  .decay(.3).sustain(.1).room(.4).delay(.25).delaytime(.369).orbit(2)
  .gain(.45)

const pad = chord("<Fm9 Db^7>").voicing().s("supersaw")
  .attack(.6).release(.8).lpf(700).room(.6).orbit(2).gain(.25)

const song = n("<[~ 4 ~ 6] [7 ~ 4 ~] [~ 4 ~ 2] [3 ~ ~ ~]>").scale("F4:minor")
  .s("sine").fm(1.5).fmh(2).decay(.5).sustain(.1)
  .delay(.4).delaytime(.369).delayfeedback(.5).room(.4).orbit(3).gain(.55)

// arrange plays each of them for a number of cycles, one after the other.
$: arrange(
  [4, stack(kick, hats)],
  [4, stack(kick, hats, bass, perc)],
  [8, stack(kick, clap, hats, bass, keys, perc)],
  [4, stack(pad, keys, song)],
  [8, stack(kick, clap, hats, bass, keys, song, perc)],
  [4, stack(kick, hats, pad)],
)
`,
  },
];
