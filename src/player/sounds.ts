/**
 * The sounds that there are: synths, a kit that needs no network, and Strudel's usual sample maps, which are
 * loaded in the background. Without a network the kit stays.
 */
import {
  aliasBank,
  getAudioContext,
  getLoadedBuffer,
  getSampleInfo,
  getSound,
  loadBuffer,
  registerSound,
  registerSynthSounds,
  registerZZFXSounds,
  type Sound,
  samples,
  soundAlias,
  soundMap,
} from 'superdough';
import * as z from 'zod';
import type { SoundName } from '../protocol/player.ts';
import { KIT_NAMES, kitSamples, wavFile } from './kit.ts';

/** Where strudel.cc has its sample maps, with what each one's samples are below. */
const SAMPLES_URL = 'https://strudel.b-cdn.net';
const SAMPLE_MAPS = [
  { map: 'uzu-drumkit', folder: 'uzu-drumkit', tag: 'drum-machines' },
  { map: 'tidal-drum-machines', folder: 'tidal-drum-machines/machines', tag: 'drum-machines' },
  { map: 'piano', folder: 'piano' },
  { map: 'vcsl', folder: 'VCSL' },
  { map: 'mridangam', folder: 'mrid', tag: 'drum-machines' },
  { map: 'uzu-wavetables', folder: 'uzu-wavetables' },
];
const ALIASES = 'tidal-drum-machines-alias';

const KIT_TAG = 'kit';

export class Sounds {
  #isLoading = true;
  /** The addresses of the kit's sounds. */
  readonly #kitUrls = new Map<string, string>();

  constructor() {
    registerSynthSounds();
    registerZZFXSounds();
    soundAlias('white', 'noise');
    for (const name of KIT_NAMES) this.#registerKitSound(name);
  }

  /** Whether sounds that aren't known yet may still come. */
  get isLoading(): boolean {
    return this.#isLoading;
  }

  /** Decodes the kit, so that the first beat sounds. */
  async prepareKit(): Promise<void> {
    const context = getAudioContext();
    await Promise.all([...this.#kitUrls].map(([name, url]) => loadBuffer(url, context, name)));
  }

  /** Loads the sample maps. What can't be loaded is left out. */
  async load(): Promise<void> {
    const maps = SAMPLE_MAPS.map(async ({ map, folder, ...options }) =>
      samples(await sampleMap(map), `${SAMPLES_URL}/${folder}/`, { prebake: true, ...options }),
    );
    const results = await Promise.allSettled(maps);
    if (results.some(({ status }) => status === 'fulfilled')) {
      await aliasBank(`${SAMPLES_URL}/${ALIASES}.json`).catch(() => {});
    }
    for (const name of KIT_NAMES) this.#keepUntilLoaded(name);
    this.#isLoading = false;
  }

  names(): SoundName[] {
    /** An alias is the same object under a name that came later. */
    const firstNames = new Map<Sound, string>();
    return Object.entries(soundMap.get())
      .flatMap(([name, sound]) => {
        if (!sound) return [];
        const first = firstNames.get(sound);
        if (first === undefined) firstNames.set(sound, name);
        return [{ ...nameOf(name, sound), ...(first !== undefined && { alias_of: first }) }];
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #registerKitSound(name: string): void {
    const file = wavFile(kitSamples(name) ?? new Float32Array(1));
    const url = URL.createObjectURL(new Blob([file], { type: 'audio/wav' }));
    this.#kitUrls.set(name, url);
    // Registered as a sample, the kit has all controls of one: speed, begin, end, cut, loop.
    void samples({ [name]: [url] }, '', { prebake: true, tag: KIT_TAG });
  }

  /**
   * A sample map has a sound of a kit's name, too. Its samples come over the network, one by one when they
   * are first played: until then the kit sounds, so that no beat is missing.
   */
  #keepUntilLoaded(name: string): void {
    const theirs = getSound(name);
    const url = this.#kitUrls.get(name);
    if (!theirs?.data.samples || theirs.data.tag === KIT_TAG || url === undefined) return;
    const bank = theirs.data.samples;
    void samples({ [name]: [url] }, '');
    const own = getSound(name);
    if (!own) return;
    registerSound(
      name,
      (time, value, ended) => {
        const info = getSampleInfo(value, bank);
        if (getLoadedBuffer(info.url)) return theirs.onTrigger(time, value, ended);
        void loadBuffer(info.url, getAudioContext(), name).catch(() => {});
        return own.onTrigger(time, { ...value, n: 0 }, ended);
      },
      theirs.data,
    );
  }
}

/** Strudel's own function for this writes each failure to the console. */
async function sampleMap(name: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${SAMPLES_URL}/${name}.json`);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return sampleMapSchema.parse(await response.json());
}

const sampleMapSchema = z.record(z.string(), z.unknown());

function nameOf(name: string, { data }: Sound): SoundName {
  const { type, samples: bank, tag } = data;
  if (type !== 'sample' && type !== 'wavetable') return { name, kind: 'synth', variations: 1 };
  const variations = Array.isArray(bank) ? bank.length : Object.values(bank ?? {}).flat().length;
  return { name, kind: tag === KIT_TAG ? 'kit' : 'sample', variations: Math.max(1, variations) };
}
