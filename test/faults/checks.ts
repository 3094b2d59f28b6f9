/** The invariants: what has to be true once everything has recovered, whatever happened before. Pure. */
import { z } from 'zod';
import type { DeadLetter } from '../../src/redis/dead-letter.ts';
import type { AuditTrail, CodeChange } from './audit.ts';
import { brief, briefly, type Ledger } from './ledger.ts';

const codeSchema = z.object({ code: z.string(), rev: z.number() });

export interface StoredMessage {
  id: string;
  content: string;
  position: number;
}

/** What Postgres holds of a session. */
export interface StoredSession {
  code: string;
  rev: number;
  /** In the order of their positions. */
  messages: StoredMessage[];
}

/** What one person sees in the end. */
export interface View {
  who: string;
  code: string;
  /** Ids of the chat, oldest first; `isWhole` when it goes back to the session's beginning. */
  chat: string[];
  isWhole: boolean;
}

export interface Outcome {
  ledger: Ledger;
  /** Null once it has been deleted. */
  stored: StoredSession | null;
  views: View[];
  audit: AuditTrail;
  letters: DeadLetter[];
  /**
   * An edit that wasn't acknowledged may have been written, and then be accepted a second time
   * when it is sent again.
   */
  mayComeBack?: boolean;
  /** Messages that a restored backup hadn't, and that were written once more. */
  writtenAgain?: ReadonlySet<string>;
}

export interface Findings {
  problems: string[];
  lostEdits: number;
  lostMessages: number;
  doubled: number;
}

/** Everything about one session; `isDeleted` when the run deleted it. */
export function checkSession(outcome: Outcome, isDeleted: boolean): Findings {
  const { ledger, stored } = outcome;
  const findings: Findings = { problems: [...ledger.violations], lostEdits: 0, lostMessages: 0, doubled: 0 };
  const problem = (what: string) => {
    findings.problems.push(`${ledger.sessionId}: ${what}`);
  };
  checkAudit(outcome, findings, problem);
  if (isDeleted) {
    checkDeleted(outcome, findings, problem);
    return findings;
  }
  if (!stored) {
    problem('is gone from Postgres');
    return findings;
  }
  checkCode(outcome, stored, findings, problem);
  checkMessages(ledger, stored, findings, problem);
  for (const view of outcome.views) checkView(view, stored, ledger, problem);
  return findings;
}

type Report = (what: string) => void;

/** The code in Postgres has all that was acknowledged and that nobody took out, and nothing twice. */
function checkCode(
  { ledger, audit }: Outcome,
  stored: StoredSession,
  findings: Findings,
  problem: Report,
): void {
  const doubled = ledger.doubledIn(stored.code);
  findings.doubled += doubled.length;
  if (doubled.length > 0) problem(`Postgres holds ${briefly(doubled)} twice`);
  const { last } = ledger;
  if (!last) return;
  const missing = ledger.missingIn(stored.code);
  findings.lostEdits += missing.length;
  if (missing.length > 0) problem(`Postgres lacks ${briefly(missing)} at ${stored.rev}`);
  for (const text of missing.slice(0, 3)) problem(whereItWent(text, audit.code.get(ledger.sessionId) ?? []));
  if (stored.rev < last.rev) problem(`code_rev is ${stored.rev}, and ${last.rev} was acknowledged`);
}

/** Between which two writes of Postgres a text got lost, and what became of its line. */
function whereItWent(text: string, changes: readonly CodeChange[]): string {
  const at = changes.findLastIndex(({ code }) => code.includes(text));
  const [had, next] = [changes[at], changes[at + 1]];
  if (!had)
    return `Postgres never had ${JSON.stringify(text)}: ${changes.map(({ newRev }) => newRev).join(', ')}`;
  const others = new Set(had.code.split('\n'));
  const news = next?.code
    .split('\n')
    .filter((line) => !others.has(line))
    .map(brief)
    .join(', ');
  return `${JSON.stringify(text)} was there at ${had.newRev}, not at ${next?.newRev}, which has anew ${news}`;
}

