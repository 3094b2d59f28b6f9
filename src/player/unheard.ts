/** Of the sounds of one evaluation, those that aren't heard, and why. Pure: no clock, no sound. */
import { MAX_UNHEARD, MAX_UNHEARD_PLACES, type Place, type Unheard } from '../protocol/player.ts';

/** What is loaded in less time than this isn't told. */
const LOADING_TOLD_MS = 1_000;

/** What an event asks for. */
export interface SoundUse {
  /** The same for the same sound: one of its samples that fails says nothing of the others. */
  key: string;
  /** As people know it: `bd`, `bd:3`. */
  label: string;
  places: readonly Place[];
}

export type Trouble = Pick<Unheard, 'kind' | 'message'>;

interface Entry {
  label: string;
  /** By where they begin and end. */
  places: Map<string, Place>;
  sinceMs: number;
  /** Null while it is on its way. */
  trouble: Trouble | null;
}

export class UnheardSounds {
  readonly #entries = new Map<string, Entry>();
  #said = '[]';

  /** An event's sound is on its way. @returns false when there are too many to follow */
  ask({ key, label, places }: SoundUse, nowMs: number): boolean {
    const known = this.#entries.get(key);
    if (!known && this.#entries.size >= MAX_UNHEARD) return false;
    const entry = known ?? { label, places: new Map(), sinceMs: nowMs, trouble: null };
    this.#entries.set(key, entry);
    for (const { start, end } of places) {
      if (entry.places.size < MAX_UNHEARD_PLACES) entry.places.set(`${start}-${end}`, { start, end });
    }
    return true;
  }

  /** It is heard, or will be the next time. What is written wrongly stays told: only some events have it. */
  hear(key: string): void {
    if (this.#entries.get(key)?.trouble?.kind !== 'failed') this.#entries.delete(key);
  }

  fail(key: string, trouble: Trouble): void {
    const entry = this.#entries.get(key);
    if (entry) entry.trouble = trouble;
  }

  /** @returns all that isn't heard; null when it is the same as the last time */
  changeAt(nowMs: number): Unheard[] | null {
    if (this.#entries.size === 0 && this.#said === '[]') return null;
    // Samples of one sound that have the same trouble are said once.
    const told = new Map<string, Unheard>();
    for (const { label, places, sinceMs, trouble } of this.#entries.values()) {
      if (!trouble && nowMs - sinceMs < LOADING_TOLD_MS) continue;
      const { kind, message } = trouble ?? { kind: 'loading', message: `Loading “${label}”…` };
      const same = told.get(message)?.places ?? [];
      const all = new Map([...same, ...places.values()].map((place) => [`${place.start}`, place]));
      const inOrder = [...all.values()].sort((a, b) => a.start - b.start);
      told.set(message, { kind, message, places: inOrder.slice(0, MAX_UNHEARD_PLACES) });
    }
    const list = [...told.values()];
    const said = JSON.stringify(list);
    if (said === this.#said) return null;
    this.#said = said;
    return list;
  }
}
