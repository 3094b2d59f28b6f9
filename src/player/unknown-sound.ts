/** What is said of a sound that there isn't. Pure. */
import { nearestName } from './nearest-name.ts';

/** How many sounds of a bank are named. */
const MAX_LISTED = 10;

export interface Unknown {
  /** As it is written, without its bank. */
  sound: string;
  bank: string | null;
  /** All that are known, in small letters: `bd`, `rolandtr909_bd`. */
  names: readonly string[];
  /** Why Strudel's usual sounds aren't among them, as a sentence; null when they are. */
  missing: string | null;
}

export function describeUnknown({ sound, bank, names, missing }: Unknown): string {
  if (missing !== null) {
    const full = bank === null ? sound : `${bank}_${sound}`;
    const nearest = nearestName(full, names);
    return nearest === null
      ? `“${full}” isn’t heard: Strudel’s usual sounds couldn’t be loaded. ${missing}`
      : `“${full}” isn’t heard.${suggestion(nearest)} Or it is one of Strudel’s usual sounds, which couldn’t be loaded. ${missing}`;
  }
  if (bank !== null) return describeInBank(sound, bank, names);
  if (/^gm_/i.test(sound)) {
    return `“${sound}” isn’t heard: this player has no instruments of General MIDI (gm_…).`;
  }
  return `There is no sound “${sound}”.${suggestion(nearestName(sound, names))}`;
}

function describeInBank(sound: string, bank: string, names: readonly string[]): string {
  const prefix = `${bank.toLowerCase()}_`;
  const inBank = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  if (inBank.length === 0) {
    const banks = new Set(names.flatMap((name) => /^(.+)_[^_]+$/.exec(name)?.[1] ?? []));
    return `There is no bank “${bank}”.${suggestion(nearestName(bank, banks))}`;
  }
  const nearest = nearestName(sound, inBank);
  const others = ` It has ${inBank.slice(0, MAX_LISTED).join(', ')}${inBank.length > MAX_LISTED ? ' …' : '.'}`;
  return `The bank “${bank}” has no sound “${sound}”.${nearest === null ? others : suggestion(nearest)}`;
}

const suggestion = (name: string | null) => (name === null ? '' : ` Did you mean “${name}”?`);
