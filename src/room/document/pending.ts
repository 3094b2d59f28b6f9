/** What a room has accepted and not yet committed. Pure. */
import type { SessionMessage } from '../../domain/types.ts';
import type { CodeVersion } from './document.ts';
import type { AcceptedEdit } from './receipts.ts';

/** One batch: the newest code, all new messages, and which connections wait for it. */
export interface Batch {
  code: CodeVersion | null;
  messages: SessionMessage[];
  /** By connection id: the newest edit of it in the batch. */
  edits: Map<string, AcceptedEdit>;
  /** By message id: the connection that sent it. */
  senders: Map<string, string>;
}

export function emptyBatch(): Batch {
  return { code: null, messages: [], edits: new Map(), senders: new Map() };
}

export function isEmpty(batch: Batch): boolean {
  return batch.code === null && batch.messages.length === 0;
}

/**
 * A batch that wasn't confirmed, joined by what has come since: the newest code, all messages, every
 * connection that waits.
 */
export function joinBatches(earlier: Batch, later: Batch): Batch {
  return {
    code:
      earlier.code && later.code
        ? { ...later.code, edits: earlier.code.edits + later.code.edits }
        : (later.code ?? earlier.code),
    messages: joinMessages(earlier.messages, later.messages),
    edits: new Map([
      ...earlier.edits,
      ...[...later.edits].map(
        ([id, edit]) => [id, joinEdits(earlier.edits.get(id), edit)] satisfies [string, AcceptedEdit],
      ),
    ]),
    senders: new Map([...earlier.senders, ...later.senders]),
  };
}

/** Of one connection: some of its edits may be counted, and others have a request id. */
export function joinEdits(earlier: AcceptedEdit | undefined, later: AcceptedEdit): AcceptedEdit {
  return {
    clientSeq: later.clientSeq ?? earlier?.clientSeq,
    requestId: later.requestId ?? earlier?.requestId,
    rev: later.rev,
  };
}

/** Each message once, by its id. */
export function joinMessages(
  earlier: Iterable<SessionMessage>,
  later: readonly SessionMessage[],
): SessionMessage[] {
  const byId = new Map([...earlier].map((message) => [message.id, message]));
  for (const message of later) if (!byId.has(message.id)) byId.set(message.id, message);
  return [...byId.values()];
}
