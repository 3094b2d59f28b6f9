/** Which model answers a request, and with whose key. */
import './runtime.ts';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import type { LanguageModel } from 'ai';
import type { AiConfig } from '../../config.ts';
import type { AiProvider } from '../../protocol/index.ts';

/** A model and the key to it. It must not be logged: the key may be the requester's own. */
export interface ModelChoice {
  provider: AiProvider;
  modelId: string;
  apiKey: string;
  baseUrl: string;
  /** The key was brought by the requester. */
  isOwnKey: boolean;
}

/** Chooses for a request; null when there is no key for it. */
export function chooseModel(
  config: AiConfig,
  wanted: { provider?: AiProvider | undefined; apiKey?: string | undefined },
): ModelChoice | null {
  const ours = {
    anthropic: {
      key: config.ANTHROPIC_API_KEY,
      modelId: config.ANTHROPIC_MODEL,
      baseUrl: config.ANTHROPIC_BASE_URL,
    },
    openai: { key: config.OPENAI_API_KEY, modelId: config.OPENAI_MODEL, baseUrl: config.OPENAI_BASE_URL },
  } as const;
  const provider =
    wanted.provider ??
    config.AI_PROVIDER ??
    (ours.anthropic.key || !ours.openai.key ? 'anthropic' : 'openai');
  const { key, modelId, baseUrl } = ours[provider];
  const apiKey = wanted.apiKey ?? key;
  if (apiKey === undefined) return null;
  return { provider, modelId, apiKey, baseUrl, isOwnKey: wanted.apiKey !== undefined };
}

/** The SDK's model. Nothing is sent before it is used; nothing is read from the environment. */
export function makeModel({ provider, modelId, apiKey, baseUrl }: ModelChoice): LanguageModel {
  const baseURL = baseUrl.replace(/\/+$/, '');
  switch (provider) {
    case 'anthropic':
      return createAnthropic({ apiKey, baseURL })(modelId);
    case 'openai':
      // Chat completions, not responses: that is what gateways and other servers speak too, and nothing is
      // kept there.
      return createOpenAI({ apiKey, baseURL }).chat(modelId);
  }
}
