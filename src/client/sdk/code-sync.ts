/**
 * Keeps one client's code in step with the room's: sends own edits at a pace, takes in others', asks for the
 * whole text where one of the two lost track, and offers own text to its author where it can't be sent.
 */
import type { ChangeSet, Text } from '@codemirror/state';
import { difference } from '../../merging/index.ts';
import type { ClientMessage, Role, ServerPayload, TakesBack, WireSelection } from '../../protocol/index.ts';
import { type LocalEdit, OwnEdits } from './own-edits.ts';
import { type PeerSelection, PeerSelections } from './peer-selections.ts';
import { type EditDetails, type KeptDocument, type OutgoingEdit, SharedDocument } from './shared-document.ts';
import { Throttle } from './throttle.ts';
import type { KeptCode, OfferedText } from './unacknowledged.ts';

/** A change of the local text that isn't an own edit; made on that text as it is. */
export interface RemoteChange {
  changes: ChangeSet;
  /** Null for one that came with the whole text. */
  by: ServerPayload<'code_update'> | null;
  /** The participant who made it, or who asked the AI for it. */
  author: { id: string; name: string } | null;
  source: string | undefined;
  /** The revision that it made; null for one that came with the whole text. */
  rev: number | null;
  /** The room's change that is taken back by it, or made again. */
  takesBack: TakesBack | undefined;
}

export interface CodeSyncPorts {
  /** False when there is no connection that has been sent the room's state. */
  send(message: ClientMessage): boolean;
  onChange(change: RemoteChange): void;
  onSelections(selections: readonly PeerSelection[]): void;
  onEdits(edits: readonly LocalEdit[]): void;
  /** Something that has to be kept has changed. */
  onKept(): void;
}

/** With so many edits on their way and back a slow network is no reason to send fewer. */
const FREE_UNACKNOWLEDGED = 3;
/** Each further one doubles the pause before the next, up to this, in milliseconds. */
const MAX_PAUSE_MS = 1_000;
/** What a refusal of a `resync` names. */
export const RESYNC_REQUEST_ID = 'resync';
/** Pauses before the whole text is asked for again; after the last one own edits are given up. */
const RESYNC_PAUSES_MS = [0, 250, 1_000, 2_000, 4_000, 8_000];
/** When the whole text doesn't come, it is asked for again: the room may have dropped the question. */
const RESYNC_ANSWER_MS = 15_000;
/** A room may not know any more whether it has what was sent longer ago: it keeps receipts for 30 days. */
const MAX_UNANSWERED_MS = 29 * 86_400_000;

/**
 * The pause between two edits that are sent, in milliseconds. The later the room acknowledges, the fewer
 * come: so what it has too much of stays as much, instead of growing for as long as everybody types. What is
 * typed meanwhile goes in the next one.
 */
export function editPauseMs(intervalMs: number, unacknowledged: number): number {
  const doublings = Math.max(0, unacknowledged - FREE_UNACKNOWLEDGED);
  return Math.max(intervalMs, Math.min(MAX_PAUSE_MS, intervalMs * 2 ** doublings));
}

export class CodeSync {
  readonly #document: SharedDocument;
  readonly #ports: CodeSyncPorts;
  readonly #edits = new OwnEdits();
  readonly #peers = new PeerSelections();
  readonly #sending: Throttle;
  readonly #cursors: Throttle;
  #selection: { anchor: number; head: number } | null = null;
  /** The selection is to be sent, as soon as the room has been sent the text that it is in. */
  #selectionWaits = false;
  #savedRev = 0;
  #offered: OfferedText | null;
  /** How often the room couldn't follow since it last acknowledged an edit that it had not before. */
  #resyncs = 0;
  #resyncTimer: ReturnType<typeof setTimeout> | null = null;
  /** Whose edits the pending ones are. */
  #participantId: string | null;
  /** When an edit was last sent. */
  #sentAtMs: number;

