/**
 * The agent: it sends one request to a language model, streams and checks the answer, and asks a second time
 * when the code in it can't be used. It knows neither rooms nor storage.
 *
 * ```ts
 * const agent = createAgent(config);
 * const model = agent.choose({});
 * const question = { query: 'a beat', code: '', history: [] };
 * if (model) await agent.answer(model, question, { signal, onDelta: show });
 * ```
 */
import './runtime.ts';
import { type LanguageModel, type ModelMessage, streamText } from 'ai';
import type { AiConfig } from '../../config.ts';
import type { AiProvider } from '../../protocol/index.ts';
import { problemOf } from './code-check.ts';
import { AgentError, type AgentFailure, fromProviderError } from './errors.ts';
import { chooseModel, type ModelChoice, makeModel } from './models.ts';
import { buildMessages, buildRetry, INSTRUCTIONS, type PromptInput } from './prompt.ts';
import { type Reply, readReply } from './reply.ts';

/** An answer that can be used: its code parses and can be stored. */
export type Answer = Exclude<Reply, { kind: 'unclear' }>;

interface AnswerOptions {
  /** Aborted when the answer isn't wanted any more. */
  signal: AbortSignal;
  /**
   * Called with each piece of text as it arrives.
   * @param attempt from 1; when it grows, the text of the attempt before is void.
   */
  onDelta(text: string, attempt: number): void;
}

export interface Agent {
  /** The model that a request would go to; null when there is no key for it. */
  choose(wanted: { provider?: AiProvider | undefined; apiKey?: string | undefined }): ModelChoice | null;
  /** @throws {AgentError} */
  answer(choice: ModelChoice, input: PromptInput, options: AnswerOptions): Promise<Answer>;
}

interface AgentOptions {
  /** Makes the SDK's model; tests pass their own. */
  makeModel?: (choice: ModelChoice) => LanguageModel;
  /** How often a request that a provider didn't accept is repeated, after a pause of seconds. */
  maxRetries?: number;
}

/** A model that doesn't end by itself is stopped here, whatever limits its provider has. */
const MAX_REPLY_CHARS = 150_000;
/** The first, and one that shows the model what was wrong with the first. */
const ATTEMPTS = 2;

/** Makes an agent; nothing is sent before it is asked. */
export function createAgent(config: AiConfig, options: AgentOptions = {}): Agent {
  const { makeModel: make = makeModel, maxRetries = 1 } = options;
  return {
    choose: (wanted) => chooseModel(config, wanted),
    async answer(choice, input, { signal, onDelta }) {
      // One controller for every way to end: not every runtime can join signals.
      const abort = new AbortController();
      let why: AgentFailure = 'cancelled';
      const end = (failure: AgentFailure) => {
        why = failure;
        abort.abort();
      };
      const timer = setTimeout(() => end('timeout'), config.AI_TIMEOUT_MS);
      const cancel = () => end('cancelled');
      signal.addEventListener('abort', cancel, { once: true });
      try {
        if (signal.aborted) throw new AgentError('cancelled');
        const answering = attempts(input, (messages, attempt) =>
          stream({
            model: make(choice),
            messages,
            maxRetries,
            maxOutputTokens: config.AI_MAX_OUTPUT_TOKENS,
            signal: abort.signal,
            onDelta: (text) => {
              if (!abort.signal.aborted) onDelta(text, attempt);
            },
          }),
        );
        // A provider's connection that doesn't notice the abort must not make the requester wait.
        return await Promise.race([answering, whenAborted(abort.signal)]);
      } catch (error) {
        // An error after an abort is a consequence of it.
        throw abort.signal.aborted ? new AgentError(why) : fromProviderError(error, choice.isOwnKey);
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', cancel);
        // Ends the side that has lost the race.
        abort.abort();
      }
    },
  };
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new AgentError('cancelled')), { once: true });
  });
}

type Ask = (messages: ModelMessage[], attempt: number) => Promise<string>;

async function attempts(input: PromptInput, ask: Ask): Promise<Answer> {
  const messages = buildMessages(input);
  for (let attempt = 1; ; attempt += 1) {
    const text = await ask(messages, attempt);
    const reply = readReply(text);
    const problem = problemWith(reply);
    if (problem === null && reply.kind !== 'unclear') return reply;
    if (attempt < ATTEMPTS) {
      messages.push(...buildRetry(text, problem ?? 'it is not in any of the forms'));
      continue;
    }
    // Still without the block of a program that was asked for: then it is an explanation with examples.
    if (reply.kind === 'unclear' && !reply.isProgram) return { kind: 'text', text: reply.text };
    throw new AgentError('unusable');
  }
}

/** What the model has to correct, in words for the model. */
function problemWith(reply: Reply): string | null {
  switch (reply.kind) {
    case 'unclear':
      return reply.problem;
    case 'code':
      return problemOf(reply.code);
    case 'text':
      return reply.text === '' ? 'it is empty' : null;
    case 'questions':
      return null;
  }
}

interface StreamOptions {
  model: LanguageModel;
  messages: ModelMessage[];
  maxRetries: number;
  maxOutputTokens: number;
  signal: AbortSignal;
  onDelta(text: string): void;
}

/** One request to the provider; resolves with the whole text. */
async function stream({ signal, onDelta, ...request }: StreamOptions): Promise<string> {
  const { fullStream } = streamText({
    ...request,
    system: INSTRUCTIONS,
    abortSignal: signal,
    // Left out, the SDK would print the error, and with it the prompt.
    onError: () => {},
  });
  let text = '';
  for await (const part of fullStream) {
    switch (part.type) {
      case 'text-delta':
        text += part.text;
        if (text.length > MAX_REPLY_CHARS) throw new AgentError('unusable');
        onDelta(part.text);
        break;
      case 'error':
        throw part.error;
      case 'abort':
        throw new AgentError('cancelled');
      case 'finish':
        if (part.finishReason === 'content-filter') throw new AgentError('declined');
        if (part.finishReason === 'error') throw new AgentError('provider_down');
        break;
    }
  }
  return text;
}
