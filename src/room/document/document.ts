/**
 * A session's code as its room has it: the text, its newest revision, and which edits are in it. Edits made
 * at once are merged here, in the order in which they come. It knows nothing of storage.
 */
import type { ChangeSet, Text } from '@codemirror/state';
import { receiptKey } from '../../domain/receipts.ts';
import { COUNTS_PER_TERM, numberIn, termOf } from '../../domain/revision.ts';
import type { Transport } from '../../domain/transport.ts';
import type { CodeWrite, CommittedCode, OpenedSession } from '../../domain/types.ts';
import {
  bytesAdded,
  canMoveBehind,
  moveBehind,
  readChanges,
  splitsCharacter,
  textOf,
  undoOf,
  type WireChanges,
} from '../../merging/index.ts';
import { MAX_CODE_BYTES, utf8Bytes, withLineFeeds } from '../../protocol/index.ts';
import { type AcceptedEdit, type EditName, Receipts } from './receipts.ts';
import { RecentChanges, type Unseen } from './recent-changes.ts';
import { WholeTexts } from './whole-texts.ts';

export interface Edit extends EditName {
  connectionId: string;
  participantId: string;
  /** User id of the editor, null when anonymous. */
  editorId: string | null;
  content: Content;
}

/** What an edit says. */
export type Content =
  /** Changes of the text at `baseRev` with this connection's own edits since. */
  | { kind: 'changes'; changes: WireChanges; baseRev: number }
  /** The whole text. `baseRev`: the newest revision that its author had heard of, if they say so. */
  | { kind: 'whole'; code: string; baseRev?: number | undefined }
  /** A change of the text as it is. */
  | { kind: 'change'; change: ChangeSet }
  /** What a client asks the room to change: made as `changes` are, but the client doesn't have it yet. */
  | {
      kind: 'requested';
      changes: WireChanges;
      baseRev: number;
      by: { connectionId: string; requestId: string };
    };

/** The author's connection has made it already, and its next edits go on from it. */
export function isShownByAuthor({ kind }: Content): boolean {
  return kind === 'changes' || kind === 'whole';
}

export type Merged =
  | { outcome: 'merged'; rev: number; change: ChangeSet; isAsSent: boolean }
  /** It was merged before. */
  | { outcome: 'duplicate' }
  /** What its author had isn't known any more, or too much was taken since for it to be moved behind. */
  | { outcome: 'unknown_base' }
  | { outcome: 'refused'; reason: string };

/** The code as it is committed, without what only the buffer is told. */
export type CodeVersion = Omit<CommittedCode, 'code' | 'base' | 'receipts' | 'replacesReceipts'> & {
  text: Text;
};

export class Document {
  readonly receipts: Receipts;
  readonly recent: RecentChanges;
  readonly #term: number;
  #text: Text;
  #bytes: number;
  #asString: { text: Text; code: string } | null = null;
  #rev: number;
  /** Edits of this term. */
  #count = 0;
  #editedAtMs: number;
  #editorId: string | null = null;
  #transport: Transport | null;
  readonly #wholeTexts: WholeTexts;

  constructor({ code, rev, receipts, transport }: OpenedSession['code'], term: number, nowMs: number) {
    this.receipts = new Receipts(receipts, nowMs);
    this.recent = new RecentChanges(rev);
    this.#wholeTexts = new WholeTexts(this.recent);
    this.#term = term;
    this.#transport = transport;
    this.#text = textOf(code);
    this.#bytes = utf8Bytes(this.code);
    this.#rev = rev;
    this.#editedAtMs = nowMs;
  }

  get text(): Text {
    return this.#text;
  }

