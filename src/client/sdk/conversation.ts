/**
 * One client's view of the conversation with the AI about what the session is about: what the room's history
 * holds, and the request that is under way. No I/O and no clock; `SessionClient` feeds it.
 *
 * A room answers one request at a time, so whatever streams belongs to the question that was asked last.
 */
import type { ServerPayload } from '../../protocol/index.ts';

/**
 * A question is `pending` until the room has told it to all writers, an answer `streaming` until it is
 * complete. What is `failed` or `cancelled` stays as it is, and the room's history won't have it.
 */
type TurnStatus = 'pending' | 'streaming' | 'done' | 'failed' | 'cancelled';

/** One thing said. Never changes; each change makes a new one under the same id. */
export interface ConversationTurn {
  readonly id: string;
  readonly role: 'user' | 'assistant';
  /** Who asked; null for the AI. */
  readonly displayName: string | null;
  /** The question, the answer's words as far as they are there, or what an answer says about its code. */
  readonly text: string;
  /** The answer's program. */
  readonly code: string | null;
  /** It wasn't put into the session's code, which had too little in common with what the AI was given. */
  readonly isOffered: boolean;
  /** What the AI wants to know before it can answer. */
  readonly questions: readonly string[];
  readonly status: TurnStatus;
  /** Why it failed. */
  readonly problem: string | null;
  /** This client asked, or was answered. */
  readonly isOwn: boolean;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** What of the AI is left to this user; `resetSeconds` is how long it counts from when it was told. */
export interface RequestsLeft {
  readonly remaining: number;
  readonly limit: number;
  readonly resetSeconds: number;
}

/** Turns kept for showing. */
const TURNS_KEPT = 200;
const LOST = 'The connection was lost before it was answered.';

export class Conversation {
  #turns: ConversationTurn[] = [];
  #requestsLeft: RequestsLeft | null = null;
  /** Request id of the own question that is under way. */
  #own: string | null = null;
  /** The answer that streams: its turn's id, and which of the AI's attempts it is. */
  #answer: { id: string; attempt: number } | null = null;
  #counter = 0;

  get turns(): readonly ConversationTurn[] {
    return this.#turns;
  }

  /** Null until the room has said it. */
  get requestsLeft(): RequestsLeft | null {
    return this.#requestsLeft;
  }

  /** A request of any participant is under way: the room takes no other. */
  get isBusy(): boolean {
    return this.#answer !== null || this.#own !== null;
  }

  /** This client asks. */
  ask(requestId: string, text: string, displayName: string, atMs: number): void {
    this.#own = requestId;
    this.#add({ id: requestId, role: 'user', displayName, text, status: 'pending', isOwn: true, atMs });
  }

  /** The room tells all writers what is asked. */
  asked({ user_query: text, display_name }: ServerPayload<'agent_request'>, atMs: number): void {
    const own = this.#find(this.#own);
    const isOwn = own?.status === 'pending' && own.text === text && own.displayName === display_name;
    if (own && isOwn) this.#set(own.id, { status: 'done' });
    else this.#add({ role: 'user', displayName: display_name, text, status: 'done', isOwn: false, atMs });
    this.#beginAnswer(isOwn, atMs);
  }

  /** A piece of the answer. */
  delta({ request_id, text, attempt, ended }: ServerPayload<'agent_delta'>, atMs: number): void {
    // A client that joined in the middle didn't get the beginning.
    const answer = this.#answer ?? this.#beginAnswer(request_id === this.#own, atMs);
    const before = attempt > answer.attempt ? '' : (this.#find(answer.id)?.text ?? '');
    answer.attempt = attempt;
    this.#set(answer.id, { text: before + text });
    if (ended !== undefined) this.#endAnswer({ status: ended });
  }

  /** The answer is complete. */
  answered(response: ServerPayload<'agent_response'>, atMs: number): void {
    const isOwn = response.request_id === this.#own;
    if (this.#answer === null) this.#beginAnswer(isOwn, atMs);
    const code = response.is_code_response ? (response.code ?? null) : null;
    this.#endAnswer({
      status: 'done',
      text: (response.is_code_response ? response.explanation : response.code) ?? '',
      code,
      isOffered: response.is_applied === false,
      questions: response.clarifying_questions ?? [],
    });
    // Other participants' limits don't concern this client.
    if (!isOwn) return;
    this.#own = null;
    const { requests_remaining: remaining, requests_limit: limit, reset_seconds } = response.rate_limit;
    this.#requestsLeft = { remaining, limit, resetSeconds: reset_seconds };
  }

