/**
 * The AI for people who ask it over HTTP, without a room: the same engine under the same limits. The minute
 * is counted here, so the requests of one person have to come to one instance.
 *
 * A provider's request lasts as long as somebody waits for it: of a stream that nobody reads any more it is
 * given up, and so is one whose caller has hung up, where the platform tells.
 */
import { StorageUnavailableError } from '../../domain/errors.ts';
import { ExpiringMap } from '../../domain/expiring-map.ts';
import type { Generated, GenerateEvent } from '../../protocol/http/agent.ts';
import {
  type ErrorCode,
  type GenerateRequest,
  MAX_AI_REQUESTS_PER_MINUTE,
  MAX_ANONYMOUS_AI_CHARS,
  storable,
  withLineFeeds,
} from '../../protocol/index.ts';
import { SlidingWindow } from '../connections/sliding-window.ts';
import { describe, guarded } from '../guarded.ts';
import { log } from '../log.ts';
import type { Agent, Answer } from './agent.ts';
import type { AgentPorts } from './agent-runs.ts';
import { Deltas } from './deltas.ts';
import { type CountedPerson, DESK_PATHS, type DeskRequest, deskRequestSchema } from './desk-request.ts';
import {
  AgentError,
  type Explanation,
  FOR_ACCOUNTS,
  NO_AI,
  NOT_SET_UP,
  OF_MINUTE,
  ofDay,
  SIGNAL_UNKNOWN,
  TOO_LONG,
} from './errors.ts';
import type { ModelChoice } from './models.ts';
import { type Quota, rateLimitOf } from './rate-limit.ts';

const MINUTE_MS = 60_000;
const PEOPLE_KEPT = 10_000;
/** A caller who has gone is noticed when something is sent to them. */
const HEARTBEAT_MS = 2_000;
const HEARTBEAT = ': \n\n';

/**
 * HTTP statuses of what isn't answered. A key that its provider doesn't accept is no 401: the caller's token
 * is good.
 */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  too_many_requests: 429,
  validation_error: 400,
  bad_request: 400,
  conflict: 409,
  forbidden: 403,
  unauthorized: 403,
  no_ai: 403,
  ai_unavailable: 503,
  server_error: 502,
};

export interface DeskPorts extends Omit<AgentPorts, 'countedPerson'> {
  /** The strudel that a session is about, as its room says. @throws when the room can't be asked. */
  subjectOf(sessionId: string): Promise<{ strudelId: string; wasForbidden: boolean } | null>;
}

/** A question that may be answered. */
interface Permit {
  choice: ModelChoice;
  quota: Quota;
  /** Null with one's own key. */
  counted: CountedPerson | null;
}

export class Desk {
  readonly #minutes = new ExpiringMap<SlidingWindow>(PEOPLE_KEPT);
  readonly #ports: DeskPorts;

  constructor(ports: DeskPorts) {
    this.#ports = ports;
  }

  /** Handles a request of the Worker: only its own code reaches a desk. */
  handle(request: Request): Promise<Response> {
    return guarded(null, async () => {
      const asked = deskRequestSchema.parse(await request.json());
      const permit = await this.#permit(asked);
      if ('code' in permit) return refusal(permit);
      const abort = new AbortController();
      if (request.signal?.aborted) abort.abort();
      request.signal?.addEventListener('abort', () => abort.abort());
      const isStream = new URL(request.url).pathname === DESK_PATHS.stream;
      return isStream ? this.#stream(asked, permit, abort) : this.#whole(asked, permit, abort.signal);
    });
  }

  async #whole(asked: DeskRequest, permit: Permit, signal: AbortSignal): Promise<Response> {
    try {
      const answer = await this.#answer(asked, permit, { signal, onDelta: () => {} });
      return Response.json(generatedOf(answer, permit));
    } catch (error) {
      return refusal(await this.#failure(error, permit));
    }
  }

