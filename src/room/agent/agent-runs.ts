/**
 * The AI's part in a session: who may ask now, the answer as it streams, and what becomes of it.
 *
 * One request at a time in a session. Its answer replaces the code that all share, so a second one, made from
 * the same code, would only undo the first; and everybody can follow one answer, not three. A participant who
 * asks meanwhile gets `conflict`.
 */

import type { ChangeSet } from '@codemirror/state';
import { StorageUnavailableError } from '../../domain/errors.ts';
import { ExpiringMap } from '../../domain/expiring-map.ts';
import type { StrudelRepository } from '../../domain/strudels.ts';
import type { SaidMessage } from '../../domain/types.ts';
import { difference, moveByDifference, textOf, transform } from '../../merging/index.ts';
import {
  type AgentRequest,
  MAX_AI_REQUESTS_PER_MINUTE,
  MAX_ANONYMOUS_AI_CHARS,
  type ServerPayload,
  storable,
  withLineFeeds,
} from '../../protocol/index.ts';
import type { JoinedConnection } from '../connections/connection.ts';
import type { ConnectionState } from '../connections/connection-state.ts';
import type { Outbox } from '../connections/outbox.ts';
import type { Participants } from '../connections/participants.ts';
import { SlidingWindow } from '../connections/sliding-window.ts';
import type { HostedSession } from '../document/hosted-session.ts';
import type { LiveSession } from '../document/live-session.ts';
import type { MessageAuthors } from '../document/message-authors.ts';
import type { SharedEdits } from '../document/shared-edits.ts';
import type { StrudelContext } from '../document/strudel-context.ts';
import type { RoomLog } from '../log.ts';
import { Deltas } from './deltas.ts';
import {
  type Explanation,
  FOR_ACCOUNTS,
  NO_AI,
  NOT_SET_UP,
  OF_MINUTE,
  ofDay,
  SIGNAL_UNKNOWN,
  TOO_LONG,
} from './errors.ts';
import {
  type Agent,
  AgentError,
  type Answer,
  type Counted,
  type CountedPerson,
  type CountedRequest,
  type Quota,
  type Turn,
} from './index.ts';
import { rateLimitOf } from './rate-limit.ts';

const AT_WORK: Explanation = {
  code: 'conflict',
  message: 'the AI is at work on another request in this session; wait for its answer',
};
const TURNED_AWAY: Explanation = {
  code: 'conflict',
  message: 'the session turned to another strudel meanwhile; ask again',
};
/** What participants see as the author of an answer. */
const AGENT_NAME = 'AI';
/**
 * No connection has this id, since none may have a colon: no client gets an acknowledgement of the AI's edits
 * as its own.
 */
const AGENT_CONNECTION = 'ai:';
const MINUTE_MS = 60_000;

/** The parts of the room that a run uses. */
export interface AgentRoom {
  session: Pick<HostedSession, 'open'>;
  participants: Pick<Participants, 'withConnectionId' | 'writers'>;
  strudel: Pick<StrudelContext, 'strudelId' | 'importedTurns' | 'aiSubject' | 'forgetOrigin'>;
  outbox: Pick<Outbox, 'broadcast' | 'reply' | 'refuse'>;
  edits: Pick<SharedEdits, 'merge'>;
  authors: Pick<MessageAuthors, 'record'>;
}

/** What the runs need besides the room. */
export interface AgentPorts {
  agent: Agent;
  limits: {
    take(person: CountedPerson): Promise<CountedRequest>;
    giveBack(person: CountedPerson): Promise<Counted>;
  };
  /** Whether people without an account may ask on the operator's key. */
  isForStrangers: boolean;
  /** Whether the authors of strudels allow them to be given to the AI. */
  strudels: Pick<StrudelRepository, 'useWithAi'>;
  /** For whom a request counts over the day. */
  countedPerson(member: JoinedConnection): Promise<CountedPerson>;
}

export interface AgentRunsOptions {
  /** Called when the first request comes. */
  ports(): AgentPorts;
  log: RoomLog;
}

/** A request under way. */
interface Run {
  requestId: string;
  connectionId: string;
  abort: AbortController;
}

/** The code that the AI is given. */
interface Given {
  code: string;
  /** The room's revision then. */
  rev: number;
  /** What made the room's code of it then; null where it isn't known how the two belong together. */
  missed: ChangeSet | null;
}