function checkMessages(ledger: Ledger, stored: StoredSession, findings: Findings, problem: Report): void {
  const byId = new Map(stored.messages.map((message) => [message.id, message]));
  const lost = [...ledger.ackedMessages].filter((id) => !byId.has(id));
  findings.lostMessages += lost.length;
  if (lost.length > 0)
    problem(`${lost.length} acknowledged messages are missing: ${lost.slice(0, 3).join(', ')}`);

  const places = new Map<string, number>();
  let lastOf = 0;
  for (const [id] of ledger.messages) places.set(id, lastOf++);
  const newest = new Map<string, number>();
  for (const message of stored.messages) {
    const sent = ledger.messages.get(message.id);
    if (!sent) {
      problem(`message ${message.id} was never sent`);
      continue;
    }
    if (message.content !== sent.text) problem(`message ${message.id} is not what was sent`);
    const place = places.get(message.id) ?? 0;
    if (place < (newest.get(sent.by) ?? -1)) problem(`messages of ${sent.by} are out of order`);
    newest.set(sent.by, place);
    const shownAt = ledger.shown.get(message.id);
    if (shownAt && !shownAt.has(message.position))
      problem(
        `message ${message.id} was shown at ${[...shownAt].join(', ')}, and is stored at ${message.position}`,
      );
  }
  const contents = new Set(stored.messages.map(({ content }) => content));
  const doubled = stored.messages.length - contents.size;
  findings.doubled += doubled;
  if (doubled > 0) problem(`${doubled} messages are there twice`);
}

/**
 * Revisions never went back, nothing was written twice, and clients weren't told of a
 * flush before it was one.
 */
function checkAudit(
  { ledger, audit, mayComeBack = false, writtenAgain = new Set() }: Outcome,
  findings: Findings,
  problem: Report,
): void {
  const changes = audit.code.get(ledger.sessionId) ?? [];
  const seen = new Set<string>();
  let last: string | null = null;
  for (const { oldRev, newRev, code } of changes) {
    if (newRev <= oldRev) problem(`code_rev went from ${oldRev} to ${newRev}`);
    if (seen.has(code) && code !== last && !mayComeBack) {
      findings.doubled += 1;
      problem(`${brief(code)} came back over what had replaced it`);
    }
    seen.add(code);
    last = code;
  }
  for (const { rev, atMs } of ledger.flushed) {
    if (rev > 0 && !changes.some((change) => change.newRev >= rev && change.atMs <= atMs)) {
      problem(`a client was told that ${rev} is flushed before it was`);
      break;
    }
  }
  const inserted = new Set<string>();
  for (const { messageId, operation } of audit.messages.get(ledger.sessionId) ?? []) {
    if (operation === 'INSERT' && !inserted.has(messageId)) {
      inserted.add(messageId);
      continue;
    }
    if (operation === 'INSERT' && writtenAgain.has(messageId)) continue;
    if (operation === 'INSERT') findings.doubled += 1;
    if (operation !== 'DELETE') problem(`message ${messageId}: ${operation}`);
  }
}

function checkView(view: View, stored: StoredSession, ledger: Ledger, problem: Report): void {
  if (view.code !== stored.code)
    problem(`${view.who} sees ${brief(view.code)}, Postgres holds ${brief(stored.code)} at ${stored.rev}`);
  const ids = stored.messages.map(({ id }) => id);
  const expected = view.isWhole ? ids : ids.slice(-view.chat.length);
  if (expected.join() === view.chat.join()) return;
  const place = expected.findIndex((id, i) => view.chat[i] !== id);
  const tell = (id: string | undefined) =>
    `${id}, shown at ${[...(ledger.shown.get(id ?? '') ?? [])].join(' and ')}`;
  problem(
    `${view.who} sees ${view.chat.length} messages that aren't the ${expected.length} of Postgres: at ${place} ` +
      `${tell(view.chat[place])}, instead of ${tell(expected[place])}, stored at ${stored.messages.find(({ id }) => id === expected[place])?.position}`,
  );
}

/** What was acknowledged in a session that is gone either had been written, or is among the dead letters. */
function checkDeleted({ ledger, audit, letters }: Outcome, findings: Findings, problem: Report): void {
  const own = letters.filter((letter) => letter.session_id === ledger.sessionId);
  const data = own.map((letter) => letter.data).join('\n');
  const written = new Set((audit.messages.get(ledger.sessionId) ?? []).map(({ messageId }) => messageId));
  const lost = [...ledger.ackedMessages].filter((id) => !written.has(id) && !data.includes(id));
  findings.lostMessages += lost.length;
  if (lost.length > 0) problem(`${lost.length} acknowledged messages are neither stored nor dead letters`);
  const { last } = ledger;
  if (!last) return;
  const stored = (audit.code.get(ledger.sessionId) ?? []).map(({ code, newRev: rev }) => ({ code, rev }));
  const dead = own
    .filter(({ kind }) => kind === 'code')
    .map((letter) => codeSchema.parse(JSON.parse(letter.data)));
  const isKept = [...stored, ...dead].some(
    ({ code, rev }) => rev >= last.rev && ledger.missingIn(code).length === 0,
  );
  if (isKept) return;
  findings.lostEdits += 1;
  problem(`what was acknowledged up to ${last.rev} is neither stored nor a dead letter`);
}
