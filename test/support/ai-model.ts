/** The SDK's mock model with scripted answers, and a configuration for it. */
import { convertArrayToReadableStream, MockLanguageModelV3 } from 'ai/test';
import { type AiConfig, aiSchema } from '../../src/config.ts';

type StreamOf<T> = T extends ReadableStream<infer Part> ? Part : never;
/** One part of a provider's stream. */
export type StreamPart = StreamOf<Awaited<ReturnType<MockLanguageModelV3['doStream']>>['stream']>;

/** One answer: its pieces, an error, or a stream in the test's hands. */
export type Scripted =
  | { pieces: string[]; finish?: 'stop' | 'length' | 'content-filter' | 'error' }
  | { error: unknown }
  | { stream: ReadableStream<StreamPart> };

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};

/** The parts of an answer, as a provider's stream has them. */
export function partsOf(
  pieces: string[],
  finish: 'stop' | 'length' | 'content-filter' | 'error' = 'stop',
): StreamPart[] {
  return [
    { type: 'stream-start', warnings: [] },
    { type: 'text-start', id: '0' },
    ...pieces.map((delta): StreamPart => ({ type: 'text-delta', id: '0', delta })),
    { type: 'text-end', id: '0' },
    { type: 'finish', finishReason: { unified: finish, raw: finish }, usage },
  ];
}

/** A model that gives these answers, one a request. `doStreamCalls` has what it was asked. */
export function mockModel(...answers: Scripted[]): MockLanguageModelV3 {
  const left = [...answers];
  return new MockLanguageModelV3({
    modelId: 'mock',
    doStream: async () => {
      const answer = left.shift();
      if (!answer) throw new Error('the model was asked once more than was scripted');
      if ('error' in answer) throw answer.error;
      if ('stream' in answer) return { stream: answer.stream };
      return { stream: convertArrayToReadableStream(partsOf(answer.pieces, answer.finish)) };
    },
  });
}

export function aiConfig(over: Partial<Record<keyof AiConfig, string>> = {}): AiConfig {
  return aiSchema.parse({ ANTHROPIC_API_KEY: 'server-key', ...over });
}
