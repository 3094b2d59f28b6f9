/** Level 3: how sounds are shaped, and how a pattern varies itself. */
import type { Example } from './example.ts';

export const SHAPING: readonly Example[] = [
  {
    id: 'acid',
    title: 'Acid',
    says: 'A saw through a filter that rings and sweeps.',
    level: 3,
    code: `setcpm(128/4)

$: s("bd*4")
$: s("~ cp ~ cp").gain(.45).room(.2)
$: s("[~ hh]*4").gain(.4)

// lpf takes away what is above its frequency, and lpq lets it ring there.
// lpenv opens the filter at each note, by so many octaves,
// and lpdecay says how fast it closes again.
// sine.rangex(200, 1600).slow(16): over 16 cycles it opens and closes.
$: n("0 0 7 0 [~ 9] 0 <2 3> 0 0 [0 7] ~ 0 <-1 -2> 0 5 [3 2]")
  .scale("A1:minor")
  .s("sawtooth")
  .lpf(sine.rangex(200, 1600).slow(16)).lpq(12)
  .lpenv(2.5).lpdecay(.12).lpsustain(0)
  .decay(.15).sustain(.3).clip(.8)
  .distort(.8).postgain(.35)
  .delay(.25).delaytime(.234).delayfeedback(.4)
`,
  },
  {
    id: 'dub',
    title: 'Dub',
    says: 'Few notes, much space: echoes and a deep bass.',
    level: 3,
    code: `setcpm(72/4)

// One drop: bass drum and rim together, on the third beat only.
$: s("~ ~ [bd,rim] ~").gain(.7)
$: s("[hh ~ hh]*4").gain("[.35 .2]*4")

// The chords come between the beats, short and dark.
// delaytime is in seconds: .625 is three quarters of a beat.
// orbit(2) gives them an echo of their own.
$: chord("<Gm7 Gm7 Cm7 Dm7>").voicing().struct("[~ x]*4")
  .s("square").lpf(1100).hpf(250).decay(.12).sustain(0)
  .delay(.35).delaytime(.625).delayfeedback(.5).room(.3).orbit(2)
  .gain(.4)

// @2 makes a note twice as long. The bass leaves room, too.
$: n("<[0@2 ~ 0 2 3@2 ~] [0@2 ~ 0 4 3 2 ~]>").scale("<G1 G1 C2 D2>:minor")
  .s("sine").shape(.3).gain(.65)

// In every fourth cycle a snare gets lost in the echo.
$: s("<~ ~ ~ [~ sd ~ ~]>").delay(.8).delaytime(.313).delayfeedback(.65)
  .room(.6).orbit(3).gain(.5)
`,
  },
  {
    id: 'dice',
    title: 'Music by dice',
    says: 'Random notes and hits that never repeat, and still sound meant.',
    level: 3,
    code: `setcpm(110/4)

// irand(8) throws dice: whole numbers from 0 to 7, eight times a cycle.
// degradeBy(.4) leaves out four of ten notes.
// ribbon(0, 4) loops the first four cycles of this chance:
// take it away, and the tune never repeats.
$: n(irand(8).segment(8)).degradeBy(.4).ribbon(0, 4)
  .scale("E4:minor:pentatonic")
  .s("triangle").fm(perlin.range(0, 3)).fmh(2)
  .decay(.2).sustain(0).pan(rand).delay(.3).delaytime(.2045)
  .gain(.6)

// perlin wanders slowly between two values.
$: note("<e2 e2 g2 d2>").struct("x ~ [~ x] ~ x ~ x? ~")
  .s("sawtooth").lpf(perlin.range(200, 900).slow(2)).lpq(4)
  .decay(.2).sustain(.4).gain(.45)

// x? comes half of the time. sometimesBy(.2, …): two hits of ten are doubled.
$: s("bd ~ bd? ~ bd ~ ~ bd?").gain(.75)
$: s("~ sd ~ sd").gain(.65)
$: s("hh*8").gain(rand.range(.2, .5)).sometimesBy(.2, x => x.ply(2))
`,
  },
  {
    id: 'slow-clouds',
    title: 'Slow clouds',
    says: 'Without a beat: pads, bells and a lot of room.',
    level: 3,
    code: `// Four seconds a cycle: time to breathe.
setcpm(15)

// attack: how long each chord takes to come; release: to go.
// supersaw is many saws at once, a little out of tune.
$: chord("<C^9 Am9 F^7 Em7>").voicing()
  .s("supersaw").detune(.2)
  .attack(1.5).release(2.5).lpf(sine.range(400, 1100).slow(8))
  .room(.8).roomsize(6).gain(.6)

// Bells: fm bends one sine with another. A ratio that is no whole number,
// fmh(3.5), sounds like metal.
$: n("<[~ 4 ~ 7] [2 ~ ~ 9] [~ 5 4 ~] [~ ~ 1 ~]>").scale("C5:major:pentatonic")
  .s("sine").fm(2).fmh(3.5).fmdecay(.3).fmsustain(0)
  .decay(1.2).sustain(0)
  .delay(.5).delaytime(.75).delayfeedback(.6).room(.7).orbit(2)
  .pan(sine.range(.2, .8).slow(3)).gain(.6)

// Breath: noise, filtered by a wandering band.
$: s("pink").attack(2).release(2)
  .bpf(perlin.rangex(300, 2500)).bpq(3).gain(.3)

$: note("<c2 a1 f1 e1>").s("sine").attack(.5).release(1.5).gain(.9)
`,
  },
  {
    id: 'breakbeat',
    title: 'Breakbeat',
    says: 'Fast and broken drums over a slow bass.',
    level: 3,
    code: `setcpm(168/4)

// struct gives a sound a rhythm: x plays, ~ rests, 16 steps to a cycle.
$: s("bd").struct("x ~ x ~ ~ ~ ~ ~ ~ ~ x x ~ ~ ~ ~").gain(.75)

// Ghost notes: the soft snares between the loud ones.
// lastOf(4, …) changes the last of four cycles: here it is turned around.
$: s("sd*16").mask("0 0 0 0 1 0 0 1 0 1 0 0 1 0 0 1")
  .gain(".3 .3 .3 .3 .7 .3 .3 .3 .3 .3 .3 .3 .7 .3 .3 .35")
  .lastOf(4, x => x.rev())
$: s("[hh hh oh hh]*2").cut(1).gain("[.45 .25 .35 .25]*2")

// Two saws, hardly out of tune: the note moves by itself.
// slow(4) makes one turn of four notes last 16 cycles.
$: note("<f1 f1 ab1 [eb1 c1]>/2")
  .layer(x => x, x => x.add(note(.12)))
  .s("sawtooth").lpf(sine.rangex(150, 700).fast(.5)).lpq(6)
  .gain(.32)

$: chord("<Fm9 Fm9 Ab^7 Eb>/2").voicing().s("triangle")
  .struct("~ ~ ~ x ~ ~ x ~").decay(.3).sustain(0)
  .delay(.4).delaytime(.268).delayfeedback(.5).room(.4).orbit(2).gain(.45)
`,
  },
];
