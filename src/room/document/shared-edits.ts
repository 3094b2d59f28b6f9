/**
 * How edits get into a session, and from there to every connection: as changes to those that asked for them,
 * as the whole text to the others.
 */
import type { ChangeSet } from '@codemirror/state';
import type { Clock } from '../../domain/clock.ts';
import { may } from '../../domain/permissions.ts';
import { writeChanges } from '../../merging/index.ts';
import type { ServerPayload, WireSelection } from '../../protocol/index.ts';
import type { JoinedConnection } from '../connections/connection.ts';
import type { ConnectionState } from '../connections/connection-state.ts';
import type { Outbox } from '../connections/outbox.ts';
import type { Participants } from '../connections/participants.ts';
import { AudienceFeed } from './audience-feed.ts';
import { type Edit, isShownByAuthor, type Merged } from './document.ts';
import type { HostedSession } from './hosted-session.ts';
import type { EditOrigin, LiveSession } from './live-session.ts';

type Update = ServerPayload<'code_update'>;

/** What others are told of an edit, besides the text. */
export type EditDetails = Pick<Update, 'cursor_line' | 'cursor_col' | 'source' | 'strudel_id' | 'takes_back'>;
export type EditAuthor = Pick<ConnectionState, 'displayName' | 'userId' | 'role' | 'participantId'>;

/** Edits that replace the text, by their source: the text before them is kept as a version, and theirs. */
const CAUSES: ReadonlyMap<string, EditOrigin['cause']> = new Map([
  ['ai', 'answered'],
  ['loaded_strudel', 'switched'],
  ['forked', 'switched'],
  ['restored', 'restored'],
]);

interface Selection {
  anchor: number;
  head: number;
}

export interface SharedEditsOptions {
  session: Pick<HostedSession, 'live'>;
  participants: Pick<
    Participants,
    'connections' | 'connectionsOf' | 'writers' | 'watchers' | 'watching' | 'withConnectionId'
  >;
  outbox: Pick<Outbox, 'broadcastEach' | 'reply'>;
  clock: Clock;
}

export class SharedEdits {
  readonly #options: SharedEditsOptions;
  /** Connections with an own edit that was merged since they were sent the last change. */
  readonly #hasNewEdit = new Set<string>();
  /** Connections that were told to ask for the whole text, and haven't. */
  readonly #outOfStep = new WeakSet<JoinedConnection>();
  /** By connection: its selection in the text as it is. */
  readonly #selections = new Map<string, Selection>();
  readonly #audience: AudienceFeed;

  constructor(options: SharedEditsOptions) {
    this.#options = options;
    this.#audience = new AudienceFeed({ ...options, selections: (of) => this.#wireSelections(of) });
  }

