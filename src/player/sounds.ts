/**
 * The sounds that there are: synths, a kit that needs no network, and Strudel's usual sample maps, which are
 * loaded in the background. Without a network the kit stays. It knows why a sound isn't heard.
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
import { describeStatus, describeUnreachable, FailedSamples } from './failed-samples.ts';
import { messageOf } from './failure.ts';
import { KIT_NAMES, kitSamples, wavFile } from './kit.ts';
import { fullName, type NamedUse, sampleOf } from './sound-use.ts';
import type { Trouble } from './unheard.ts';
import { describeUnknown } from './unknown-sound.ts';

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
const MAX_LOADING_MS = 30_000;
/** Maps that couldn't be loaded are asked for again at an evaluation, at most so often. */
const RETRY_MS = 10_000;

const KIT_TAG = 'kit';

export class Sounds {
  /** Maps that aren't here. */
  #missing = SAMPLE_MAPS;
  /** Why, as a sentence, of those that couldn't be loaded. */
  #whyMissing: string | null = null;
  #loading: Promise<void> | null = null;
  #triedAtMs = 0;
  /** The addresses of the kit's sounds. */
  readonly #kitUrls = new Map<string, string>();
  /** Those that the kit stands in for. */
  readonly #stoodIn = new Set<Sound | undefined>();
  readonly #failed = new FailedSamples();

  constructor() {
    registerSynthSounds();
    registerZZFXSounds();
    soundAlias('white', 'noise');
    for (const name of KIT_NAMES) this.#registerKitSound(name);
  }

  /** Decodes the kit, so that the first beat sounds. */
  async prepareKit(): Promise<void> {
    const context = getAudioContext();
    await Promise.all([...this.#kitUrls].map(([name, url]) => loadBuffer(url, context, name)));
  }

  /** Loads the sample maps that aren't here yet. What can't be loaded is left out. */
  load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** @returns whether maps are missing, and it is time to ask for them again */
  get isToLoadAgain(): boolean {
    return !this.#loading && this.#missing.length > 0 && Date.now() - this.#triedAtMs >= RETRY_MS;
  }

  /**
   * Why a sound isn't heard that the synthesizer has failed to make. It waits for what is being loaded.
   * @param value the event's
   * @returns null: it is there now, and will be heard the next time
   */
  async explain(use: NamedUse, value: unknown, error: unknown): Promise<Trouble | null> {
    const name = fullName(use.sound, use.bank);
    if (name !== null && !getSound(name))
      return await this.#explainUnknown(use.sound ?? name, use.bank, name);
    const { reverb } = use;
    if (reverb !== null && !getSound(reverb)) return await this.#explainUnknown(reverb, null, reverb);
    const sample = name === null ? null : sampleOf(name, value as Record<string, unknown>);
    if (sample && isUnloaded(sample.url, error)) {
      const reason = await this.#failed.explain(sample.url, sample.bank);
      return reason === null ? null : notLoaded(use.label, reason);
    }
    if (reverb !== null && isLoadingError(error)) return notLoaded(reverb, describeUnreachable());
    const about = use.sound === null ? 'This isn’t heard' : `“${use.label}” isn’t heard`;
    return { kind: 'failed', message: `${about}: ${messageOf(error)}` };
  }

  async #explainUnknown(sound: string, bank: string | null, name: string): Promise<Trouble | null> {
    await this.#loading;
    if (getSound(name)) return null;
    const names = Object.keys(soundMap.get());
    const message = describeUnknown({ sound, bank, names, missing: this.#whyMissing });
    return { kind: 'unknown', message };
  }

  async #load(): Promise<void> {
    this.#triedAtMs = Date.now();
    const asked = this.#missing;
    const results = await Promise.allSettled(
      asked.map(async ({ map, folder, ...options }) =>
        samples(await readJson(map), `${SAMPLES_URL}/${folder}/`, { prebake: true, ...options }),
      ),
    );
    this.#missing = asked.filter((_, index) => results[index]?.status === 'rejected');
    const failure = results.find((result) => result.status === 'rejected');
    this.#whyMissing = failure ? messageOf(failure.reason) : null;
    if (this.#missing.length < asked.length) {
      await readJson(ALIASES)
        .then(aliasBank)
        .catch(() => {});
    }
    for (const name of KIT_NAMES) this.#keepUntilLoaded(name);
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
    if (this.#stoodIn.has(theirs)) return;
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
    this.#stoodIn.add(getSound(name));
  }
}

/**
 * Strudel's own functions for this write each failure to the console.
 * @throws an error whose message is a sentence for people
 */
async function readJson(name: string): Promise<Record<string, unknown>> {
  const signal = AbortSignal.timeout(MAX_LOADING_MS);
  const response = await fetch(`${SAMPLES_URL}/${name}.json`, { signal }).catch(() => {
    throw new Error(describeUnreachable());
  });
  if (!response.ok) throw new Error(describeStatus(response.status));
  const map = sampleMapSchema.safeParse(await response.json().catch(() => null));
  if (!map.success) throw new Error('The server sent something else.');
  return map.data;
}

const notLoaded = (label: string, reason: string): Trouble => ({
  kind: 'not_loaded',
  message: `“${label}” isn’t heard: it couldn’t be loaded. ${reason}`,
});

/** What the synthesizer says of a sample that it couldn't load depends on the browser. */
const isUnloaded = (url: string, error: unknown) =>
  isLoadingError(error) && !getLoadedBuffer(url.replaceAll('#', '%23'));

const isLoadingError = (error: unknown) =>
  (error instanceof DOMException && error.name === 'EncodingError') ||
  (error instanceof TypeError && /fetch|network|load failed/i.test(error.message));

const sampleMapSchema = z.record(z.string(), z.unknown());

function nameOf(name: string, { data }: Sound): SoundName {
  const { type, samples: list, tables, tag } = data;
  const bank = list ?? tables;
  if (type !== 'sample' && type !== 'wavetable') return { name, kind: 'synth', variations: 1 };
  const variations = Array.isArray(bank) ? bank.length : Object.values(bank ?? {}).flat().length;
  return { name, kind: tag === KIT_TAG ? 'kit' : 'sample', variations: Math.max(1, variations) };
}
