/** What a room has accepted and not yet committed. Pure. */
import type { Commit, EditReceipt, SessionMessage } from '../sessions/types.ts';

/** Receipts kept for one connection; more edits than that are never unacknowledged at once. */
const RECEIPTS_PER_CONNECTION = 64;
/** Connections whose receipts are kept; older ones have long been acknowledged or are gone. */
const CONNECTIONS_WITH_RECEIPTS = 64;

export type PendingCode = NonNullable<Commit['code']>;

/** One batch: the newest code, all new messages, and who waits for it. */
export interface Batch {
  code: PendingCode | null;
  messages: SessionMessage[];
  /** By connection id: the newest edit of it in the batch. */
  edits: Map<string, { rev: number; requestId: string | undefined }>;
  /** By message id: the connection that sent it. */
  senders: Map<string, string>;
}

export function emptyBatch(): Batch {
  return { code: null, messages: [], edits: new Map(), senders: new Map() };
}

export function isEmpty(batch: Batch): boolean {
  return batch.code === null && batch.messages.length === 0;
}

/** A batch that wasn't confirmed, joined by what has come since: the newest code, all messages, everybody who waits. */
export function joinBatches(earlier: Batch, later: Batch): Batch {
  const ids = new Set(earlier.messages.map((message) => message.id));
  return {
    code:
      earlier.code && later.code
        ? { ...later.code, edits: earlier.code.edits + later.code.edits }
        : (later.code ?? earlier.code),
    messages: [...earlier.messages, ...later.messages.filter((message) => !ids.has(message.id))],
    edits: new Map([...earlier.edits, ...later.edits]),
    senders: new Map([...earlier.senders, ...later.senders]),
  };
}

/** The edits that connections made lately, bounded. */
export class Receipts {
  /** Kept in the order of use: the first key is the connection that has been quiet longest. */
  readonly #byConnection: Map<string, EditReceipt[]>;
  #forgotten: string[] = [];

  constructor(receipts: Readonly<Record<string, EditReceipt[]>>) {
    this.#byConnection = new Map(Object.entries(receipts));
  }

  find(connectionId: string, requestId: string): EditReceipt | undefined {
    return this.#byConnection.get(connectionId)?.find((receipt) => receipt.requestId === requestId);
  }

  add(connectionId: string, receipt: EditReceipt): void {
    const list = this.#byConnection.get(connectionId) ?? [];
    list.push(receipt);
    if (list.length > RECEIPTS_PER_CONNECTION) list.shift();
    this.#byConnection.delete(connectionId);
    this.#byConnection.set(connectionId, list);
    const oldest = this.#byConnection.keys().next().value;
    if (this.#byConnection.size > CONNECTIONS_WITH_RECEIPTS && oldest !== undefined) {
      this.#byConnection.delete(oldest);
      this.#forgotten.push(oldest);
    }
  }

  /**
   * What a commit has to store: the receipts of these connections, and empty lists for those forgotten since the last
   * time. Only receipts after `sinceRev` are needed: a client has the acknowledgement of anything older.
   */
  forCommit(connectionIds: Iterable<string>, sinceRev: number): Record<string, EditReceipt[]> {
    const receipts: Record<string, EditReceipt[]> = Object.fromEntries(
      this.#forgotten.filter((id) => !this.#byConnection.has(id)).map((id) => [id, []]),
    );
    this.#forgotten = [];
    for (const id of connectionIds) {
      const list = this.#byConnection.get(id)?.filter(({ rev }) => rev > sinceRev);
      if (list && list.length > 0) receipts[id] = list;
    }
    return receipts;
  }
}
