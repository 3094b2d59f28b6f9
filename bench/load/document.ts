/**
 * The code that people edit: a pattern of the wanted size with one number that they keep
 * turning, as live coders do.
 */
import { createHash } from 'node:crypto';

const LINES = [
  'stack(',
  '  s("bd*4, [~ sd]*2, hh*8").bank("RolandTR909").gain(.8),',
  '  note("<[c2 c3]*4 [bb1 bb2]*4 [f2 f3]*4 [eb2 eb3]*4>").sound("sawtooth").lpf(600),',
  '  n("0 .. 7").scale("C:minor:pentatonic").sound("triangle").delay(.25).room(.4),',
  ')',
];
const KNOB_DIGITS = 6;

/** One person's view of the code: everything but the number stays, so frames are cheap to make. */
export class KnobDocument {
  readonly #before: string;
  readonly #after: string;

  /** @param who tells the people of one room apart. */
  constructor(bytes: number, who: number) {
    const knob = `// ${who}\n$: s("hh*16").gain(0.`;
    const rest = Math.max(0, bytes - knob.length - KNOB_DIGITS - 2);
    const text = `${LINES.join('\n')}\n`.repeat(Math.ceil(rest / LINES.join('\n').length) + 1).slice(0, rest);
    const middle = Math.floor(rest / 2);
    this.#before = `${text.slice(0, middle)}${knob}`;
    this.#after = `)\n${text.slice(middle)}`;
  }

  /** Where the number begins. */
  get knobAt(): number {
    return this.#before.length;
  }

  get knobLength(): number {
    return KNOB_DIGITS;
  }

  knob(edit: number): string {
    return String(edit).padStart(KNOB_DIGITS, '0');
  }

  /** The code after this person's edit of that number. */
  text(edit: number): string {
    return `${this.#before}${this.knob(edit)}${this.#after}`;
  }

  /** The same as JSON, in the two parts around the number. */
  jsonParts(): [before: string, after: string] {
    return [JSON.stringify(this.#before).slice(0, -1), JSON.stringify(this.#after).slice(1)];
  }
}

/** What code is compared by: Postgres' `md5()` gives the same. */
export function digestOf(code: string): string {
  return createHash('md5').update(code).digest('hex');
}