export class AgentRuns {
  readonly #options: AgentRunsOptions;
  readonly #minutes = new ExpiringMap<SlidingWindow>();
  #running: Run | null = null;
  /** Resolves once the last failed request no longer counts. */
  #givenBack: Promise<void> = Promise.resolve();

  constructor(options: AgentRunsOptions) {
    this.#options = options;
  }

  /**
   * Handles one request to its end, whatever that is. Until then the room's instance stays: the message with
   * the request is still being handled, and the provider's answer being read.
   */
  async ask(request: AgentRequest, sender: JoinedConnection, room: AgentRoom): Promise<void> {
    const { request_id: requestId } = request;
    // The client may have lost its connection meanwhile, and be back on another.
    const requester = () => [...room.participants.withConnectionId(sender.id)][0] ?? sender;
    const refuse: Refuse = ({ code, message }) =>
      room.outbox.refuse(requester(), code, message, { requestId });
    if (this.#running) {
      refuse(AT_WORK);
      return;
    }
    const { agent } = this.#options.ports();
    const choice = agent.choose({ provider: request.provider, apiKey: request.provider_api_key });
    if (!choice) {
      refuse(NOT_SET_UP);
      return;
    }
    // On the operator's key people without an account may ask for less, or for nothing.
    const isStranger = !choice.isOwnKey && sender.state.userId === null;
    if (isStranger && !this.#options.ports().isForStrangers) {
      refuse(FOR_ACCOUNTS);
      return;
    }
    const nowMs = Date.now();
    const minute = this.#takeOfMinute(sender, nowMs);
    if (!minute.isAllowed) {
      refuse(OF_MINUTE);
      return;
    }
    const asked = sender.state;
    const run: Run = { requestId, connectionId: sender.id, abort: new AbortController() };
    this.#running = run;
    try {
      const session = await room.session.open();
      if (run.abort.signal.aborted) return;
      const length = (request.editor_state ?? session.code).length + request.user_query.length;
      if (isStranger && length > MAX_ANONYMOUS_AI_CHARS) {
        refuse(TOO_LONG);
        return;
      }
      if ((request.editor_state ?? session.code).trim() === '') room.strudel.forgetOrigin();
      const { aiSubject } = room.strudel;
      const forbidden = aiSubject && (await this.#refusalOfAuthor(aiSubject, asked.userId));
      const subject = aiSubject?.strudelId ?? null;
      if (run.abort.signal.aborted) return;
      if (forbidden) {
        refuse(forbidden);
        return;
      }
      const day = choice.isOwnKey ? null : await this.#takeOfDay(requester());
      if (day && !day.isAllowed) {
        refuse(ofDay(day));
        return;
      }
      await this.#answer(run, request, {
        agent,
        choice,
        session,
        room,
        sender,
        asked,
        refuse,
        day,
        minute,
        subject,
      });
    } finally {
      this.#release(run);
    }
  }

  /** The requester's connection is gone, and the client isn't back under its id: cancels the request. */
  cancelFor(connectionId: string): void {
    if (this.#running?.connectionId === connectionId) this.#running.abort.abort();
  }

  /**
   * Called before the requester is told how the request ended: they may ask again at once, before this run is
   * over.
   */
  #release(run: Run): void {
    if (this.#running === run) this.#running = null;
  }

  async #answer(run: Run, request: AgentRequest, details: Details): Promise<void> {
    const { agent, choice, session, room, sender, asked, refuse, day } = details;
    const { requestId, abort } = run;
    const { strudelId } = room.strudel;
    const history = request.conversation_history ?? [
      ...room.strudel.importedTurns,
      ...turnsOf((await session.history()).messages, strudelId),
    ];
    // The requester may have left while the limits were asked; nothing has been sent yet.
    if (abort.signal.aborted) {
      if (day) await this.#giveBack(day.person);
      return;
    }
    if ((room.strudel.aiSubject?.strudelId ?? null) !== details.subject) {
      this.#release(run);
      refuse(TURNED_AWAY);
      if (day) await this.#giveBack(day.person);
      return;
    }
    const code = request.editor_state ?? session.code;
    const given: Given = {
      code,
      rev: session.rev,
      missed: session.changeSince(textOf(code), sender.id),
    };
    const prompt = session.addMessage(sender.id, {
      id: crypto.randomUUID(),
      type: 'user_prompt',
      role: 'user',
      userId: asked.userId,
      displayName: asked.displayName,
      avatarUrl: asked.avatarUrl,
      content: request.user_query,
      isActionable: false,
      isCodeResponse: false,
      strudelId,
    });
    if (prompt === 'full' || prompt === 'duplicate') {
      this.#release(run);
      refuse({ code: 'server_error', message: 'storage is out of reach; ask again later' });
      if (day) await this.#giveBack(day.person);
      return;
    }
    room.authors.record(prompt.id, asked.participantId);
    toWriters(room, 'agent_request', { user_query: request.user_query, display_name: asked.displayName });
    const deltas = new Deltas((text, attempt) =>
      toWriters(room, 'agent_delta', { request_id: requestId, text, attempt }),
    );
    try {
      const answer = await agent.answer(
        choice,
        { query: request.user_query, code, history },
        { signal: abort.signal, onDelta: (text, attempt) => deltas.add(text, attempt) },
      );
      // A requester who may no longer write doesn't change the code by way of the AI either. And an answer
      // that was made for one strudel doesn't replace another's code.
      const requester = writers(room).find(({ id }) => id === run.connectionId);
      const isWanted = !abort.signal.aborted && room.strudel.strudelId === strudelId;
      if (!requester || !isWanted) throw new AgentError('cancelled');
      deltas.flush();
      this.#conclude(answer, request, { ...details, sender: requester, strudelId, given });
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      deltas.flush();
      await this.#fail(error, run, deltas.attempt, details);
    } finally {
      deltas.close();
    }
  }

  /** The answer becomes a message of the history and, if it is code, the session's next revision. */
  #conclude(
    answer: Answer,
    request: AgentRequest,
    details: Details & { strudelId: string | null; given: Given },
  ): void {
    const { session, room, sender, choice, strudelId, given, day, minute } = details;
    const isCode = answer.kind === 'code';
    const content = withLineFeeds(storable(isCode ? answer.code : answer.text));
    const stored = session.addMessage(sender.id, {
      id: crypto.randomUUID(),
      type: 'ai_response',
      role: 'assistant',
      userId: null,
      displayName: AGENT_NAME,
      avatarUrl: null,
      content,
      isActionable: answer.kind !== 'questions',
      isCodeResponse: isCode,
      strudelId,
    });
    const response: ServerPayload<'agent_response'> = {
      request_id: request.request_id,
      is_code_response: isCode,
      is_actionable: answer.kind !== 'questions',
      base_rev: given.rev,
      model: choice.modelId,
      // The guide is always part of the prompt; nothing is retrieved.
      docs_retrieved: 0,
      examples_retrieved: 0,
      rate_limit: rateLimitOf((day ?? minute).quota),
    };
    if (answer.kind !== 'questions') response.code = content;
    if (isCode && answer.explanation !== '') response.explanation = storable(answer.explanation);
    if (answer.kind === 'questions') response.clarifying_questions = answer.questions.map(storable);
    if (typeof stored === 'object') {
      room.authors.record(stored.id, AGENT_CONNECTION);
      response.message_id = stored.id;
    }
    const change = isCode ? changeOf(content, given, session) : null;
    if (isCode && !change) response.is_applied = false;
    toWriters(room, 'agent_response', response);
    if (!change) return;
    const edit = {
      connectionId: AGENT_CONNECTION,
      participantId: AGENT_CONNECTION,
      editorId: sender.state.userId,
      content: { kind: 'change' as const, change },
    };
    const merged = room.edits.merge(session, edit, sender.state, { source: 'ai' });
    if (merged.outcome === 'refused') {
      room.outbox.refuse(sender, 'validation_error', merged.reason, { requestId: request.request_id });
    }
  }

  async #fail(error: AgentError, run: Run, attempt: number, details: Details): Promise<void> {
    const { room, choice, refuse, day } = details;
    this.#release(run);
    const isCancelled = error.failure === 'cancelled';
    toWriters(room, 'agent_delta', {
      request_id: run.requestId,
      text: '',
      attempt,
      ended: isCancelled ? 'cancelled' : 'failed',
    });
    // A requester who has left doesn't get it; but a request may be cancelled whose requester is still
    // connected.
    refuse(error);
    if (isCancelled) return;
    const status = error.status === null ? '' : ` (${error.status})`;
    const key = choice.isOwnKey ? ', own key' : '';
    this.#options.log('agent_failed', `${choice.provider}: ${error.failure}${status}${key}`);
    if (day && error.isGivenBack) await this.#giveBack(day.person);
  }

  /** Why the AI may not be given the code and conversation of a strudel; null when it may. */
  async #refusalOfAuthor(
    subject: NonNullable<StrudelContext['aiSubject']>,
    userId: string | null,
  ): Promise<Explanation | null> {
    try {
      const known = await this.#options.ports().strudels.useWithAi([subject.strudelId], userId);
      // Of one that has been deleted counts what it said when it was loaded.
      return (known?.isForbidden ?? subject.wasForbidden) ? NO_AI : null;
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      this.#options.log('ai_signal_unavailable', error.message);
      return SIGNAL_UNKNOWN;
    }
  }

  async #takeOfDay(member: JoinedConnection): Promise<CountedRequest & { person: CountedPerson }> {
    const { limits, countedPerson } = this.#options.ports();
    const person = await countedPerson(member);
    // A client hears that its request has failed before the request is given back, and may ask again at once.
    await this.#givenBack;
    const counted = await limits.take(person);
    this.#noteOutage(counted);
    return { ...counted, person };
  }

  #giveBack(person: CountedPerson): Promise<void> {
    const { limits } = this.#options.ports();
    const givenBack = limits.giveBack(person).then((counted) => this.#noteOutage(counted));
    this.#givenBack = givenBack.catch(() => {});
    return givenBack;
  }

  #noteOutage({ outage }: Counted): void {
    if (outage !== null) this.#options.log('ai_limit_in_memory', outage);
  }

  /**
   * Counts for the participant, over all their connections. The connection keeps the times, too: a minute
   * outlives the memory.
   */
  #takeOfMinute(member: JoinedConnection, nowMs: number): Taken {
    const { participantId: person, agentTimes } = member.state;
    this.#minutes.sweep(nowMs);
    const window =
      this.#minutes.get(person, nowMs) ??
      new SlidingWindow(MAX_AI_REQUESTS_PER_MINUTE, MINUTE_MS, agentTimes);
    this.#minutes.set(person, window, nowMs + MINUTE_MS);
    const isAllowed = window.take(nowMs);
    const times = window.times(nowMs);
    if (isAllowed) member.setState({ ...member.state, agentTimes: times });
    return {
      isAllowed,
      quota: {
        limit: MAX_AI_REQUESTS_PER_MINUTE,
        remaining: MAX_AI_REQUESTS_PER_MINUTE - times.length,
        resetMs: Math.max(0, (times[0] ?? nowMs) + MINUTE_MS - nowMs),
      },
    };
  }
}

