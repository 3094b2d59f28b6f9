/** What sounds at a moment, by its places in the code. */
import type { Hap } from '@strudel/core';
import { MAX_PLACES, type Place } from '../protocol/player.ts';

/** Often enough for the eye; more would only cost. */
export const SOUNDING_INTERVAL_MS = 33;

export class Sounding {
  #haps: { beginCycle: number; endCycle: number; places: Place[] }[] = [];
  #said = '[]';

  /** Notes an event that will sound. */
  add(hap: Hap): void {
    const places = hap.context.locations ?? [];
    if (!hap.whole || places.length === 0) return;
    this.#haps.push({
      beginCycle: hap.whole.begin.valueOf(),
      endCycle: hap.endClipped.valueOf(),
      places: places.map(({ start, end }) => ({ start, end })),
    });
  }

  /** @returns the places of what sounds at `cycle`; null when they are the same as the last time */
  changeAt(cycle: number): Place[] | null {
    this.#haps = this.#haps.filter(({ endCycle }) => endCycle > cycle);
    const places = new Map<string, Place>();
    for (const hap of this.#haps) {
      if (hap.beginCycle > cycle) continue;
      for (const place of hap.places) places.set(`${place.start}-${place.end}`, place);
    }
    const found = [...places.values()].sort((a, b) => a.start - b.start || a.end - b.end);
    const said = JSON.stringify(found.slice(0, MAX_PLACES));
    if (said === this.#said) return null;
    this.#said = said;
    return found.slice(0, MAX_PLACES);
  }

  /** Nothing sounds any more. @returns whether anything was said to */
  clear(): boolean {
    this.#haps = [];
    const wasSounding = this.#said !== '[]';
    this.#said = '[]';
    return wasSounding;
  }
}