  constructor(
    kept: KeptCode,
    pace: { editIntervalMs: number; cursorIntervalMs: number },
    ports: CodeSyncPorts,
  ) {
    this.#document = documentOf(kept.document);
    this.#offered = kept.offered;
    this.#participantId = kept.participantId;
    this.#sentAtMs = kept.sentAtMs;
    if (this.#document.hasPending) this.#edits.add(this.#document.newestSeq, Date.now());
    this.#ports = ports;
    this.#sending = new Throttle(
      () => this.#sendEdits(),
      () => editPauseMs(pace.editIntervalMs, this.#document.unacknowledged),
    );
    this.#cursors = new Throttle(() => this.#sendSelection(), pace.cursorIntervalMs);
  }

  /** The local text, own edits included. */
  get text(): Text {
    return this.#document.text;
  }
  get code(): string {
    return this.#document.code;
  }
  /** A text as one string; that of the local text is made once. */
  codeOf(text: Text): string {
    return text === this.text ? this.code : text.toString();
  }
  get rev(): number {
    return this.#document.rev;
  }
  get savedRev(): number {
    return this.#savedRev;
  }
  get flushedRev(): number {
    return this.#edits.flushedRev;
  }
  get edits(): readonly LocalEdit[] {
    return this.#edits.all;
  }
  get selections(): readonly PeerSelection[] {
    return this.#peers.all;
  }
  get hasPending(): boolean {
    return this.#document.hasPending;
  }
  get isTooLarge(): boolean {
    return this.#document.isTooLarge;
  }
  get offered(): OfferedText | null {
    return this.#offered;
  }

  /** @returns the edit's `client_seq`. @throws {RangeError} it wasn't made on {@link text}. */
  change(changes: ChangeSet, details: EditDetails): number {
    const { clientSeq, isNew } = this.#document.edit(changes, details);
    if (isNew) this.#edits.add(clientSeq, Date.now());
    this.#peers.move(changes, null);
    this.#moveSelection(changes, 1);
    this.#ports.onKept();
    this.#sending.call();
    return clientSeq;
  }

  /** What makes the local text this one. */
  differenceTo(text: Text): ChangeSet {
    return difference(this.text, text);
  }

  /** Shows the others where the selection is; positions are in {@link text}. */
  select(anchor: number, head: number): void {
    this.#selection = { anchor, head };
    this.#cursors.call();
  }

  /** The others are shown where the selection is once more. */
  selectAgain(): void {
    this.#cursors.call();
  }

  /** Sends what waits now. */
  flush(): void {
    this.#sendEdits();
  }

  /**
   * What a request to the room says of the text that it was made on, after {@link flush}; null while the room
   * doesn't have it.
   */
  get sentBase(): { baseRev: number; sync: number } | null {
    return this.#document.sentBase;
  }

  dismissOffer(): void {
    this.#offered = null;
    this.#ports.onKept();
  }

  keep(): KeptCode {
    return {
      // What waits may be sent before the next time that this is kept.
      sentAtMs: this.#document.isInStep ? Date.now() : this.#sentAtMs,
      document: this.#document.keep(),
      participantId: this.#participantId,
      offered: this.#offered,
    };
  }

  /** The room's whole text, for this participant. */
  start(state: ServerPayload<'session_state'>, participantId: string | null, role: Role): void {
    this.#cancelResync();
    // Receipts are of a participant: of edits made as another one nothing is known.
    const isSameAuthor = this.#participantId === null || this.#participantId === participantId;
    const isRemembered = this.#sentAtMs > Date.now() - MAX_UNANSWERED_MS;
    this.#participantId = participantId;
    const { newestSeq } = this.#document;
    const { code, rev, sync = 0, client_seq: clientSeq = null } = state;
    const { change, uncertain } = this.#document.start(
      { code, rev, sync, clientSeq },
      isSameAuthor && isRemembered,
    );
    this.#edits.renumber(newestSeq, this.#document.newestSeq);
    this.#apply(withWholeText(change));
    if (uncertain !== null) this.#offer(uncertain, 'uncertain', 0);
    if (role === 'viewer') {
      this.#selection = null;
      this.#giveUp('viewer');
    }
    this.flushed(state.flushed_rev);
    this.#peers.replace((state.selections ?? []).map((selection) => this.#toLocal(selection)));
    this.#ports.onSelections(this.selections);
    this.#ports.onKept();
  }

