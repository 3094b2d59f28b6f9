/**
 * Samples that couldn't be loaded: why, and again later. The synthesizer asks for a sample once; what failed
 * then fails for good. Here it is asked for again, and put in its place when it comes.
 */
import { getAudioContext, type SampleBank } from 'superdough';

/** A sample that failed is asked for again after so long, when it is next played. */
const RETRY_MS = 5_000;
const MAX_LOADING_MS = 30_000;

export const OFFLINE = 'This device is offline.';
const UNREACHABLE = 'The server can’t be reached, or doesn’t let this page load from it.';

interface Failure {
  atMs: number;
  reason: Promise<string | null>;
}

export class FailedSamples {
  readonly #failures = new Map<string, Failure>();

  /**
   * @param bank where the synthesizer finds the sample's address
   * @returns why it couldn't be loaded, as a sentence; null: it is here now
   */
  explain(url: string, bank: SampleBank): Promise<string | null> {
    const known = this.#failures.get(url);
    if (known && Date.now() - known.atMs < RETRY_MS) return known.reason;
    const reason = loadAgain(url, bank);
    this.#failures.set(url, { atMs: Date.now(), reason });
    return reason;
  }
}

async function loadAgain(url: string, bank: SampleBank): Promise<string | null> {
  let file: Blob;
  try {
    const response = await fetch(url.replaceAll('#', '%23'), { signal: AbortSignal.timeout(MAX_LOADING_MS) });
    if (!response.ok) return describeStatus(response.status);
    file = await response.blob();
  } catch {
    return describeUnreachable();
  }
  try {
    await getAudioContext().decodeAudioData(await file.arrayBuffer());
  } catch {
    return 'The file isn’t a sound that this browser can read.';
  }
  replaceIn(bank, url, URL.createObjectURL(file));
  return null;
}

export const describeStatus = (status: number) =>
  `The server ${status === 404 ? 'doesn’t have it' : 'refuses it'} (${status}).`;

export const describeUnreachable = () => (navigator.onLine ? UNREACHABLE : OFFLINE);

/** Changes the lists themselves, which the synthesizer has too. */
function replaceIn(bank: SampleBank, from: string, to: string): void {
  for (const list of Array.isArray(bank) ? [bank] : Object.values(bank)) {
    for (const [index, url] of list.entries()) if (url === from) list[index] = to;
  }
}
