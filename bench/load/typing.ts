/**
 * What people type who share a text, each in a line of their own, one keystroke after the other: the same
 * keys in every system, whatever others type meanwhile. So what the text has to be in the end is known. Pure.
 */
import { KnobDocument } from './document.ts';

/** One key: `removed` characters after the line's column `col` give way to `insert`. */
export interface Keystroke {
  col: number;
  removed: number;
  insert: string;
}

/** A line is filled up to here; then words are taken out as often as they are put in. */
const LINE_CHARS = 60;
const LONGEST_WORD = 8;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** One person's line. They type a word or delete one, go to another place in the line, and so on. */
export class TypedLine {
  #text = '';
  #col = 0;
  #left = 0;
  #isDeleting = false;
  #random: number;

  /** @param who tells the people of one room apart. */
  constructor(who: number) {
    this.#random = who + 1;
  }

  get text(): string {
    return this.#text;
  }

  /** Presses the next key. */
  next(): Keystroke {
    if (this.#left === 0 || (this.#isDeleting && this.#col === 0)) this.#goElsewhere();
    this.#left -= 1;
    const key: Keystroke = this.#isDeleting
      ? { col: this.#col - 1, removed: 1, insert: '' }
      : { col: this.#col, removed: 0, insert: LETTERS[this.#below(LETTERS.length)] ?? '' };
    this.#text = this.#text.slice(0, key.col) + key.insert + this.#text.slice(key.col + key.removed);
    this.#col = key.col + key.insert.length;
    return key;
  }

  #goElsewhere(): void {
    this.#col = this.#below(this.#text.length + 1);
    this.#left = 1 + this.#below(LONGEST_WORD);
    this.#isDeleting = this.#col > 0 && this.#below(LINE_CHARS) < this.#text.length;
  }

  /** A number from 0 below `end`; the generator is that of Numerical Recipes. */
  #below(end: number): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#random / 2 ** 32) * end);
  }
}

/** The text that they share: their lines are in its middle, empty at first. */
export class SharedText {
  readonly #before: string;
  readonly #after: string;
  readonly #people: number;

  /** @param bytes its size before anybody types. */
  constructor(bytes: number, people: number) {
    const text = new KnobDocument(Math.max(0, bytes - people), 0).text(0);
    const middle = text.indexOf('\n', text.length / 2);
    this.#before = text.slice(0, middle + 1);
    this.#after = text.slice(middle + 1);
    this.#people = people;
  }

  /** Where the first line begins. */
  get linesAt(): number {
    return this.#before.length;
  }

  /** The number of a person's line, from 1. */
  lineOf(who: number): number {
    return this.#before.split('\n').length + who;
  }

  /** @param lines what each person's holds; an empty one for those that aren't given. */
  with(lines: readonly string[]): string {
    const all = Array.from({ length: this.#people }, (_, who) => lines[who] ?? '');
    return `${this.#before}${all.join('\n')}\n${this.#after}`;
  }
}
