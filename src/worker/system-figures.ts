/** How the system is, in one Redis command: for the alerts, the operator's page and `npm run status`. */
import type { Budgets, BudgetUse } from '../access/budgets.ts';
import { StorageUnavailableError } from '../domain/errors.ts';
import type { BufferStats, SessionBuffer } from '../redis/session-buffer.ts';

export interface SystemFigures {
  stats: BufferStats;
  budgets: BudgetUse[];
}

export class SystemReader {
  readonly #buffer: Pick<SessionBuffer, 'stats'>;
  readonly #budgets: Pick<Budgets, 'keys' | 'uses'>;

  constructor(parts: { buffer: Pick<SessionBuffer, 'stats'>; budgets: Pick<Budgets, 'keys' | 'uses'> }) {
    this.#buffer = parts.buffer;
    this.#budgets = parts.budgets;
  }

  /** Null while Redis is out of reach. */
  async read(nowMs: number): Promise<SystemFigures | null> {
    try {
      const stats = await this.#buffer.stats(this.#budgets.keys(nowMs));
      return { stats, budgets: this.#budgets.uses(stats.counts, nowMs) };
    } catch (error) {
      if (error instanceof StorageUnavailableError) return null;
      throw error;
    }
  }
}
