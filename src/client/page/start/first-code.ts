/** What a new session begins with: it sounds without a network, fits a phone, and invites to be changed. */
export const FIRST_CODE = `setcpm(124 / 4)

stack(
  // Drums: claps on two and four.
  s("bd*4, [~ cp]*2, [~ hh]*4"),

  // A bass line. Change a note!
  note("<c2 c2 eb2 bb1>*8")
    .s("sawtooth").lpf(600)
    .decay(.15).sustain(0),

  // Chords, a little late.
  note("<[c4,eb4,g4] [bb3,d4,f4]>")
    .s("triangle").struct("[~ x]*2")
    .decay(.3).sustain(0).gain(.6)
)
`;
