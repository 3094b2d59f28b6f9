/**
 * Why there is no answer, and what the requester is told: in our words, never in the provider's, which may
 * quote keys and prompts.
 */
import { APICallError, RetryError } from 'ai';
import { type ErrorCode, MAX_AI_REQUESTS_PER_MINUTE, MAX_ANONYMOUS_AI_CHARS } from '../../protocol/index.ts';
import type { CountedRequest } from './daily-limits.ts';

export type AgentFailure =
  /** The requester has left, or may no longer ask. */
  | 'cancelled'
  | 'timeout'
  /** The provider doesn't accept the key. */
  | 'key_refused'
  | 'provider_limit'
  | 'provider_down'
  | 'request_refused'
  /** The model won't answer this. */
  | 'declined'
  /** Neither attempt was usable. */
  | 'unusable';

export interface Explanation {
  code: ErrorCode;
  message: string;
}

const EXPLANATIONS: Record<AgentFailure, Explanation> = {
  cancelled: { code: 'ai_unavailable', message: 'the request was cancelled' },
  timeout: { code: 'ai_unavailable', message: 'the AI took too long; try again, or ask for less' },
  key_refused: { code: 'ai_unavailable', message: 'the AI is not set up correctly on this server' },
  provider_limit: {
    code: 'too_many_requests',
    message: 'the AI provider takes no more requests for the moment; try again later',
  },
  provider_down: {
    code: 'ai_unavailable',
    message: 'the AI provider is out of reach; try again in a moment',
  },
  request_refused: { code: 'server_error', message: 'the AI provider refused the request' },
  declined: { code: 'bad_request', message: 'the AI won’t answer this' },
  unusable: {
    code: 'server_error',
    message: 'the AI’s code had mistakes, at its second attempt too; ask again',
  },
};

/** What is different for a requester who brought their own key. */
const EXPLANATIONS_WITH_OWN_KEY: Partial<Record<AgentFailure, Explanation>> = {
  key_refused: { code: 'unauthorized', message: 'the AI provider doesn’t accept your key' },
  provider_limit: {
    code: 'too_many_requests',
    message: 'the AI provider takes no more requests with your key for the moment',
  },
  request_refused: {
    code: 'bad_request',
    message: 'the AI provider refused the request; may your key use this model?',
  },
};

export const NOT_SET_UP: Explanation = {
  code: 'ai_unavailable',
  message: 'the AI is not set up on this server; you may bring a key of your own',
};
export const FOR_ACCOUNTS: Explanation = {
  code: 'forbidden',
  message: 'the AI of this server is for people with an account; sign in, or bring a key of your own',
};
export const OF_MINUTE: Explanation = {
  code: 'too_many_requests',
  message: `at most ${MAX_AI_REQUESTS_PER_MINUTE} AI requests a minute; wait a little`,
};
export const TOO_LONG: Explanation = {
  code: 'validation_error',
  message: `without an account the AI takes ${MAX_ANONYMOUS_AI_CHARS} characters of code and question; sign in, or bring a key of your own`,
};
export const SIGNAL_UNKNOWN: Explanation = {
  code: 'server_error',
  message: 'whether the AI may be given this strudel can’t be looked up now; ask again in a moment',
};

/** Of a request that the day has no room for. */
export function ofDay({ quota, isShared }: CountedRequest): Explanation {
  const what = isShared
    ? 'the AI of this server has answered as often as it may today'
    : `at most ${quota.limit} AI requests a day`;
  const hours = Math.ceil(quota.resetMs / 3_600_000);
  return {
    code: 'too_many_requests',
    message: `${what}; the next in ${hours} h, or with a key of your own`,
  };
}

/** Why a strudel is not given to the AI, and neither is what was said about it. */
export const NO_AI: Explanation = {
  code: 'no_ai',
  message: 'the author of this strudel doesn’t allow it to be given to an AI',
};

/** Failures that leave the requester without an answer, and that the request didn't cause. */
const GIVEN_BACK: ReadonlySet<AgentFailure> = new Set([
  'key_refused',
  'provider_limit',
  'provider_down',
  'request_refused',
]);

/** There is no answer. Code and message are for the requester. Only the HTTP status is the provider's. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: ErrorCode;
  /** HTTP status of the provider's refusal. */
  readonly status: number | null;

  constructor(
    readonly failure: AgentFailure,
    { isOwnKey = false, status = null }: { isOwnKey?: boolean; status?: number | null } = {},
  ) {
    const { code, message } =
      (isOwnKey ? EXPLANATIONS_WITH_OWN_KEY[failure] : undefined) ?? EXPLANATIONS[failure];
    super(message);
    this.code = code;
    this.status = status;
  }

  /** True when the request shouldn't count against the day's. */
  get isGivenBack(): boolean {
    return GIVEN_BACK.has(this.failure);
  }
}

/** What a provider's error means, in our terms. */
export function fromProviderError(error: unknown, isOwnKey: boolean): AgentError {
  if (error instanceof AgentError) return error;
  if (RetryError.isInstance(error)) return fromProviderError(error.lastError, isOwnKey);
  const status = (APICallError.isInstance(error) ? error.statusCode : undefined) ?? null;
  return new AgentError(failureOf(status), { isOwnKey, status });
}

function failureOf(status: number | null): AgentFailure {
  if (status === 401 || status === 403) return 'key_refused';
  if (status === 402 || status === 429) return 'provider_limit';
  // Without a status, a connection or a stream broke.
  if (status === null || status === 408 || status >= 500) return 'provider_down';
  return 'request_refused';
}
