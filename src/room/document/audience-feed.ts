/**
 * What watchers are sent of the text. A few get each edit as the writers do. Of an audience all get, at a
 * pace that falls with its size, what has changed since the last time as one frame: to send one costs the
 * runtime some 30 µs a connection, and what is spent on a thousand watchers the writers wait for.
 *
 * Between two frames the audience's text is older than the room's, and a watcher who comes in starts from
 * that older one: then each frame is for all of them.
 */
import type { ChangeSet, Text } from '@codemirror/state';
import type { Clock } from '../../domain/clock.ts';
import { writeChanges } from '../../merging/index.ts';
import {
  AUDIENCE_FRAMES_PER_SECOND,
  MAX_UNPACED_WATCHERS,
  type ServerPayload,
  type WireSelection,
} from '../../protocol/index.ts';
import type { JoinedConnection } from '../connections/connection.ts';
import type { Outbox } from '../connections/outbox.ts';
import type { Participants } from '../connections/participants.ts';
import type { LiveSession } from './live-session.ts';

type Update = ServerPayload<'code_update'>;
type About = Omit<Update, 'code' | 'changes'>;

/** A text, and where the writers' selections are in it. */
interface Shown {
  text: Text;
  rev: number;
  selections: WireSelection[];
}

/** The text as the audience has it, and what it is to be sent. */
interface Behind extends Shown {
  session: LiveSession;
  change: ChangeSet;
  about: About;
}

/** What is sent at one time, to those of changes and to those of whole texts. */
interface Frames {
  update: Update | null;
  code: Update | null;
  selections: ServerPayload<'selections'> | null;
  cursor: ServerPayload<'cursor_position'> | null;
}

/** Sending to so many keeps the room from its writers for some 3 ms. */
const WATCHERS_AT_A_TIME = 100;

export interface AudienceFeedOptions {
  participants: Pick<Participants, 'watchers' | 'watching'>;
  outbox: Pick<Outbox, 'broadcastEach'>;
  /** Of the writers, in the room's text as it is; of these connections, or of all. */
  selections(of?: ReadonlySet<string>): WireSelection[];
  clock: Clock;
}

export class AudienceFeed {
  readonly #options: AudienceFeedOptions;
  #behind: Behind | null = null;
  /** Connections whose selection the audience hasn't been shown. */
  readonly #moved = new Set<string>();
  #newestCursor: ServerPayload<'cursor_position'> | null = null;
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #cancelTimer: (() => void) | null = null;
  /** On its way, and to whom it hasn't been sent yet. */
  #sending: { frames: Frames; to: Set<JoinedConnection> } | null = null;
  #isSendingOn = false;

  constructor(options: AudienceFeedOptions) {
    this.#options = options;
  }

  /** There are so many watchers that they aren't sent each edit. */
  get isPaced(): boolean {
    return this.#options.participants.watching > MAX_UNPACED_WATCHERS;
  }

  /**
   * The text has changed.
   * @param before as it was.
   * @param about of the edit, with its revision.
   */
  changed(session: LiveSession, before: Shown, change: ChangeSet, about: About): void {
    const behind = this.#behindOf(session);
    this.#behind = behind
      ? { ...behind, change: behind.change.compose(change), about: joined(behind.about, about) }
      : { ...before, session, change, about };
    this.#schedule(session);
  }

  /** A writer has moved their cursor. */
  moved(connectionId: string, cursor: ServerPayload<'cursor_position'>, session: LiveSession | null): void {
    this.#newestCursor = cursor;
    this.#moved.add(connectionId);
    this.#schedule(session);
  }

