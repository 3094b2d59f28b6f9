/** Postgres as the flusher knows it, for tests of the buffer. */
import { WriteRefusedError } from '../../src/domain/errors.ts';
import type { SessionMessage, SessionWrite, SessionWriter, WriteOutcome } from '../../src/domain/types.ts';

/** An idempotent writer that can be made to fail. */
export class FakeWriter implements SessionWriter {
  readonly rows = new Map<string, { code: string; rev: number; messages: Map<string, SessionMessage> }>();
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
      row = { code: '', rev: 0, messages: new Map() };
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
      if (code && code.rev > row.rev) Object.assign(row, { code: code.code, rev: code.rev });
      for (const message of messages) {
        if (!row.messages.has(message.id)) row.messages.set(message.id, message);
      }
      return { sessionId, status: 'written', rev: row.rev };
    });
    await this.after(writes);
    return outcomes;
  }
}
