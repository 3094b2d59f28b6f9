/** What a room is made of: its parts, each made once an instance and passed to those that need it. */
import { BanList } from '../access/ban-list.ts';
import type { Config } from '../config.ts';
import type { Gate } from '../domain/gate.ts';
import type { PeopleRepository } from '../domain/people.ts';
import type { StrudelRepository } from '../domain/strudels.ts';
import type { SessionRepository } from '../domain/types.ts';
import { CHAT_HISTORY_MESSAGES, VERSION_INTERVAL_MS } from '../protocol/index.ts';
import { type AgentPorts, AgentRuns } from './agent/agent-runs.ts';
import { systemClock } from './clock.ts';
import { AccessRevocations } from './connections/access-revocations.ts';
import { AudienceCount } from './connections/audience-count.ts';
import { Away } from './connections/away.ts';
import { ConnectionLimits } from './connections/connection-limits.ts';
import { Departures } from './connections/departures.ts';
import { FloodGuard } from './connections/flood-guard.ts';
import { Joining } from './connections/joining.ts';
import { Knocks } from './connections/knocks.ts';
import { Liveness } from './connections/liveness.ts';
import { Outbox } from './connections/outbox.ts';
import { Participants } from './connections/participants.ts';
import { PresenceRecorder } from './connections/presence.ts';
import { RateLimits } from './connections/rate-limits.ts';
import { RoomAdmission } from './connections/room-admission.ts';
import { SlowConsumers } from './connections/slow-consumers.ts';
import { StrangerPace, type StrangerPaceOptions } from './connections/stranger-pace.ts';
import { HostedSession } from './document/hosted-session.ts';
import type { LiveSessionPorts } from './document/live-session.ts';
import { MessageAuthors } from './document/message-authors.ts';
import { SessionState } from './document/session-state.ts';
import { SharedEdits } from './document/shared-edits.ts';
import { StrudelContext } from './document/strudel-context.ts';
import { describe } from './guarded.ts';
import type { CommandParts } from './handlers/handle-command.ts';
import { IncomingFrames } from './handlers/incoming-frames.ts';
import type { Connection, RoomHost } from './host.ts';
import { logOf, type RoomLog } from './log.ts';
import { RoomAlarm } from './room-alarm.ts';

/** How long a place stays reserved for an admitted caller whose connection doesn't come. */
const RESERVATION_MS = 30_000;

/** What rooms are made with. */
export interface RoomDependencies {
  config: Pick<
    Config,
    | 'CONNECTIONS_PER_USER'
    | 'CONNECTIONS_PER_ADDRESS'
    | 'WATCHERS_PER_ADDRESS'
    | 'COMMIT_MIN_MS'
    | 'COMMIT_MAX_MS'
    | 'COMMIT_TARGET_PER_S'
    | 'COMMIT_FALLBACK_MS'
    | 'FLUSH_ALARM_MS'
  >;
  repository: SessionRepository;
  people: Pick<PeopleRepository, 'recordPresence' | 'letIn'>;
  strudels: Pick<StrudelRepository, 'use'>;
  /**
   * Flushes the session by the Worker's flush route.
   * @throws when that fails; the session stays dirty, and safe.
   */
  flush: LiveSessionPorts['flush'];
  /** Counts what people without an account have committed. */
  strangerCommits: StrangerPaceOptions['commits'];
  /** Called when a participant first asks the AI. */
  agentPorts: () => AgentPorts;
  /** Shared by all rooms of the isolate: after a restart all their alarms are due. */
  alarmGate: Pick<Gate, 'pass'>;
}

export interface RoomParts extends CommandParts {
  knocks: Knocks;
  session: HostedSession;
  admission: RoomAdmission;
  joining: Joining;
  incomingFrames: IncomingFrames;
  slowConsumers: SlowConsumers<Connection>;
  liveness: Liveness;
  alarm: RoomAlarm;
  log: RoomLog;
  /** Reads what earlier instances left in the room's storage. No part may be used before. */
  load(): Promise<void>;
}

