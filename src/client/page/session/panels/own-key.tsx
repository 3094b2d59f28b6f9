/**
 * A person's own key for an AI provider: in memory, and in `sessionStorage` when they ask for it. It goes
 * nowhere else.
 */
import { useState } from 'preact/hooks';
import * as z from 'zod';
import { AI_PROVIDERS, type AiProvider } from '../../../../protocol/index.ts';
import { tabKeeper } from '../../keeping.ts';
import { Labelled } from '../../ui/form.tsx';

const KEY = 'backbeat:ai-key';

const storedSchema = z.object({ provider: z.enum(AI_PROVIDERS), providerApiKey: z.string().min(1) });
export type OwnKey = z.infer<typeof storedSchema>;

const NAMES: Record<AiProvider, string> = { anthropic: 'Anthropic', openai: 'OpenAI' };

/** The key that this tab keeps; null when it keeps none. */
export function keptKey(): OwnKey | null {
  try {
    return storedSchema.parse(JSON.parse(tabKeeper.get(KEY) ?? 'null'));
  } catch {
    return null;
  }
}

function keepKey(own: OwnKey | null): void {
  if (own === null) tabKeeper.remove(KEY);
  else tabKeeper.set(KEY, JSON.stringify(own));
}

interface OwnKeyFieldProps {
  value: OwnKey | null;
  onValue(value: OwnKey | null): void;
  isOpen: boolean;
  onToggle(isOpen: boolean): void;
}

export function OwnKeyField({ value, onValue, isOpen, onToggle }: OwnKeyFieldProps) {
  const [provider, setProvider] = useState(value?.provider ?? AI_PROVIDERS[0]);
  const [typed, setTyped] = useState(value?.providerApiKey ?? '');
  const [isKept, setKept] = useState(value !== null);
  const change = (next: { provider?: AiProvider; typed?: string; isKept?: boolean }) => {
    const now = { provider, typed, isKept, ...next };
    setProvider(now.provider);
    setTyped(now.typed);
    setKept(now.isKept);
    const key = now.typed.trim();
    const own = key === '' ? null : { provider: now.provider, providerApiKey: key };
    keepKey(now.isKept ? own : null);
    onValue(own);
  };
  return (
    <details class="own-key" open={isOpen} onToggle={(event) => onToggle(event.currentTarget.open)}>
      <summary data-testid="ai-key-summary">
        {value ? `With your own key (${NAMES[value.provider]})` : 'Use a key of your own'}
      </summary>
      <div class="stack">
        <Labelled for="ai-provider" label="Provider">
          <select
            id="ai-provider"
            data-testid="ai-provider"
            value={provider}
            onChange={(event) => {
              const chosen = AI_PROVIDERS.find((name) => name === event.currentTarget.value);
              if (chosen) change({ provider: chosen });
            }}
          >
            {AI_PROVIDERS.map((name) => (
              <option key={name} value={name}>
                {NAMES[name]}
              </option>
            ))}
          </select>
        </Labelled>
        <Labelled for="ai-own-key" label="Key">
          <input
            id="ai-own-key"
            // Hidden from onlookers, and not for password managers.
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={typed}
            data-1p-ignore
            data-testid="ai-own-key"
            onInput={(event) => change({ typed: event.currentTarget.value })}
          />
        </Labelled>
        <label class="check">
          <input
            type="checkbox"
            checked={isKept}
            data-testid="ai-keep-key"
            onChange={(event) => change({ isKept: event.currentTarget.checked })}
          />
          Keep it until this tab is closed
        </label>
        <p class="hint">
          It is sent along with your questions only, for that one answer. It isn’t stored, and no one else
          sees it.
        </p>
      </div>
    </details>
  );
}