type Refuse = (explanation: Explanation) => void;

interface Taken {
  isAllowed: boolean;
  quota: Quota;
}

interface Details {
  agent: Agent;
  choice: NonNullable<ReturnType<Agent['choose']>>;
  session: LiveSession;
  room: AgentRoom;
  sender: JoinedConnection;
  /** The requester as they were when they asked: their connection may be another by now. */
  asked: ConnectionState;
  refuse: Refuse;
  /** null with one's own key. */
  day: (Taken & { person: CountedPerson }) | null;
  minute: Taken;
  /** The strudel whose author allows the AI to be given the code; null: it is of none. */
  subject: string | null;
}

function writers({ participants }: AgentRoom): JoinedConnection[] {
  return [...participants.writers()];
}

/** As replies, not as a broadcast: viewers would see a gap in the numbers of broadcasts. */
function toWriters<T extends 'agent_request' | 'agent_delta' | 'agent_response'>(
  room: AgentRoom,
  type: T,
  payload: ServerPayload<T>,
): void {
  for (const writer of writers(room)) room.outbox.reply(writer, type, payload);
}

/** The conversation about one strudel, or about the session's scratch code. */
function turnsOf(history: readonly SaidMessage[], strudelId: string | null): Turn[] {
  return history
    .filter((message) => message.type !== 'chat' && message.strudelId === strudelId)
    .map(({ role, content }) => ({ role, content }));
}

/**
 * What an answer changes of the code that the AI was given, as a change of the session's code as it is: moved
 * behind all that was typed since, where that is known, and else by what the two codes have in common.
 * @returns null where that doesn't tell where it belongs.
 */
function changeOf(content: string, { code, rev, missed }: Given, session: LiveSession): ChangeSet | null {
  const [given, answered] = [textOf(code), textOf(content)];
  const moved = missed && session.moved(transform(missed, difference(given, answered))[1], rev);
  return moved ?? moveByDifference(given, answered, session.text);
}
