/** Commits as a room makes them, in one line each. */
import { numberIn } from '../../src/domain/revision.ts';
import type { Commit, CommittedCode, SessionMessage } from '../../src/domain/types.ts';

/** A revision of a session's first term. */
export const rev = (count: number) => numberIn(1, count);

export interface CommitOver extends Partial<Omit<Commit, 'code' | 'attempt'>> {
  sessionId: string;
  /** The text of the code; null or absent for a commit of messages alone. */
  text?: string | null;
  /** The edit's count in the term, which is also the attempt's unless that is given. */
  count?: number;
  /** The attempt's count in the term. */
  attempt?: number;
  code?: Partial<CommittedCode>;
}

export function makeCommit(over: CommitOver): Commit {
  const { text = null, count = 1, attempt = count, code, ...rest } = over;
  const term = rest.term ?? 1;
  const messages: readonly SessionMessage[] = rest.messages ?? [];
  const committed: CommittedCode | null =
    text === null
      ? null
      : {
          code: text,
          rev: numberIn(term, count),
          editedAtMs: Date.now(),
          editorId: null,
          edits: 1,
          base: null,
          receipts: {},
          transport: null,
          replacesReceipts: false,
          ...code,
        };
  return {
    term,
    expectedLast: 0,
    flushedRev: 0,
    wantsLoad: true,
    ...rest,
    attempt: numberIn(term, attempt),
    messages,
    code: committed,
    tail: 'tail' in rest ? (rest.tail ?? null) : { code: writeOf(committed), messages },
  };
}

function writeOf(code: CommittedCode | null) {
  if (code === null) return null;
  const { code: text, rev, editedAtMs, editorId, transport } = code;
  const receipts = Object.fromEntries(
    Object.entries(code.receipts).flatMap(([key, receipt]) => (receipt ? [[key, receipt]] : [])),
  );
  return { code: text, rev, editedAtMs, editorId, receipts, transport };
}
