/**
 * How edits get into a session, and from there to every connection: as changes to those that asked for them,
 * as the whole text to the others.
 */
import type { ChangeSet } from '@codemirror/state';
import { may } from '../../domain/permissions.ts';
import { writeChanges } from '../../merging/index.ts';
import type { ServerPayload, WireSelection } from '../../protocol/index.ts';
import type { JoinedConnection } from '../connections/connection.ts';
import type { ConnectionState } from '../connections/connection-state.ts';
import type { Outbox } from '../connections/outbox.ts';
import type { Participants } from '../connections/participants.ts';
import type { Edit, Merged } from './document.ts';
import type { LiveSession } from './live-session.ts';

type Update = ServerPayload<'code_update'>;

/** What others are told of an edit, besides the text. */
export type EditDetails = Pick<Update, 'cursor_line' | 'cursor_col' | 'source' | 'strudel_id'>;
export type EditAuthor = Pick<ConnectionState, 'displayName' | 'userId' | 'role' | 'participantId'>;

interface Selection {
  anchor: number;
  head: number;
}

export interface SharedEditsOptions {
  participants: Pick<Participants, 'connections'>;
  outbox: Pick<Outbox, 'broadcastEach' | 'reply'>;
}

export class SharedEdits {
  readonly #options: SharedEditsOptions;
  /** Connections with an own edit that was merged since they were sent the last change. */
  readonly #hasNewEdit = new Set<string>();
  /** Connections that were told to ask for the whole text, and haven't. */
  readonly #outOfStep = new WeakSet<JoinedConnection>();
  /** By connection: its selection in the text as it is. */
  readonly #selections = new Map<string, Selection>();

  constructor(options: SharedEditsOptions) {
    this.#options = options;
  }

  /** Merges an edit, and sends it to everybody but the connection that shows it already. */
  merge(session: LiveSession, edit: Edit, author: EditAuthor, details: EditDetails): Merged {
    const merged = session.edit(edit);
    if (merged.outcome !== 'merged') return merged;
    this.#moveSelections(merged.change, edit.connectionId);
    this.#broadcast(session, merged, edit, { ...wireAuthor(author), ...details, rev: merged.rev });
    if (edit.content.kind === 'changes') this.#hasNewEdit.add(edit.connectionId);
    return merged;
  }

  #broadcast(
    session: LiveSession,
    { change, isAsSent }: Merged & { outcome: 'merged' },
    { connectionId, content }: Edit,
    about: Omit<Update, 'code' | 'changes'>,
  ): void {
    let changes: Update | undefined;
    let whole: Update | undefined;
    this.#options.outbox.broadcastEach('code_update', ({ id, state }) => {
      // A change that the room makes itself nobody has yet.
      const isAuthor = id === connectionId && content.kind !== 'change';
      if (state.edits === 'whole') {
        if (isAuthor && isAsSent) return null;
        whole ??= { code: session.code, ...about };
        return whole;
      }
      if (isAuthor) return null;
      // One for all who have nothing new to be told of their own edits.
      changes ??= { changes: writeChanges(change), ...about };
      if (!this.#hasNewEdit.delete(id)) return changes;
      return { ...changes, client_seq: session.clientSeq(state.participantId, id) ?? 0 };
    });
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
  ): Pick<ServerPayload<'session_state'>, 'sync' | 'selections' | 'client_seq'> {
    const { state, id } = member;
    this.#outOfStep.delete(member);
    this.#hasNewEdit.delete(id);
    session.sentWhole(id);
    member.setState({ ...state, sync: state.sync + 1 });
    return {
      sync: state.sync + 1,
      client_seq: session.clientSeq(state.participantId, id),
      selections: this.#selectionsBut(id),
    };
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
    if (shown) this.#selections.set(member.id, shown);
    const cursor: ServerPayload<'cursor_position'> = { line, col, ...wireAuthor(member.state) };
    if (shown && session) Object.assign(cursor, shown, { rev: session.rev });
    this.#options.outbox.broadcastEach('cursor_position', (to) => {
      if (to === member) return null;
      // The selection is in a text with these edits of the receiver's, which it may not know.
      if (!session || !this.#hasNewEdit.delete(to.id)) return cursor;
      return { ...cursor, client_seq: session.clientSeq(to.state.participantId, to.id) ?? 0 };
    });
  }

  /** The connection is gone. */
  forget(connectionId: string, session: LiveSession | null): void {
    this.#hasNewEdit.delete(connectionId);
    this.#selections.delete(connectionId);
    session?.forgetConnection(connectionId);
  }

  #selectionsBut(connectionId: string): WireSelection[] {
    const selections: WireSelection[] = [];
    for (const { id, state } of this.#options.participants.connections()) {
      const selection = this.#selections.get(id);
      if (!selection || id === connectionId || !may(state.role, 'move_cursor')) continue;
      const { participantId, displayName, color } = state;
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