  /**
   * The session is open in an instance that knows of no selection: who has one is asked for it. Those who
   * have just come send theirs anyway.
   */
  resume(session: LiveSession): void {
    for (const { state } of this.#options.participants.writers()) {
      if (state.sameText?.to === session.rev) session.knowSameTextSince(state.sameText.from);
    }
    const asked = { rev: session.rev, selections: [], wanted: true };
    this.#options.outbox.broadcastEach('selections', ({ state }) =>
      state.edits === 'changes' && state.sync > 0 && may(state.role, 'move_cursor') ? asked : null,
    );
  }

  /**
   * Play and Stop make revisions whose text is that of the one before, and clients hear of them with the next
   * edit. An instance that wakes before that has to know.
   */
  keepSameText(session: LiveSession): void {
    const sameText = { from: session.sameTextSince, to: session.rev };
    for (const member of this.#options.participants.writers()) {
      member.setState({ ...member.state, sameText });
    }
  }

  /** Merges an edit, and sends it to everybody but the connection that shows it already. */
  merge(session: LiveSession, edit: Edit, author: EditAuthor, details: EditDetails): Merged {
    const { displayName, userId } = author;
    const isPaced = this.#audience.isPaced;
    const isByRoom = CAUSES.has(details.source ?? '') || details.takes_back !== undefined;
    // What an audience is sent by itself it has to be able to go on from.
    if (!isPaced || isByRoom) this.#audience.flush(session);
    const before = {
      text: session.text,
      rev: session.rev,
      selections: isPaced ? this.#wireSelections() : [],
    };
    const merged = session.edit(edit, {
      author: { displayName, userId },
      cause: CAUSES.get(details.source ?? '') ?? 'typed',
    });
    if (merged.outcome !== 'merged') return merged;
    const about = { ...wireAuthor(author), ...details, rev: merged.rev };
    this.#moveSelections(merged.change, edit.connectionId);
    if (isPaced) this.#audience.changed(session, before, merged.change, about);
    if (isPaced && isByRoom) this.#audience.flush(session);
    const { participants } = this.#options;
    this.#broadcast(
      session,
      merged,
      edit,
      about,
      isPaced ? participants.writers() : participants.connections(),
    );
    if (edit.content.kind === 'changes') this.#hasNewEdit.add(edit.connectionId);
    return merged;
  }

  #broadcast(
    session: LiveSession,
    { change, isAsSent }: Merged & { outcome: 'merged' },
    { connectionId, content }: Edit,
    about: Omit<Update, 'code' | 'changes'>,
    members: Iterable<JoinedConnection>,
  ): void {
    let changes: Update | undefined;
    let whole: Update | undefined;
    this.#options.outbox.broadcastEach(
      'code_update',
      ({ id, state }) => {
        // A change that the room makes itself no client has yet.
        const isAuthor = id === connectionId && isShownByAuthor(content);
        if (state.edits === 'whole') {
          if (isAuthor && isAsSent) return null;
          whole ??= { code: session.code, ...about };
          return whole;
        }
        if (isAuthor) return null;
        // One for all who have nothing new to be told of their own edits.
        changes ??= { changes: writeChanges(change), ...about };
        const isAnswer = content.kind === 'requested' && content.by.connectionId === id;
        const update = isAnswer ? { ...changes, request_id: content.by.requestId } : changes;
        if (!this.#hasNewEdit.delete(id)) return update;
        return { ...update, client_seq: session.clientSeq(state.participantId, id) ?? 0 };
      },
      members,
    );
  }

  /** Sends an audience what it hasn't been sent yet. */
  showAudience(session: LiveSession | null): void {
    this.#audience.flush(session);
  }

  /**
   * The room can't follow this connection any more, or has refused an edit that later ones go on from: its
   * changes are ignored until it has asked for the whole text.
   */
  setOutOfStep(member: JoinedConnection, reason: string): void {
    if (member.state.edits !== 'changes' || this.#outOfStep.has(member)) return;
    this.#outOfStep.add(member);
    member.setState({ ...member.state, sync: member.state.sync + 1 });
    this.#options.outbox.reply(member, 'out_of_step', { reason });
  }

  /** The connection is about to be sent the whole text. @returns what goes with it. */
  startFrom(
    member: JoinedConnection,
    session: LiveSession,
  ): Pick<ServerPayload<'session_state'>, 'code' | 'rev' | 'sync' | 'selections' | 'client_seq'> {
    const { state, id } = member;
    this.#outOfStep.delete(member);
    this.#hasNewEdit.delete(id);
    session.sentWhole(id);
    member.setState({ ...state, sync: state.sync + 1 });
    const start = { sync: state.sync + 1, client_seq: session.clientSeq(state.participantId, id) };
    if (state.role === 'viewer') {
      // They may have been a writer.
      this.#selections.delete(id);
      return { ...start, ...this.#audience.start(member, session) };
    }
    const others = new Set(this.#selections.keys());
    others.delete(id);
    return { ...start, code: session.code, rev: session.rev, selections: this.#wireSelections(others) };
  }

  /**
   * Shows the others where a writer's selection is.
   * @param selection in the text that the connection has at `rev`; null where a client knows only lines.
   */
  select(
    member: JoinedConnection,
    session: LiveSession | null,
    { line, col }: { line: number; col: number },
    selection: (Selection & { rev: number }) | null,
  ): void {
    const shown = session && selectionNow(member, session, { line, col }, selection);
    // Also where it isn't known any more: the one before is a wrong place. The newest one is the last.
    this.#selections.delete(member.id);
    if (shown) this.#selections.set(member.id, shown);
    this.#show(member, session, { line, col }, shown);
  }

  /** @param shown in the text as it is. */
  #show(
    member: JoinedConnection,
    session: LiveSession | null,
    { line, col }: { line: number; col: number },
    shown: Selection | null,
  ): void {
    const cursor: ServerPayload<'cursor_position'> = { line, col, ...wireAuthor(member.state) };
    if (shown && session) Object.assign(cursor, shown, { rev: session.rev });
    const isPaced = this.#audience.isPaced;
    if (isPaced) this.#audience.moved(member.id, cursor, session);
    const { participants } = this.#options;
    this.#options.outbox.broadcastEach(
      'cursor_position',
      (to) => {
        if (to === member) return null;
        // The selection is in a text with these edits of the receiver's, which it may not know.
        if (!session || !this.#hasNewEdit.delete(to.id)) return cursor;
        return { ...cursor, client_seq: session.clientSeq(to.state.participantId, to.id) ?? 0 };
      },
      isPaced ? participants.writers() : participants.connections(),
    );
  }

  /** The connection is gone. */
  forget(connectionId: string, session: LiveSession | null): void {
    this.#hasNewEdit.delete(connectionId);
    this.#selections.delete(connectionId);
    session?.forgetConnection(connectionId);
  }

  /**
   * A connection is gone, or replaced by one that has said nothing yet, and its participant stays: the others
   * are shown the selection in another page of theirs, or told that there is none.
   * @param state it had.
   */
  unselect(connectionId: string, { role, participantId }: ConnectionState): void {
    if (!may(role, 'move_cursor')) return;
    this.#selections.delete(connectionId);
    const { participants, outbox, session } = this.#options;
    const { live } = session;
    for (const other of participants.connectionsOf(participantId)) {
      const selection = this.#selections.get(other.id);
      if (!live || !selection) continue;
      const line = live.text.lineAt(selection.head);
      this.#show(other, live, { line: line.number, col: selection.head - line.from }, selection);
      return;
    }
    const gone = { rev: live?.rev ?? 0, selections: [], gone: [participantId] };
    outbox.broadcastEach('selections', ({ state }) => (state.edits === 'changes' ? gone : null));
  }

  /** The writers' selections, in the text as it is: of these connections, or of all. */
  #wireSelections(of: Iterable<string> = this.#selections.keys()): WireSelection[] {
    const selections: WireSelection[] = [];
    for (const id of of) {
      const selection = this.#selections.get(id);
      const [member] = this.#options.participants.withConnectionId(id);
      if (!selection || !member || !may(member.state.role, 'move_cursor')) continue;
      const { participantId, displayName, color } = member.state;
      selections.push({ participant_id: participantId, display_name: displayName, color, ...selection });
    }
    return selections;
  }

  #moveSelections(change: ChangeSet, authorId: string): void {
    for (const [id, { anchor, head }] of this.#selections) {
      // The author's own cursor is behind what they typed, another's stays before it.
      const side = id === authorId ? 1 : -1;
      this.#selections.set(id, { anchor: change.mapPos(anchor, side), head: change.mapPos(head, side) });
    }
  }
}

function wireAuthor({ displayName, userId, role, participantId }: EditAuthor) {
  return { display_name: displayName, user_id: userId, role, participant_id: participantId };
}

/** A selection in the text as it is; null when the text that it was in isn't known any more. */
function selectionNow(
  member: JoinedConnection,
  session: LiveSession,
  { line, col }: { line: number; col: number },
  selection: (Selection & { rev: number }) | null,
): Selection | null {
  if (!selection) {
    const { from, length } = session.text.line(Math.min(line, session.text.lines));
    const at = from + Math.min(col, length);
    return { anchor: at, head: at };
  }
  const anchor = session.positionNow(member.id, selection.rev, selection.anchor);
  const head = session.positionNow(member.id, selection.rev, selection.head);
  return anchor === null || head === null ? null : { anchor, head };
}