/** @param events what only the room itself can deal with. */
export function makeParts(
  host: RoomHost,
  deps: RoomDependencies,
  events: Pick<LiveSessionPorts, 'onSuperseded' | 'onTermFull'>,
): RoomParts {
  const { id, storage } = host;
  const { config, people, strudels } = deps;
  const log = logOf(id);
  const participants = new Participants(host);
  const slowConsumers = new SlowConsumers<Connection>(() => crypto.randomUUID());
  const outbox = new Outbox({ sessionId: id, storage, participants, slowConsumers });
  const away = new Away({ participants, outbox });
  const alarm = new RoomAlarm(storage);
  const revocations = new AccessRevocations(storage, Date.now);
  const bans = new BanList();
  const strudel = new StrudelContext(storage);
  const knocks = new Knocks({ sessionId: id, participants, outbox, people, revocations, clock: systemClock });
  const audience = new AudienceCount({ participants, outbox, clock: systemClock });
  const agents = new AgentRuns({ ports: deps.agentPorts, log });
  const presence = new PresenceRecorder({
    sessionId: id,
    participants,
    people,
    storage,
    log,
    clock: systemClock,
  });
  const connectionLimits = new ConnectionLimits({
    perParticipant: config.CONNECTIONS_PER_USER,
    perAddress: config.CONNECTIONS_PER_ADDRESS,
    watchersPerAddress: config.WATCHERS_PER_ADDRESS,
    reservationMs: RESERVATION_MS,
  });
  const session = new HostedSession({
    id,
    storage,
    alarm,
    repository: deps.repository,
    session: {
      minMs: config.COMMIT_MIN_MS,
      maxMs: config.COMMIT_MAX_MS,
      targetPerS: config.COMMIT_TARGET_PER_S,
      fallbackMs: config.COMMIT_FALLBACK_MS,
      flushMs: config.FLUSH_ALARM_MS,
      historySize: CHAT_HISTORY_MESSAGES,
      versionIntervalMs: VERSION_INTERVAL_MS,
    },
    ports: {
      flush: deps.flush,
      send: (connectionId, type, payload) => outbox.replyTo(connectionId, type, payload),
      broadcast: (type, payload) => outbox.broadcast(type, payload),
      ...events,
      onVersion: ({ number, rev, cause, displayName, createdAtMs }) => {
        const version = { number, rev, cause, display_name: displayName, at: createdAtMs };
        outbox.broadcastEach('version', ({ state }) => (state.edits === 'changes' ? version : null));
      },
      onHistory: () => {
        sessionState.sendMissedHistory().catch((error: unknown) => log('failed', describe(error)));
      },
      log,
      clock: systemClock,
    },
    onOpened: async () => {
      if (session.live) edits.resume(session.live);
      await presence.resume();
    },
  });
  const edits = new SharedEdits({ session, participants, outbox, clock: systemClock });
  const sessionState = new SessionState({ session, participants, strudel, outbox, edits, knocks });
  const departures = new Departures({
    participants,
    outbox,
    presence,
    audience,
    away,
    agents,
    session,
    edits,
    bans,
    slowConsumers,
    log,
  });
  const liveness = new Liveness({ participants, away, departures, outbox, alarm });
  const limits = new RateLimits();
  const shared = {
    session,
    sessionState,
    edits,
    participants,
    connectionLimits,
    outbox,
    revocations,
    departures,
    presence,
    audience,
    away,
    liveness,
    knocks,
  };
  return {
    ...shared,
    slowConsumers,
    alarm,
    log,
    storage,
    strudel,
    admission: new RoomAdmission({ ...shared, bans }),
    joining: new Joining(shared),
    incomingFrames: new IncomingFrames({
      ...shared,
      limits,
      floodGuard: new FloodGuard(),
      slowConsumers,
      strudel,
      strudels,
      agents,
      authors: new MessageAuthors(storage),
      strangerPace: new StrangerPace({
        commits: deps.strangerCommits,
        commitMinMs: config.COMMIT_MIN_MS,
      }),
      log,
    }),
    async load() {
      await Promise.all([outbox.load(), revocations.load(), strudel.load()]);
    },
  };
}