  /** The connection takes edits from now on. */
  ready(): void {
    this.#selectionWaits = this.#selection !== null;
    if (this.#document.canSend) this.#sending.call();
    else if (this.#selectionWaits) this.#cursors.call();
  }

  update(update: ServerPayload<'code_update'>): void {
    const { changes, rev, client_seq, participant_id, display_name, source, takes_back: takesBack } = update;
    if (!changes) return;
    try {
      const change = this.#document.remote(changes, rev, client_seq);
      const author = participant_id === undefined ? null : { id: participant_id, name: display_name };
      if (!change) return;
      this.#apply({ changes: change, by: update, author, source, rev, takesBack });
      this.moved(update.selections ?? []);
      // Others may have made room for an edit that was held back.
      if (this.#document.canSend) this.#sending.call();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.outOfStep();
    }
  }

  acknowledged({ client_seq, rev, durable }: ServerPayload<'ack'>): void {
    if (rev === undefined) return;
    // After each whole text the room says again what it has said before: that is no progress.
    if (client_seq !== undefined && client_seq > this.#document.acknowledgedSeq) this.#resyncs = 0;
    this.#document.acknowledged(client_seq, rev);
    this.#savedRev = Math.max(this.#savedRev, rev);
    if (client_seq !== undefined) {
      this.#ports.onEdits(this.#edits.acknowledged(client_seq, rev, durable, Date.now()));
    }
    this.#ports.onKept();
  }

  flushed(rev: number): void {
    this.#savedRev = Math.max(this.#savedRev, rev);
    this.#ports.onEdits(this.#edits.flushed(rev));
  }

  /** @param id of the participant. */
  selected(id: string, cursor: ServerPayload<'cursor_position'>, color: number): void {
    if (cursor.client_seq !== undefined) this.#document.confirmed(cursor.client_seq);
    const { anchor, head } = selectionOf(cursor, this.#document);
    this.#peers.set({ id, name: cursor.display_name, color, anchor, head });
    this.#ports.onSelections(this.selections);
  }

  /** Selections that have moved, in the room's text as it is. */
  moved(selections: readonly WireSelection[]): void {
    if (selections.length === 0) return;
    for (const selection of selections) this.#peers.set(this.#toLocal(selection));
    this.#ports.onSelections(this.selections);
  }

  #toLocal({ participant_id, display_name, color, anchor, head }: WireSelection): PeerSelection {
    return {
      id: participant_id,
      name: display_name,
      color,
      anchor: this.#document.toLocal(anchor),
      head: this.#document.toLocal(head),
    };
  }

  /** The participant has another name. */
  peerRenamed(id: string, name: string): void {
    if (this.#peers.rename(id, name)) this.#ports.onSelections(this.selections);
  }

  /** The participant has left, or may no longer edit. */
  peerGone(id: string): void {
    if (this.#peers.remove(id)) this.#ports.onSelections(this.selections);
  }

  /** The room can't follow, or this client can't: what was under way is made again on the whole text. */
  outOfStep(): void {
    // The whole text is asked for already.
    if (this.#resyncTimer !== null) return;
    this.#document.disconnected();
    const pauseMs = RESYNC_PAUSES_MS[this.#resyncs];
    this.#resyncs += 1;
    if (pauseMs === undefined) {
      this.#giveUp('refused');
      this.#resyncs = 0;
    }
    this.#askForWhole(pauseMs ?? 0);
  }

  /** The room doesn't send the whole text, as this client has asked for it too often lately. */
  resyncRefused(): void {
    this.#askForWhole(RESYNC_PAUSES_MS.at(-1) ?? 0);
  }

  disconnected(): void {
    this.#cancelResync();
    this.#document.disconnected();
  }

  close(): void {
    this.#cancelResync();
    this.#sending.cancel();
    this.#cursors.cancel();
  }

  #askForWhole(pauseMs: number): void {
    this.#cancelResync();
    this.#resyncTimer = setTimeout(() => {
      this.#ports.send({ type: 'resync', payload: { request_id: RESYNC_REQUEST_ID } });
      this.#askForWhole(RESYNC_ANSWER_MS);
    }, pauseMs);
  }

  #cancelResync(): void {
    if (this.#resyncTimer !== null) clearTimeout(this.#resyncTimer);
    this.#resyncTimer = null;
  }

  #giveUp(reason: OfferedText['reason']): void {
    const givenUp = this.#document.giveUp();
    if (!givenUp) return;
    this.#apply(withWholeText(givenUp.change));
    this.#offer(givenUp.code, reason, givenUp.firstSeq);
  }

  /** @param fromSeq own edits from this one on are sent no more. */
  #offer(code: string, reason: OfferedText['reason'], fromSeq: number): void {
    this.#offered = { code, reason };
    this.#ports.onEdits(this.#edits.refused(fromSeq, reason));
    this.#ports.onKept();
  }

  #apply(change: RemoteChange): void {
    if (change.changes.empty) return;
    this.#peers.move(change.changes, change.author?.id ?? null);
    this.#moveSelection(change.changes, -1);
    this.#ports.onChange(change);
  }

  #sendEdits(): void {
    for (let edit = this.#document.nextToSend(); edit; edit = this.#document.nextToSend()) {
      if (!this.#ports.send({ type: 'code_update', payload: payloadOf(edit) })) return;
      this.#document.sent(edit.clientSeq);
      this.#sentAtMs = Date.now();
    }
    if (this.#selectionWaits) this.#sendSelection();
    this.#ports.onKept();
  }

  /** @param side where the cursor goes when text is inserted at it: 1 behind that text, -1 before it. */
  #moveSelection(changes: ChangeSet, side: -1 | 1): void {
    if (!this.#selection) return;
    const [anchor, head] = [this.#selection.anchor, this.#selection.head].map((at) =>
      changes.mapPos(Math.min(at, changes.length), side),
    );
    if (anchor !== undefined && head !== undefined) this.#selection = { anchor, head };
  }

  /** Own edits go first, at their own pace: the selection is in a text that has them. */
  #sendSelection(): void {
    const { text } = this.#document;
    if (!this.#selection) return;
    this.#selectionWaits = this.#document.hasUnsent;
    if (this.#selectionWaits) return;
    const anchor = Math.min(this.#selection.anchor, text.length);
    const head = Math.min(this.#selection.head, text.length);
    const line = text.lineAt(head);
    this.#ports.send({
      type: 'cursor_position',
      payload: { line: line.number, col: head - line.from, anchor, head, rev: this.#document.rev },
    });
  }
}

function withWholeText(changes: ChangeSet): RemoteChange {
  return { changes, by: null, author: null, source: undefined, rev: null, takesBack: undefined };
}

/** What was kept by an earlier version, or by a browser that lost a part of it, is worth nothing. */
function documentOf(kept: KeptDocument | null): SharedDocument {
  try {
    return new SharedDocument(kept);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return new SharedDocument(null);
  }
}

/** Where a cursor is in the local text. A client may give only its line and column. */
function selectionOf(
  { anchor, head, line, col }: ServerPayload<'cursor_position'>,
  document: SharedDocument,
): { anchor: number; head: number } {
  if (anchor !== undefined && head !== undefined) {
    return { anchor: document.toLocal(anchor), head: document.toLocal(head) };
  }
  const { from, length } = document.text.line(Math.max(1, Math.min(line, document.text.lines)));
  const at = from + Math.min(col, length);
  return { anchor: at, head: at };
}

function payloadOf({ changes, baseRev, clientSeq, sync, cursorLine, cursorCol, source }: OutgoingEdit) {
  return {
    changes,
    base_rev: baseRev,
    client_seq: clientSeq,
    sync,
    cursor_line: cursorLine,
    cursor_col: cursorCol,
    source,
  };
}
