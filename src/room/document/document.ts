/**
 * A session's code as its room has it: the newest revision, and which edits are in it. It knows nothing of
 * storage.
 */
import { receiptKey } from '../../domain/receipts.ts';
import { COUNTS_PER_TERM, numberIn } from '../../domain/revision.ts';
import type { CodeWrite, CommittedCode, OpenedSession } from '../../domain/types.ts';
import { type AcceptedEdit, type EditName, Receipts } from './receipts.ts';

export interface Edit extends EditName {
  connectionId: string;
  participantId: string;
  code: string;
  /** User id of the editor, null when anonymous. */
  editorId: string | null;
}

/** The code as it is committed, without what only the buffer is told. */
export type CodeVersion = Omit<CommittedCode, 'base' | 'receipts' | 'replacesReceipts'>;

export class Document {
  readonly receipts: Receipts;
  readonly #term: number;
  #code: string;
  #rev: number;
  /** Edits of this term. */
  #count = 0;
  #editedAtMs: number;
  #editorId: string | null = null;

  constructor({ code, rev, receipts }: OpenedSession['code'], term: number, nowMs: number) {
    this.receipts = new Receipts(receipts, nowMs);
    this.#term = term;
    this.#code = code;
    this.#rev = rev;
    this.#editedAtMs = nowMs;
  }

  get code(): string {
    return this.#code;
  }

  get rev(): number {
    return this.#rev;
  }

  /** How much of the term is used: 1 would be all of it. */
  get termUse(): number {
    return this.#count / COUNTS_PER_TERM;
  }

  /**
   * How many of a client's edits the code contains, by its own count; null when nothing is known of that
   * client.
   */
  clientSeq(participantId: string, connectionId: string): number | null {
    return this.#receiptOf({ participantId, connectionId })?.clientSeq ?? null;
  }

  /** The newest edit of the client that made this one. */
  newestOf(edit: Edit): AcceptedEdit {
    const { clientSeq = 0, requestIds = [], rev = this.#rev } = this.#receiptOf(edit) ?? {};
    return edit.clientSeq === undefined ? { requestId: requestIds.at(-1), rev } : { clientSeq, rev };
  }

  /** @returns false when the code contains the edit already: then nothing has changed. */
  apply(edit: Edit, nowMs: number): boolean {
    const key = receiptKey(edit.participantId, edit.connectionId);
    if (this.receipts.has(key, edit)) return false;
    this.#code = edit.code;
    this.#editorId = edit.editorId;
    this.#editedAtMs = nowMs;
    this.renumber();
    this.receipts.add(key, edit, this.#rev, nowMs);
    return true;
  }

  #receiptOf({ participantId, connectionId }: Pick<Edit, 'participantId' | 'connectionId'>) {
    return this.receipts.find(receiptKey(participantId, connectionId));
  }

  /** Gives the code the next revision, as it is. */
  renumber(): void {
    this.#count += 1;
    this.#rev = numberIn(this.#term, this.#count);
  }

  /** @param edits accepted edits that it stands for. */
  version(edits: number): CodeVersion {
    return {
      code: this.#code,
      rev: this.#rev,
      editedAtMs: this.#editedAtMs,
      editorId: this.#editorId,
      edits,
    };
  }

  /** As Postgres is given it. */
  write(): CodeWrite {
    const { edits: _, ...version } = this.version(0);
    return { ...version, receipts: this.receipts.all() };
  }
}