  get code(): string {
    return this.codeOf(this.#text);
  }

  /** A text as one string. That of the last one asked for is kept, as a text is asked for several times. */
  codeOf(text: Text): string {
    if (this.#asString?.text !== text) this.#asString = { text, code: text.toString() };
    return this.#asString.code;
  }

  /** What plays; null: nothing does. */
  get transport(): Transport | null {
    return this.#transport;
  }

  /** What plays is part of each revision, so it gets one of its own. */
  setTransport(transport: Transport | null, editorId: string | null, nowMs: number): void {
    this.#transport = transport;
    this.#editorId = editorId;
    this.#editedAtMs = nowMs;
    this.renumber();
  }

  get rev(): number {
    return this.#rev;
  }

  /** How much of the term is used: 1 would be all of it. */
  get termUse(): number {
    return this.#count / COUNTS_PER_TERM;
  }

  /**
   * How many of a client's edits the code contains, by its own count; null when what was known of it may have
   * been forgotten.
   */
  clientSeq(participantId: string, connectionId: string): number | null {
    const receipt = this.#receiptOf({ participantId, connectionId });
    return receipt?.clientSeq ?? (this.receipts.isComplete ? 0 : null);
  }

  /** The newest edit of the client that made this one. */
  newestOf(edit: Pick<Edit, 'participantId' | 'connectionId' | 'clientSeq'>): AcceptedEdit {
    const { clientSeq = 0, requestIds = [], rev = this.#rev } = this.#receiptOf(edit) ?? {};
    return edit.clientSeq === undefined ? { requestId: requestIds.at(-1), rev } : { clientSeq, rev };
  }

  /** Merges an edit; only the outcome `merged` has changed anything. */
  merge(edit: Edit, nowMs: number): Merged {
    const key = receiptKey(edit.participantId, edit.connectionId);
    if (this.receipts.has(key, edit)) return { outcome: 'duplicate' };
    const read = this.#read(edit, nowMs);
    if ('outcome' in read) return read;
    const { sent, unseen, heardRev = -1 } = read;
    const isShown = isShownByAuthor(edit.content);
    let change: ChangeSet;
    try {
      change = moveBehind(sent, unseen);
      if (change.length !== this.#text.length) throw new RangeError('made on another text');
    } catch {
      return { outcome: 'refused', reason: 'the changes do not fit the text that they were made on' };
    }
    if (splitsCharacter(change, this.#text)) {
      return { outcome: 'refused', reason: 'a change begins or ends within a character' };
    }
    const bytes = this.#bytes + bytesAdded(change, this.#text);
    if (bytes > MAX_CODE_BYTES && bytes > this.#bytes) {
      return { outcome: 'refused', reason: `the code would be larger than ${MAX_CODE_BYTES} bytes of UTF-8` };
    }
    const before = this.#text;
    this.#text = change.apply(before);
    this.#bytes = bytes;
    this.#editorId = edit.editorId;
    this.#editedAtMs = nowMs;
    this.renumber();
    this.receipts.add(key, edit, this.#rev, nowMs);
    const { connectionId, content } = edit;
    this.recent.add(
      { rev: this.#rev, atMs: nowMs, connectionId, change, undo: undoOf(change, before) },
      isShown ? unseen : null,
    );
    if (content.kind !== 'whole') return { outcome: 'merged', rev: this.#rev, change, isAsSent: true };
    const code = withLineFeeds(content.code);
    // Nothing was taken that the author didn't know: then the text is theirs.
    const isAsSent = unseen.length === 0 || code === this.code;
    if (isAsSent) this.#asString = { text: this.#text, code };
    this.#wholeTexts.took(connectionId, isAsSent ? this.#text : textOf(code), heardRev);
    return { outcome: 'merged', rev: this.#rev, change, isAsSent };
  }

  /** The connection is sent the text as it is: it goes on from there. */
  sentWhole(connectionId: string): void {
    this.forget(connectionId);
    this.#wholeTexts.startsAt(connectionId, this.#rev);
  }

  /** The connection is gone. */
  forget(connectionId: string): void {
    this.recent.forget(connectionId);
    this.#wholeTexts.forget(connectionId);
  }

  /** What an edit changes in the text that its author had, and what the author didn't know. */
  #read(
    { connectionId, content }: Edit,
    nowMs: number,
  ): { sent: ChangeSet; unseen: Unseen[]; heardRev?: number } | Merged {
    switch (content.kind) {
      case 'change':
        return { sent: content.change, unseen: [] };
      case 'requested':
      case 'changes': {
        const sent = readChanges(content.changes);
        const author = content.kind === 'requested' ? content.by.connectionId : connectionId;
        if (!sent) return { outcome: 'refused', reason: 'the changes are not a change set' };
        const unseen = this.recent.unseenBy(author, content.baseRev);
        return unseen && canMoveBehind(sent, unseen) ? { sent, unseen } : { outcome: 'unknown_base' };
      }
      case 'whole':
        return this.#wholeTexts.read(
          { connectionId, code: withLineFeeds(content.code), baseRev: content.baseRev, atMs: nowMs },
          { text: this.#text, code: this.code, rev: this.#rev },
        );
    }
  }

  #receiptOf({ participantId, connectionId }: Pick<Edit, 'participantId' | 'connectionId'>) {
    return this.receipts.find(receiptKey(participantId, connectionId));
  }

  /** Gives the code the next revision, as it is; beyond this one, if that is of this term. */
  renumber(beyond = 0): void {
    const known = termOf(beyond) === this.#term ? beyond - numberIn(this.#term, 0) : 0;
    this.#count = Math.max(this.#count, known) + 1;
    this.#rev = numberIn(this.#term, this.#count);
  }

  /** @param edits accepted edits that it stands for. */
  version(edits: number): CodeVersion {
    return {
      text: this.#text,
      rev: this.#rev,
      editedAtMs: this.#editedAtMs,
      editorId: this.#editorId,
      edits,
      transport: this.#transport,
    };
  }

  /** As Postgres is given it. */
  write(): CodeWrite {
    return {
      code: this.code,
      rev: this.#rev,
      editedAtMs: this.#editedAtMs,
      editorId: this.#editorId,
      receipts: this.receipts.all(),
      transport: this.#transport,
    };
  }
}
