/** What a room has accepted and not yet committed. Pure. */
import type { Commit, EditReceipt, SessionMessage } from '../../domain/types.ts';

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
  /** Revisions by request id, oldest first; kept in the order of use: the first key is the connection that has been quiet longest. */
  readonly #byConnection = new Map<string, Map<string, number>>();
  #forgotten: string[] = [];

  constructor(receipts: Readonly<Record<string, EditReceipt[]>>) {
    for (const [connectionId, list] of Object.entries(receipts)) {
      this.#byConnection.set(connectionId, new Map(list.map(({ requestId, rev }) => [requestId, rev])));
    }
  }

  find(connectionId: string, requestId: string): EditReceipt | undefined {
    const rev = this.#byConnection.get(connectionId)?.get(requestId);
    return rev === undefined ? undefined : { requestId, rev };
  }

  add(connectionId: string, { requestId, rev }: EditReceipt): void {
    const revs = this.#byConnection.get(connectionId) ?? new Map<string, number>();
    revs.set(requestId, rev);
    if (revs.size > RECEIPTS_PER_CONNECTION) deleteFirst(revs);
    this.#byConnection.delete(connectionId);
    this.#byConnection.set(connectionId, revs);
    if (this.#byConnection.size <= CONNECTIONS_WITH_RECEIPTS) return;
    const oldest = deleteFirst(this.#byConnection);
    if (oldest !== undefined) this.#forgotten.push(oldest);
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
      const list: EditReceipt[] = [];
      for (const [requestId, rev] of this.#byConnection.get(id) ?? []) {
        if (rev > sinceRev) list.push({ requestId, rev });
      }
      if (list.length > 0) receipts[id] = list;
    }
    return receipts;
  }
}

/** Returns the key, if there is one. */
function deleteFirst<K>(map: Map<K, unknown>): K | undefined {
  const [key] = map.keys();
  if (key !== undefined) map.delete(key);
  return key;
}
