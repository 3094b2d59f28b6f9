/**
 * What the model is told about Strudel: compact, in our own words, and only what holds in every current
 * version. Models know some Strudel and mix it up with Tidal's Haskell; this is to keep them on what exists.
 * The indented lines are programs (a test parses each of them).
 *
 * Facts: https://strudel.cc/learn and https://strudel.cc/workshop.
 */
export const STRUDEL_GUIDE = `# Strudel in short

A program is JavaScript (ES2022, top-level await) that builds patterns. A pattern is a function of time, which is counted in cycles; everything repeats every cycle unless it says otherwise.
Patterns are values: each method returns a new one, so effects are chained.

## What plays
Each line that begins with "$:" and a pattern plays, all together. "_$:" mutes such a line. Without any, the program's last expression plays; use stack(...) for several parts.
    setcpm(120/4)
    $: s("bd*4").bank("RolandTR909")
    $: note("<c2 eb2 f2 g1>").s("sawtooth").lpf(500)

Tempo: setcpm(n) sets cycles per minute, once, at the top. With four beats in a cycle, 120 bpm is setcpm(120/4). setcps(n): per second.

## Strings
Double quotes and backticks hold mini-notation; single quotes a plain string. Every argument that takes a number takes a pattern too, as mini-notation or as a signal.

Mini-notation:
- "a b c": the cycle is divided evenly · "~" or "-": rest · "[a b]": a group in the place of one step · "a,b": together (a chord)
- "<a b c>": one each cycle · "<a b c d>*4": four of them each cycle, in turn
- "a*3": three times in its place · "a/2": over two cycles · "a!3": repeated as three steps · "a@3": three steps long · "a _ b": _ holds the step before
- "a(3,8)": Euclidean, 3 hits over 8 steps; "a(3,8,2)": rotated by 2 · "a?": there half of the time, "a?0.2": left out with 20 % · "a|b|c": one at random
- "bd:3": fourth sample of a set; in other arguments ":" joins a list, as in "C:minor" or "0.5:0.25" · "{a b c, d e}" and "{a b c}%4": polymeter · "0 .. 7": a run of numbers
    $: s("bd [~ bd] sd ~, hh*8")
    $: s("bd(3,8), ~ cp, <oh hh>*4")

## Sounds
- s("...") or sound("..."): samples and synths by name. Drums: bd sd rim cp hh oh cr rd ht mt lt cb tb sh perc misc fx. .bank("RolandTR808") takes them from a drum machine; RolandTR909, RolandTR707, LinnDrum, AkaiLinn exist too.
- Other sets that are always there: piano, casio, jazz, metal, east, space, wind, insect, crow, numbers, jvbass. General MIDI instruments begin with gm_: gm_epiano1, gm_acoustic_bass, gm_synth_bass_1, gm_pad_warm, gm_string_ensemble_1, gm_xylophone, gm_choir_aahs.
- Synths: sine, triangle, square, sawtooth, supersaw, and noise: white, pink, brown. Without s() a note sounds as a triangle.
- n("0 1 2").s("jazz") chooses samples by number; they wrap around.
- samples('github:tidalcycles/dirt-samples') loads a set; samples({ kick: 'kick.wav', snare: ['a.wav', 'b.wav'] }, 'https://example.com/sounds/') a map. Never make up an address.
- Samples: .speed(2), negative is backwards; .begin(0.25) .end(0.75); .chop(8), .striate(8), .slice(8, "0 3 2 1"), .splice(8, "0 3 2 1"); .loopAt(2) fits a loop into two cycles, .fit() into its step; .cut(1) ends the sound before in the same group; .clip(1) ends it with its step.

## Pitch
- note("c3 eb3 g3") by name (sharp: c#3) or MIDI number; freq("440") in Hz.
- n("0 2 4 6").scale("C:minor") counts steps of a scale from 0; with octave: "C4:major". Others: dorian, phrygian, lydian, mixolydian, locrian, harmonic:minor, major:pentatonic, minor:pentatonic, major:blues.
- chord("<Cm7 Fm7 Bb7 Eb^7>").voicing() turns chord symbols into chords that lead well (^7: major seventh, h7: half diminished, o7: diminished). n("0 1 2 3").chord("<Cm7 F7>").voicing() plays their notes one by one. .rootNotes(2) gives bass notes of chord symbols.
- .add(12), .sub(5) move notes (before note() or inside: note("c3 e3".add(7))); n("0 2".add("<0 3>")).scale("C:minor") moves in the scale. .transpose(-12), .scaleTranspose(2).
    $: n("0 [2 4] <3 5> [~ 1]").scale("A3:minor").s("piano").room(.4)
    $: chord("<Am7 Dm7 G7 C^7>").voicing().s("gm_epiano1").gain(.6)
    $: "<Am7 Dm7 G7 C^7>".rootNotes(2).note().s("gm_acoustic_bass")

## Time and structure
- .fast(2), .slow(2), .early(.25), .late(.125), .rev(), .palindrome(), .iter(4), .ply(2) (each event twice), .segment(8) (sample a signal), .swingBy(1/3, 4)
- stack(a, b): together · cat(a, b): one a cycle · seq(a, b): in one cycle · arrange([4, a], [8, b]): for so many cycles each · silence
- .struct("x ~ x x"): rhythm from here, values from the pattern · .mask("<1 1 0 1>"): let through or not · .euclid(3, 8), .euclidRot(3, 8, 2), .euclidLegato(3, 8)
- .every(4, x => x.rev()) (the same as .firstOf), .lastOf(4, f), .when("<0 1>", f), .chunk(4, f)
- .sometimes(f), .often(f), .rarely(f), .sometimesBy(.3, f), .someCycles(f), .degradeBy(.3)
- .off(1/8, x => x.add(note(12))): a changed copy, later · .superimpose(f): now · .layer(f, g) · .jux(rev): f on the right channel only; .juxBy(.5, f) · .echo(3, 1/8, .6)
- .arp("0 2 1 2") plays the notes of a chord in turn · pick(["c3 e3", "g3 a3"], "<0 1>") and "<0 1>".pick([a, b]) choose patterns
f is a function of a pattern, such as rev, x => x.fast(2), x => x.speed(2).gain(.5).
    $: s("bd sd, hh*8").every(4, x => x.fast(2)).sometimesBy(.2, x => x.speed(1.5))
    $: n("<0 2 4 7>*4").scale("D:dorian").off(1/8, x => x.add(n(7))).jux(rev).s("triangle")

## Signals
sine, cosine, saw, tri, square, rand, perlin, irand(8): from 0 to 1, one period a cycle (sine2 and so on: from -1). sine.range(200, 2000).slow(4) sweeps; .rangex for frequencies.

## Sound shaping
- .gain(.8), .velocity(.5), .postgain(1.2), .pan(0 left, 1 right)
- .lpf(800) low-pass, .hpf(200) high-pass, .bpf(1000), in Hz; .lpq(10), .hpq, .bpq resonance; .vowel("<a e i o>"); filter envelope: .lpenv(4) depth with .lpa .lpd .lps .lpr
- Envelope in seconds: .attack(.01) .decay(.1) .sustain(.5) .release(.2), or .adsr(".01:.1:.5:.2"); pitch envelope .penv(12) .pdecay(.1)
- .delay(.5) level, .delaytime(.25), .delayfeedback(.5), or .delay(".5:.25:.5"); .room(.5) reverb, .roomsize(4)
- .distort(2), .crush(4) bits, .coarse(8), .phaser(2), .vib(4) vibrato, .fm(3) with .fmh(2), .noise(.1), .detune(.2) (supersaw), .compressor("-20:20:10:.002:.02")
- Delay and reverb are shared by all parts on one .orbit(n); give parts with different ones different orbits.
    $: note("c2*8").s("sawtooth").lpf(sine.range(200, 2000).slow(8)).lpq(8).decay(.15).sustain(0)
    $: s("~ cp").room(.6).delay(".4:.1875:.5").orbit(2)

## A whole program
    setcpm(124/4)
    $: s("bd*4").bank("RolandTR909").gain(.9)
    $: s("~ cp, [~ hh]*4").bank("RolandTR909").gain(.5)
    $: note("<a1 a1 f1 g1>").struct("x*8").s("sawtooth").lpf(perlin.range(300, 900)).decay(.2).sustain(.1)
    $: chord("<Am7 Am7 F^7 G7>").voicing().struct("[~ x]*2").s("gm_epiano1").room(.5).gain(.5)

## Mistakes to avoid
- No Haskell: no d1 $, no #, no infix operators; write .gain(.5), not # gain 0.5. No import or export.
- Don't call what isn't listed here or in the program already, unless you are sure that Strudel has it.
- Mini-notation has no arithmetic and no variables: use methods for those. Brackets in it have to match.
- Keep levels sane: gain around .3 to 1, lpq below 20, delayfeedback below .9.
`;
