/** Postgres as the flusher knows it, for tests of the buffer. */
import { WriteRefusedError } from '../../src/domain/errors.ts';
import { isNewer } from '../../src/domain/merge-messages.ts';
import type { SessionMessage, SessionWrite, SessionWriter, WriteOutcome } from '../../src/domain/types.ts';

/** An idempotent writer that can be made to fail. */
export class FakeWriter implements SessionWriter {
  readonly rows = new Map<
    string,
    { code: string; rev: number; lift: number; epoch: number; messages: Map<string, SessionMessage> }
  >();
  readonly missing = new Set<string>();
  readonly busy = new Set<string>();
  calls: SessionWrite[][] = [];
  refuse: (write: SessionWrite) => boolean = () => false;
  /** Called with each request that reaches it. */
  onRequest: () => void = () => {};
  before: (writes: readonly SessionWrite[]) => Promise<void> = async () => {};
  after: (writes: readonly SessionWrite[]) => Promise<void> = async () => {};

  row(id: string) {
    let row = this.rows.get(id);
    if (!row) {
      row = { code: '', rev: 0, lift: 0, epoch: 0, messages: new Map() };
      this.rows.set(id, row);
    }
    return row;
  }

  async writeSessions(writes: readonly SessionWrite[]): Promise<WriteOutcome[]> {
    this.onRequest();
    this.calls.push(structuredClone([...writes]));
    await this.before(writes);
    if (writes.some(this.refuse)) throw new WriteRefusedError('22021', 'invalid byte sequence');
    const outcomes = writes.map(({ sessionId, code, messages }): WriteOutcome => {
      if (this.missing.has(sessionId)) return { sessionId, status: 'missing' };
      if (this.busy.has(sessionId)) return { sessionId, status: 'busy' };
      const row = this.row(sessionId);
      const isHeld = code !== null && !isNewer({ epoch: row.epoch, rev: row.rev - row.lift }, code);
      if (code && isNewer(code, { epoch: row.epoch, rev: row.rev - row.lift })) {
        const rev = Math.max(code.rev, row.rev + 1);
        Object.assign(row, { code: code.code, epoch: code.epoch, rev, lift: rev - code.rev });
      }
      for (const m of messages) {
        const held = row.messages.get(m.id);
        if (!held || held.epoch < m.epoch) row.messages.set(m.id, m);
      }
      return { sessionId, status: 'written', rev: row.rev, epoch: row.epoch, isHeld };
    });
    await this.after(writes);
    return outcomes;
  }
}