  /**
   * The room refuses this client's question, or has no answer to it.
   * @returns false when it isn't one of this client's.
   */
  refused(requestId: string, problem: string): boolean {
    const question = this.#find(requestId);
    if (!question) return false;
    if (this.#own === requestId) this.#own = null;
    if (question.status === 'pending') {
      this.#set(requestId, { status: 'failed', problem });
      return true;
    }
    // The pieces may have ended just before.
    const answer = this.#turns.findLast((turn) => turn.role === 'assistant' && turn.isOwn);
    if (answer && answer.status !== 'done') {
      this.#set(answer.id, { problem, ...(answer.status === 'streaming' ? { status: 'failed' } : {}) });
      this.#answer = null;
    }
    return true;
  }

  /**
   * The room's history of what the session is about. What streams goes on below it.
   * @param isNew the session is about something else than before.
   */
  history(entries: ServerPayload<'session_state'>['conversation_history'], isNew: boolean): void {
    // A question that the room never got stays, so that the user can ask it again.
    const isKept = ({ id, role, status }: ConversationTurn) =>
      id === this.#answer?.id || status === 'pending' || (!isNew && role === 'user' && status === 'failed');
    this.#turns = [...entries.map(historyTurn), ...this.#turns.filter(isKept)];
  }

  /** The session is about something else now, whose history isn't known. */
  clear(): void {
    this.history([], true);
  }

  /** The connection is gone, and with it this client's request; another participant's may go on. */
  disconnected(): void {
    const own = this.#find(this.#own);
    if (own?.status === 'pending') this.#set(own.id, { status: 'failed', problem: LOST });
    this.#own = null;
    if (this.#answer) this.#endAnswer({ status: 'cancelled', problem: LOST });
  }

  #beginAnswer(isOwn: boolean, atMs: number): { id: string; attempt: number } {
    const id = this.#add({
      role: 'assistant',
      displayName: null,
      text: '',
      status: 'streaming',
      isOwn,
      atMs,
    });
    this.#answer = { id, attempt: 1 };
    return this.#answer;
  }

  #endAnswer(changes: Partial<ConversationTurn>): void {
    if (this.#answer) this.#set(this.#answer.id, changes);
    this.#answer = null;
  }

  #add(
    turn: Omit<ConversationTurn, 'id' | 'code' | 'isOffered' | 'questions' | 'problem'> & { id?: string },
  ): string {
    this.#counter += 1;
    const id = turn.id ?? `turn-${this.#counter}`;
    this.#turns = [
      ...this.#turns,
      { code: null, isOffered: false, questions: [], problem: null, ...turn, id },
    ];
    this.#turns = this.#turns.slice(-TURNS_KEPT);
    return id;
  }

  #find(id: string | null): ConversationTurn | undefined {
    return this.#turns.find((turn) => turn.id === id);
  }

  #set(id: string, changes: Partial<ConversationTurn>): void {
    this.#turns = this.#turns.map((turn) => (turn.id === id ? { ...turn, ...changes } : turn));
  }
}

function historyTurn(
  entry: ServerPayload<'session_state'>['conversation_history'][number],
): ConversationTurn {
  const isAnswer = entry.role === 'assistant';
  return {
    id: entry.id,
    role: isAnswer ? 'assistant' : 'user',
    displayName: isAnswer ? null : entry.display_name,
    text: entry.is_code_response ? '' : entry.content,
    code: entry.is_code_response ? entry.content : null,
    isOffered: false,
    questions: [],
    status: 'done',
    problem: null,
    isOwn: false,
    atMs: entry.timestamp,
  };
}
