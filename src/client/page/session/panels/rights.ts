/** What authors say about the use of a strudel, in words for musicians. */
import type { AiSignal } from '../../../../protocol/ai-signals.ts';

/** Licences that are offered; any other text may be given, too. */
export const LICENSES = [
  'CC0 1.0',
  'CC BY 4.0',
  'CC BY-SA 4.0',
  'CC BY-NC 4.0',
  'CC BY-NC-SA 4.0',
  'CC BY-ND 4.0',
] as const;

export const SIGNALS: Record<AiSignal, string> = {
  'cc-cr': 'With credit',
  'cc-dc': 'With credit and support for me',
  'cc-ec': 'With credit and support for the commons',
  'cc-op': 'With credit, and open results',
  'no-ai': 'No AI',
};

/** A signal in words; one that isn't known is shown as it is. */
export function signalText(signal: string): string {
  const known: Partial<Record<string, string>> = SIGNALS;
  return known[signal] ?? signal;
}
