/** Which sound an event asks for, and where in the code. */
import type { Hap } from '@strudel/core';
import { getSampleInfo, getSound, type SampleBank } from 'superdough';
import type { Place } from '../protocol/player.ts';
import type { SoundUse } from './unheard.ts';

export interface NamedUse extends SoundUse {
  /** As it is written, without its bank; null where the event names none. */
  sound: string | null;
  bank: string | null;
  /** The recording that its reverb is made from. */
  reverb: string | null;
}

export interface Sample {
  url: string;
  /** Which one of its sound it is. */
  index: number;
  bank: SampleBank;
}

/** @param value an event's, as it was before the synthesizer had it */
export function useOf(value: unknown, hap: Hap | null, code: string): NamedUse {
  const { s, bank: written, ir } = (typeof value === 'object' && value !== null ? value : {}) as Value;
  const sound = typeof s === 'string' ? s : null;
  const bank = sound !== null && typeof written === 'string' && written !== '' ? written : null;
  const reverb = typeof ir === 'string' ? ir : null;
  const name = fullName(sound, bank);
  const sample = name === null ? null : sampleOf(name, value as Record<string, unknown>);
  const variation = sample && sample.index > 0 && Array.isArray(sample.bank) ? `:${sample.index}` : '';
  const label = `${name ?? 'the synthesizer'}${variation}`;
  return {
    key: [label, sample?.url, reverb].join('\n'),
    label,
    sound,
    bank,
    reverb,
    places: placesOf(hap, [sound, written, reverb], code),
  };
}

interface Value {
  s?: unknown;
  bank?: unknown;
  ir?: unknown;
}

/** What the synthesizer looks up. */
export const fullName = (sound: string | null, bank: string | null): string | null =>
  sound === null || bank === null ? sound : `${bank}_${sound}`;

/** @returns null for what isn't a sample, or not known */
export function sampleOf(name: string, value: Record<string, unknown>): Sample | null {
  const { samples, tables } = getSound(name)?.data ?? {};
  const bank = samples ?? tables;
  if (!bank) return null;
  try {
    const { url, index } = getSampleInfo(value, bank);
    return { url, index, bank };
  } catch {
    // The synthesizer fails by the same, and says so.
    return null;
  }
}

/** An event has places of notes and effects, too: those of the sound's name, if they are among them. */
function placesOf(hap: Hap | null, names: readonly unknown[], code: string): Place[] {
  const places = hap?.context.locations ?? [];
  const isName = ({ start, end }: Place) => names.includes(/^[^:?!@*/\s]+/.exec(code.slice(start, end))?.[0]);
  const found = places.filter(isName);
  return (found.length > 0 ? found : places.slice(0, 1)).map(({ start, end }) => ({ start, end }));
}
