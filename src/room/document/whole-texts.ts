/**
 * What a whole text changes. It says neither that nor, often, which text its author changed. That was the
 * last one that came from them, unless they have been sent another since; then it was one of those. Most
 * likely it was the one that it differs least from, though not the very same: nobody sends what they didn't
 * change.
 */
import type { ChangeSet, Text } from '@codemirror/state';
import { canMoveBehind, difference, simpleDifference, textOf } from '../../merging/index.ts';
import { textChange } from '../../protocol/text-change.ts';
import type { RecentChanges, Unseen } from './recent-changes.ts';

/** How long what the room sends, and what is sent back, may be on the way together. */
const IN_TRANSIT_MS = 10_000;
/** Characters of earlier texts that are looked through for the one that a whole text was made of. */
const MAX_COMPARED_CHARS = 2_000_000;
/** Of two edits of one size that one is more likely that puts text in. */
const REMOVED_WEIGHT = 1.5;

interface WholeText {
  connectionId: string;
  /** With lines that end with `\n`. */
  code: string;
  /** The newest revision that its author had heard of, if they say so. */
  baseRev: number | undefined;
  /** When it came, in milliseconds by the room's clock. */
  atMs: number;
}

/** A text that a whole text may have been made of. */
interface Base {
  text: Text;
  code: string;
  /** What was taken since, as it is after its author's own edits. */
  unseen: Unseen[];
  /** The newest revision that its author had heard of then. */
  heardRev: number;
}

export class WholeTexts {
  readonly #recent: RecentChanges;
  /** By connection: the last text that came from it. */
  readonly #last = new Map<string, { text: Text; heardRev: number }>();
  /** By connection: the revision at which it was sent the whole text. */
  readonly #startedAt = new Map<string, number>();

  constructor(recent: RecentChanges) {
    this.#recent = recent;
  }

  /** @param now the newest text, also as one string, and its revision. */
  read(
    { connectionId, code, baseRev, atMs }: WholeText,
    now: { text: Text; code: string; rev: number },
  ): { sent: ChangeSet; unseen: Unseen[]; heardRev: number } {
    const last = this.#last.get(connectionId);
    const own = last && this.#recent.inFlightOf(connectionId);
    const fromLast = own && {
      text: last.text,
      code: last.text === now.text ? now.code : last.text.toString(),
      unseen: own.unseen,
      heardRev: last.heardRev,
    };
    const bases: Base[] = [];
    if (baseRev !== undefined && this.#recent.since(baseRev)) {
      if (!fromLast || baseRev > fromLast.heardRev) bases.push(...this.#textAt(baseRev, now));
      // Who has heard of their last edit goes on from what they heard.
      if (fromLast && baseRev < own.lastRev) bases.push(fromLast);
    } else {
      bases.push(...this.#textAt(now.rev, now));
      // An author who types alone goes on from the newest text, which is their last one.
      if (fromLast?.text !== now.text) {
        const heardRev = fromLast ? fromLast.heardRev + 1 : (this.#startedAt.get(connectionId) ?? now.rev);
        const typedOnRev = this.#typedOnRev(code, heardRev, now.text, atMs);
        if (typedOnRev !== null) bases.push(...this.#textAt(typedOnRev, now));
        if (fromLast) bases.push(fromLast);
      }
    }
    const text = once(() => textOf(code));
    const readings = bases.map((base) => ({
      ...base,
      sent: simpleDifference(base.code, code) ?? difference(base.text, text()),
    }));
    const changed = readings.filter(({ sent }) => !sent.empty);
    const [first, ...others] = changed.length > 0 ? changed : readings;
    if (!first) throw new Error('there is always a base');
    const best = others.reduce((a, b) => (weightOf(b.sent) < weightOf(a.sent) ? b : a), first);
    return canMoveBehind(best.sent, best.unseen)
      ? best
      : { ...best, sent: difference(best.text, text(), 'lines') };
  }

  /** The connection's text was taken. @param heardRev as {@link WholeTexts.read} said. */
  took(connectionId: string, text: Text, heardRev: number): void {
    this.#last.set(connectionId, { text, heardRev });
  }

  /** The connection is sent the whole text at this revision. */
  startsAt(connectionId: string, rev: number): void {
    this.#last.delete(connectionId);
    this.#startedAt.set(connectionId, rev);
  }

  /** The connection is gone. */
  forget(connectionId: string): void {
    this.#last.delete(connectionId);
    this.#startedAt.delete(connectionId);
  }

  /** The text at a revision; empty when that isn't known any more. */
  #textAt(rev: number, now: { text: Text; code: string }): Base[] {
    const text = this.#recent.textAt(rev, now.text);
    const unseen = this.#recent.allAfter(rev);
    const code = text === now.text ? now.code : text?.toString();
    return text && code !== undefined && unseen ? [{ text, code, unseen, heardRev: rev }] : [];
  }

  /**
   * What was sent a moment ago may not have arrived when a text was written. But that counts only where it
   * looks like typing on an earlier one: else it couldn't be told from another text, which replaces the
   * newest.
   * @param fromRev the author has heard of this one at least.
   * @returns the revision of the earlier text with the least typed on it, if there is one.
   */
  #typedOnRev(after: string, fromRev: number, now: Text, nowMs: number): number | null {
    let least = Number.POSITIVE_INFINITY;
    let best: number | null = null;
    let compared = 0;
    for (const { rev, text } of this.#recent.textsBefore(now, nowMs - IN_TRANSIT_MS)) {
      compared += text.length;
      if (rev < fromRev || compared > MAX_COMPARED_CHARS) break;
      const weight = weightOfTyping(text.toString(), after);
      if (weight >= least) continue;
      least = weight;
      best = rev;
    }
    return best;
  }
}

/**
 * How much typing in one place makes another text of one; infinite when more was done, or nothing, or when
 * the texts have little in common.
 */
function weightOfTyping(before: string, after: string): number {
  const change = textChange(before, after);
  if (!change) return Number.POSITIVE_INFINITY;
  const [removed, added] = [change.to - change.from, change.insert.length];
  const isTyping = (removed === 0 || added === 0) && removed + added <= Math.min(before.length, after.length);
  return isTyping ? weigh(removed, added) : Number.POSITIVE_INFINITY;
}

/** Makes it when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function weightOf(change: ChangeSet): number {
  let weight = 0;
  change.iterChanges((fromA, toA, fromB, toB) => {
    weight += weigh(toA - fromA, toB - fromB);
  });
  return weight;
}

/** @returns how much was changed, by the characters taken out and put in. */
function weigh(removed: number, added: number): number {
  return removed * REMOVED_WEIGHT + added;
}