  #stream(asked: DeskRequest, permit: Permit, abort: AbortController): Response {
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      start: async (controller) => {
        const write = (text: string) => {
          if (!abort.signal.aborted) controller.enqueue(encoder.encode(text));
        };
        const send = (event: GenerateEvent) => write(`data: ${JSON.stringify(event)}\n\n`);
        let attempts = 1;
        const deltas = new Deltas((content, attempt) => {
          if (attempt !== attempts) send({ type: 'restart' });
          attempts = attempt;
          send({ type: 'chunk', content });
        });
        const beat = setInterval(() => write(HEARTBEAT), HEARTBEAT_MS);
        send({ type: 'refs', strudel_references: [], doc_references: [] });
        try {
          const answer = await this.#answer(asked, permit, {
            signal: abort.signal,
            onDelta: (text, attempt) => deltas.add(text, attempt),
          });
          deltas.flush();
          send({ type: 'done', content: contentOf(answer), ...generatedOf(answer, permit) });
        } catch (error) {
          const { code, message } = await this.#failure(error, permit);
          deltas.flush();
          send({ type: 'error', error: message, code });
        } finally {
          deltas.close();
          clearInterval(beat);
          if (!abort.signal.aborted) controller.close();
        }
      },
      cancel: () => abort.abort(),
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
  }

  #answer(
    { question }: DeskRequest,
    { choice }: Permit,
    options: Parameters<Agent['answer']>[2],
  ): Promise<Answer> {
    const { user_query: query, editor_state: code = '', conversation_history: history = [] } = question;
    return this.#ports.agent.answer(choice, { query, code, history }, options);
  }

  /** What to tell of what went wrong. A request that the provider didn't answer isn't counted. */
  async #failure(error: unknown, { choice, counted }: Permit): Promise<Explanation> {
    if (!(error instanceof AgentError)) {
      log(null, 'unexpected_error', describe(error));
      return { code: 'server_error', message: 'something went wrong' };
    }
    if (error.failure !== 'cancelled') {
      const status = error.status === null ? '' : ` (${error.status})`;
      log(
        null,
        'agent_failed',
        `${choice.provider}: ${error.failure}${status}${choice.isOwnKey ? ', own key' : ''}`,
      );
    }
    if (counted && error.isGivenBack) await this.#ports.limits.giveBack(counted);
    return error;
  }

  /** Counts the question, or says why it isn't answered. */
  async #permit({ person, userId, question }: DeskRequest): Promise<Permit | Explanation> {
    const { agent, isForStrangers, limits } = this.#ports;
    const { user_query, editor_state = '' } = question;
    const choice = agent.choose({ provider: question.provider, apiKey: question.provider_api_key });
    if (!choice) return NOT_SET_UP;
    const isStranger = !choice.isOwnKey && userId === null;
    if (isStranger && !isForStrangers) return FOR_ACCOUNTS;
    const minute = this.#takeOfMinute(person, Date.now());
    if (!minute) return OF_MINUTE;
    if (isStranger && editor_state.length + user_query.length > MAX_ANONYMOUS_AI_CHARS) return TOO_LONG;
    const forbidden = await this.#refusalOfAuthors(question, userId);
    if (forbidden) return forbidden;
    if (choice.isOwnKey) return { choice, quota: minute, counted: null };
    const day = await limits.take(person);
    if (day.outage !== null) log(null, 'ai_limit_in_memory', day.outage);
    return day.isAllowed ? { choice, quota: day.quota, counted: person } : ofDay(day);
  }

  /** Why the AI may not be given the code and the conversation; null when it may. */
  async #refusalOfAuthors(
    { strudel_id, forked_from_id, session_id }: GenerateRequest,
    userId: string | null,
  ): Promise<Explanation | null> {
    const { strudels, subjectOf } = this.#ports;
    let subject: Awaited<ReturnType<typeof subjectOf>> = null;
    try {
      if (session_id !== undefined) subject = await subjectOf(session_id);
      const named = [strudel_id, forked_from_id, subject?.strudelId].flatMap((id) => id ?? []);
      const ids = [...new Set(named)];
      if (ids.length === 0) return null;
      const known = await strudels.useWithAi(ids, userId);
      return (known?.isForbidden ?? subject?.wasForbidden) ? NO_AI : null;
    } catch (error) {
      const reason = error instanceof StorageUnavailableError ? error.message : 'a room is out of reach';
      log(null, 'ai_signal_unavailable', reason);
      return SIGNAL_UNKNOWN;
    }
  }

  /** What is left of the minute; null: nothing is. */
  #takeOfMinute(person: CountedPerson, nowMs: number): Quota | null {
    const key = `${person.kind} ${person.id}`;
    this.#minutes.sweep(nowMs);
    const window = this.#minutes.get(key, nowMs) ?? new SlidingWindow(MAX_AI_REQUESTS_PER_MINUTE, MINUTE_MS);
    if (!window.take(nowMs)) return null;
    this.#minutes.set(key, window, nowMs + MINUTE_MS);
    const times = window.times(nowMs);
    return {
      limit: MAX_AI_REQUESTS_PER_MINUTE,
      remaining: MAX_AI_REQUESTS_PER_MINUTE - times.length,
      resetMs: Math.max(0, (times[0] ?? nowMs) + MINUTE_MS - nowMs),
    };
  }
}

function refusal(explanation: Explanation): Response {
  const { code: error, message } = explanation;
  // A store of ours, and no provider.
  const status = explanation === SIGNAL_UNKNOWN ? 503 : (STATUSES[error] ?? 500);
  return Response.json({ error, message }, { status });
}

/** What of an answer is for its asker: the program, or what it says. */
function contentOf(answer: Answer): string {
  return withLineFeeds(storable(answer.kind === 'code' ? answer.code : answer.text));
}

function generatedOf(answer: Answer, { choice, quota }: Permit): Generated {
  const isCode = answer.kind === 'code';
  const reply: Generated = {
    is_code_response: isCode,
    is_actionable: answer.kind !== 'questions',
    docs_retrieved: 0,
    examples_retrieved: 0,
    model: choice.modelId,
    rate_limit: rateLimitOf(quota),
  };
  if (answer.kind !== 'questions') reply.code = contentOf(answer);
  if (isCode && answer.explanation !== '') reply.explanation = storable(answer.explanation);
  if (answer.kind === 'questions') reply.clarifying_questions = answer.questions.map(storable);
  return reply;
}
