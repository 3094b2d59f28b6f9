/**
 * What an author allows machines to do with a strudel: Creative Commons' signals, and "no AI". Any other text
 * is kept and shown as it is, and forbids nothing.
 * https://creativecommons.org/ai-and-the-commons/cc-signals/
 */

/** Credit; credit and a direct contribution, or one to the ecosystem; credit and openness; nothing. */
export const AI_SIGNALS = ['cc-cr', 'cc-dc', 'cc-ec', 'cc-op', 'no-ai'] as const;
export type AiSignal = (typeof AI_SIGNALS)[number];

/**
 * Whether a signal says that no AI may be given the work: `no-ai`, whatever its case and whatever stands
 * between its letters, alone or with more behind it (`NoAI`, `no ai`, `noai, noimageai`). The same in SQL:
 * `saysNoAi` in `src/postgres/strudels.ts`.
 */
export function saysNoAi(signal: string | null | undefined): boolean {
  return /^noai/.test((signal ?? '').toLowerCase().replace(/[^a-z]/g, ''));
}
