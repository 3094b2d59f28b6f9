/**
 * A person's own key for an AI provider: in memory, and in `sessionStorage` when they ask for it. It goes
 * nowhere else.
 */
import * as z from 'zod';
import { AI_PROVIDERS, type AiProvider } from '../../protocol/index.ts';
import { el, labelled } from './dom.ts';

const KEY = 'backbeat:ai-key';

const storedSchema = z.object({ provider: z.enum(AI_PROVIDERS), providerApiKey: z.string().min(1) });
export type OwnKey = z.infer<typeof storedSchema>;

const NAMES: Record<AiProvider, string> = { anthropic: 'Anthropic', openai: 'OpenAI' };

export function createOwnKeyField() {
  const stored = read();
  const provider = el(
    'select',
    { id: 'ai-provider', 'data-testid': 'ai-provider' },
    ...AI_PROVIDERS.map((value) =>
      el('option', { value, selected: value === stored?.provider }, NAMES[value]),
    ),
  );
  const apiKey = el('input', {
    id: 'ai-own-key',
    // Hidden from onlookers, and not for password managers.
    type: 'password',
    autocomplete: 'off',
    spellcheck: 'false',
    value: stored?.providerApiKey ?? '',
    'data-1p-ignore': true,
    'data-testid': 'ai-own-key',
  });
  const isKept = el('input', {
    type: 'checkbox',
    checked: stored !== null,
    'data-testid': 'ai-keep-key',
  });
  const summary = el('summary', { 'data-testid': 'ai-key-summary' });
  const element = el(
    'details',
    { class: 'own-key' },
    summary,
    el(
      'div',
      { class: 'stack' },
      labelled('Provider', provider),
      labelled('Key', apiKey),
      el('label', { class: 'check' }, isKept, 'Keep it until this tab is closed'),
      el(
        'p',
        { class: 'hint' },
        'It is sent along with your questions only, for that one answer. It isn’t stored, and no one else sees it.',
      ),
    ),
  );
  const value = (): OwnKey | null => {
    const typed = apiKey.value.trim();
    const chosen = AI_PROVIDERS.find((name) => name === provider.value);
    return typed === '' || !chosen ? null : { provider: chosen, providerApiKey: typed };
  };
  const name = (own: OwnKey | null): void => {
    summary.textContent = own ? `With your own key (${NAMES[own.provider]})` : 'Use a key of your own';
  };
  const changed = (): void => {
    const own = value();
    name(own);
    write(isKept.checked ? own : null);
  };
  for (const input of [provider, apiKey, isKept]) input.addEventListener('input', changed);
  name(stored);
  return {
    element,
    /** What was filled in; null without a key. */
    value,
    /** Opens it, for users who have no AI without a key. */
    open() {
      element.open = true;
    },
  };
}

function read(): OwnKey | null {
  try {
    return storedSchema.parse(JSON.parse(sessionStorage.getItem(KEY) ?? 'null'));
  } catch {
    return null;
  }
}

function write(own: OwnKey | null): void {
  try {
    if (own === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, JSON.stringify(own));
  } catch {
    // A browser that keeps nothing: then it lives as long as the page.
  }
}