  /** The text that a watcher starts from. What is on its way to them belongs to the one before. */
  start(
    member: JoinedConnection,
    session: LiveSession,
  ): Pick<ServerPayload<'session_state'>, 'code' | 'rev' | 'selections'> {
    this.#sending?.to.delete(member);
    const behind = this.#behindOf(session);
    if (behind) return { code: behind.text.toString(), rev: behind.rev, selections: behind.selections };
    return { code: session.code, rev: session.rev, selections: this.#options.selections() };
  }

  /** Sends all that waits, to all of them: the audience has the room's text then. */
  flush(session: LiveSession | null): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#take(session);
    this.#sendSome(Number.POSITIVE_INFINITY);
  }

  /** What waits is on its way from here on. */
  #take(session: LiveSession | null): void {
    this.#sendSome(Number.POSITIVE_INFINITY);
    const behind = session && this.#behindOf(session);
    this.#behind = null;
    if (!behind && this.#moved.size === 0) return;
    const selections = this.#options.selections(this.#moved);
    const cursor = this.#newestCursor;
    this.#moved.clear();
    this.#newestCursor = null;
    const { participants, clock } = this.#options;
    this.#lastSentMs = clock.now();
    const to = new Set(participants.watchers());
    const frames: Frames = { update: null, code: null, selections: null, cursor };
    if (behind) {
      const changes = { changes: writeChanges(behind.change), ...behind.about };
      frames.update = selections.length === 0 ? changes : { ...changes, selections };
      const hasWholes = [...to].some(({ state }) => state.edits === 'whole');
      if (hasWholes) frames.code = { code: session.code, ...behind.about };
    } else if (session && selections.length > 0) frames.selections = { rev: session.rev, selections };
    this.#sending = { frames, to };
  }

  /** Sends what is on its way to so many more. */
  #sendSome(most: number): void {
    const sending = this.#sending;
    if (!sending) return;
    const { outbox } = this.#options;
    const { update, code, selections, cursor } = sending.frames;
    const next = [...sending.to].slice(0, most);
    for (const member of next) sending.to.delete(member);
    if (sending.to.size === 0) this.#sending = null;
    const inChanges = next.filter(({ state }) => state?.edits === 'changes');
    // Clients of whole texts know cursors one by one: they are shown the one that moved last.
    const inWholes = next.filter(({ state }) => state?.edits === 'whole');
    if (update && inChanges.length > 0) outbox.broadcastEach('code_update', () => update, inChanges);
    if (selections && inChanges.length > 0) outbox.broadcastEach('selections', () => selections, inChanges);
    if (code && inWholes.length > 0) outbox.broadcastEach('code_update', () => code, inWholes);
    if (cursor && inWholes.length > 0) outbox.broadcastEach('cursor_position', () => cursor, inWholes);
  }

  /** Sends what is on its way a few at a time: in between the room reads what writers send. */
  #sendOn(): void {
    this.#sendSome(WATCHERS_AT_A_TIME);
    if (this.#sending && !this.#isSendingOn) {
      this.#isSendingOn = true;
      this.#options.clock.setTimeout(() => {
        this.#isSendingOn = false;
        this.#sendOn();
      }, 0);
    }
  }

  #behindOf(session: LiveSession): Behind | null {
    // The session may have been opened anew, and no client has the text of before.
    return this.#behind?.session === session ? this.#behind : null;
  }

  #schedule(session: LiveSession | null): void {
    if (this.#cancelTimer) return;
    const { clock, participants } = this.#options;
    const intervalMs = (participants.watching * 1_000) / AUDIENCE_FRAMES_PER_SECOND;
    const waitMs = this.#lastSentMs + intervalMs - clock.now();
    if (waitMs <= 0) {
      this.#take(session);
      this.#sendOn();
      return;
    }
    this.#cancelTimer = clock.setTimeout(() => {
      this.#cancelTimer = null;
      this.#take(session);
      this.#sendOn();
    }, waitMs);
  }
}

/** What is told of two edits that are sent as one: of the later one, and whose only if both are theirs. */
function joined(earlier: About, later: About): About {
  if (earlier.participant_id === later.participant_id) return later;
  const { participant_id: _, ...rest } = later;
  return rest;
}
