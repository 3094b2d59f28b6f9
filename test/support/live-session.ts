/**
 * A live session with neither network nor clock: a scripted repository, a clock that the test
 * moves, and what was sent.
 */

import type { Text } from '@codemirror/state';
import { numberIn } from '../../src/domain/revision.ts';
import type {
  Commit,
  CommitResult,
  FlushState,
  OpenedSession,
  RecoverySource,
  SessionMessage,
  SessionRepository,
} from '../../src/domain/types.ts';
import type { Version } from '../../src/domain/versions.ts';
import { difference, textOf } from '../../src/merging/index.ts';
import type { Content } from '../../src/room/document/document.ts';
import {
  LiveSession,
  type LiveSessionOptions,
  type LiveSessionPorts,
} from '../../src/room/document/live-session.ts';
import { hashOf, type VersionNote } from '../../src/room/document/versions.ts';

/** In the place of compression, whose time a test's clock doesn't tell. */
export const packAtOnce = async (code: string): Promise<string> => Buffer.from(code).toString('base64');

export class FakeClock {
  nowMs = 1_000_000;
  #timers: { atMs: number; task: () => void }[] = [];
  now = () => this.nowMs;
  setTimeout = (task: () => void, delayMs: number) => {
    const timer = { atMs: this.nowMs + delayMs, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** Moves on, running what falls due in order, and lets promises settle after each step. */
  async advance(ms: number): Promise<void> {
    await settle();
    const untilMs = this.nowMs + ms;
    for (;;) {
      const due = this.#timers.filter((t) => t.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.#timers.splice(this.#timers.indexOf(due), 1);
      this.nowMs = Math.max(this.nowMs, due.atMs);
      due.task();
      await settle();
    }
    this.nowMs = untilMs;
    await settle();
  }
}

/** Lets every promise that can settle do so. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

type Buffered = Extract<CommitResult, { durable: 'buffer' }>;

export interface Sent {
  to: string;
  type: string;
  payload: Record<string, unknown>;
}

export function committed(commit: Commit, over: Partial<Buffered> = {}): CommitResult {
  return {
    durable: 'buffer',
    flushedRev: commit.flushedRev,
    isDirty: true,
    lastCommit: commit.attempt,
    load: commit.wantsLoad ? { sweeperLeaseMs: 0, dirtySessions: 1 } : null,
    ...over,
  };
}

/** The session that {@link setUp} opens, in its term 2. */
export const STARTED_AT = numberIn(1, 10);
/** A revision of the session's term. */
export const rev = (count: number) => numberIn(2, count);

/** A clean session as its room opens it. */
export function makeOpened(over: Partial<OpenedSession> = {}): OpenedSession {
  return {
    outcome: 'opened',
    code: { code: 'start', rev: STARTED_AT, receipts: {}, transport: null },
    flushedRev: STARTED_AT,
    isDirty: false,
    messages: [],
    isPartial: false,
    isBufferBehind: false,
    lastCommit: 0,
    source: 'clean',
    ...over,
  };
}

/** A promise that the test settles. */
export function held<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((onResolved, onRejected) => {
    resolve = onResolved;
    reject = onRejected;
  });
  return { promise, resolve, reject };
}

/** What makes `code` of a text, whatever others do to it. */
export function changeTo(text: Text, code: string): Content {
  return { kind: 'change', change: difference(text, textOf(code)) };
}

export function setUp(
  over: {
    opened?: Partial<OpenedSession>;
    options?: Partial<LiveSessionOptions>;
    versionNote?: VersionNote | null;
  } = {},
) {
  const clock = new FakeClock();
  const commits: Commit[] = [];
  const sent: Sent[] = [];
  const records: (RecoverySource | null)[] = [];
  const alarms: number[] = [];
  const notes: VersionNote[] = [];
  const versions: Version[] = [];
  const state = { superseded: 0, flushes: 0, histories: 0, termsFull: 0 };
  const script = {
    commit: async (commit: Commit): Promise<CommitResult> => committed(commit),
    flushState: async (): Promise<FlushState & { sweeperLeaseMs: number }> => ({
      flushedRev: 0,
      isDirty: true,
      lastCommit: commits.at(-1)?.attempt ?? 0,
      sweeperLeaseMs: 0,
    }),
    flush: async (): ReturnType<LiveSessionPorts['flush']> => ({
      flushedRev: commits.at(-1)?.code?.rev ?? 0,
      isDirty: false,
      lastCommit: commits.at(-1)?.attempt ?? 0,
      isComplete: true,
    }),
    record: async () => {},
    setAlarm: async () => {},
    getMessages: async (): Promise<SessionMessage[]> => [],
  };
  const repository = {
    commit: (commit: Commit) => {
      commits.push(structuredClone(commit));
      return script.commit(commit);
    },
    flushState: () => script.flushState(),
    getMessages: () => script.getMessages(),
  } as unknown as SessionRepository;
  const ports: LiveSessionPorts = {
    repository,
    flush: () => {
      state.flushes += 1;
      return script.flush();
    },
    send: (to, type, payload) => sent.push({ to, type, payload }),
    broadcast: (type, payload) => sent.push({ to: '*', type, payload }),
    noteVersions: async (note) => {
      notes.push(note);
    },
    onVersion: (version) => versions.push(version),
    record: async ({ source }) => {
      await script.record();
      records.push(source);
    },
    setAlarm: async (delayMs) => {
      await script.setAlarm();
      alarms.push(delayMs);
    },
    onRevision: () => {},
    onSuperseded: () => {
      state.superseded += 1;
    },
    onTermFull: () => {
      state.termsFull += 1;
    },
    onHistory: () => {
      state.histories += 1;
    },
    log: () => {},
    clock,
  };
  const options: LiveSessionOptions = {
    minMs: 20,
    maxMs: 1_000,
    targetPerS: 1_000,
    fallbackMs: 500,
    flushMs: 5_000,
    historySize: 50,
    versionIntervalMs: 60_000,
    pack: packAtOnce,
    ...over.options,
  };
  const opened = makeOpened(over.opened);
  // As if the code that it is opened with were a version already.
  const newest = { hash: hashOf(opened.code.code), cause: 'typed' as const, atMs: clock.nowMs };
  const versionNote = over.versionNote === undefined ? { newest, change: null } : over.versionNote;
  const session = new LiveSession({ id: 's', term: 2, opened, versionNote }, options, ports);
  const edit = (code: string, connectionId = 'a', requestId?: string) =>
    session.edit({
      connectionId,
      participantId: `${connectionId}'s`,
      requestId,
      editorId: null,
      content: changeTo(session.text, code),
    });
  const say = (id: string, connectionId = 'a') =>
    session.addMessage(connectionId, {
      id,
      type: 'chat',
      role: 'user',
      userId: null,
      displayName: 'Ada',
      avatarUrl: null,
      content: id,
      isActionable: false,
      isCodeResponse: false,
      strudelId: null,
    });
  const acks = () => sent.filter(({ type }) => type === 'ack');
  return {
    ...{ clock, commits, sent, records, alarms, notes, versions, state, script, session, edit, say, acks },
  };
}
