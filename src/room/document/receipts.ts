/** Which of its clients' edits a document contains, bounded. */
import type { EditReceipt, EditReceipts } from '../../domain/receipts.ts';

/** Clients whose receipts are kept. */
const MAX_CLIENTS = 200;
/** How long a client may stay away and still be known. */
const MAX_AGE_MS = 30 * 86_400_000;
/**
 * Request ids kept of a client that doesn't count its edits; no client has so many unacknowledged at once.
 */
const MAX_REQUEST_IDS = 32;

/**
 * By what a client names an edit, so that it may send it again. One that has neither is an edit each time.
 */
export interface EditName {
  clientSeq?: number | undefined;
  requestId?: string | undefined;
}

/** An edit that was accepted, and the revision that it got. */
export interface AcceptedEdit extends EditName {
  rev: number;
}

export class Receipts {
  /** In the order of use: the first is of the client that has been quiet longest. */
  readonly #byKey: Map<string, EditReceipt>;
  readonly #changed = new Set<string>();
  /**
   * None was ever forgotten, as far as can be told: a client without a receipt has no edit in the document.
   */
  #isComplete: boolean;

  constructor(receipts: EditReceipts, nowMs: number) {
    const entries = Object.entries(receipts).sort(([, a], [, b]) => a.atMs - b.atMs);
    this.#byKey = new Map(entries.filter(([, { atMs }]) => atMs > nowMs - MAX_AGE_MS));
    for (const [key] of entries) if (!this.#byKey.has(key)) this.#changed.add(key);
    this.#isComplete = entries.length < MAX_CLIENTS && this.#byKey.size === entries.length;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  find(key: string): EditReceipt | undefined {
    return this.#byKey.get(key);
  }

  /** Whether the document contains the edit already. */
  has(key: string, { clientSeq, requestId }: EditName): boolean {
    const receipt = this.#byKey.get(key);
    if (!receipt) return false;
    if (clientSeq !== undefined) return clientSeq <= receipt.clientSeq;
    return requestId !== undefined && receipt.requestIds.includes(requestId);
  }

  /** @param rev the revision that the edit got. */
  add(key: string, { clientSeq, requestId }: EditName, rev: number, atMs: number): void {
    if (clientSeq === undefined && requestId === undefined) return;
    const known = this.#byKey.get(key) ?? { clientSeq: 0, requestIds: [] };
    this.#byKey.delete(key);
    this.#byKey.set(
      key,
      clientSeq === undefined
        ? { ...known, requestIds: [...known.requestIds, requestId ?? ''].slice(-MAX_REQUEST_IDS), rev, atMs }
        : { ...known, clientSeq, rev, atMs },
    );
    this.#changed.add(key);
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size <= MAX_CLIENTS || oldest === undefined) return;
    this.#byKey.delete(oldest);
    this.#changed.add(oldest);
    this.#isComplete = false;
  }

  all(): EditReceipts {
    return Object.fromEntries(this.#byKey);
  }

  /** Those that have changed since they were last marked as stored; null where one is forgotten. */
  changed(): Record<string, EditReceipt | null> {
    return Object.fromEntries([...this.#changed].map((key) => [key, this.#byKey.get(key) ?? null]));
  }

  /** These are stored as they were: what has changed again since is still to be stored. */
  stored(receipts: Readonly<Record<string, EditReceipt | null>>): void {
    for (const [key, receipt] of Object.entries(receipts)) {
      if ((this.#byKey.get(key) ?? null) === receipt) this.#changed.delete(key);
    }
  }
}
