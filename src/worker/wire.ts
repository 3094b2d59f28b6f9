/** How domain objects look in HTTP replies. What is absent in a reply is undefined here. */
import type { z } from 'zod';
import type { Account } from '../domain/accounts.ts';
import type { ListedSession, LiveSessionSummary, LiveStatus } from '../domain/directory.ts';
import type { Page, PageRequest } from '../domain/page.ts';
import type { InvitePreview, Participant } from '../domain/people.ts';
import type { SavedStrudel, StrudelStats } from '../domain/strudels.ts';
import type { Invite, SaidMessage, Session } from '../domain/types.ts';
import type { Version } from '../domain/versions.ts';
import type { account as accountReply } from '../protocol/http/accounts.ts';
import type { invitePreview } from '../protocol/http/coming-in.ts';
import type { flushSummary, sessionFlush, systemSample, systemStatus } from '../protocol/http/operation.ts';
import type { invite, participant } from '../protocol/http/people.ts';
import type { liveSession, liveStatus, message, newSession, session } from '../protocol/http/sessions.ts';
import type { pagination } from '../protocol/http/shared.ts';
import type { strudel, strudelStats } from '../protocol/http/strudels.ts';
import type { WireVersion } from '../protocol/http/versions.ts';
import type { FlushSummary, SessionFlush } from '../write-behind/flusher.ts';
import { ALERT_NAMES, type AlertName, type Findings } from './findings.ts';
import type { Sample } from './history.ts';
import type { CronRun } from './scheduled.ts';
import type { SystemFigures } from './system-figures.ts';

const iso = (ms: number) => new Date(ms).toISOString();
const isoIf = (ms: number | null) => (ms === null ? undefined : iso(ms));

export function paginationJson(
  { limit, offset }: PageRequest,
  { items, total }: Page<unknown>,
): z.infer<typeof pagination> {
  return { limit, offset, total, has_more: offset + items.length < total };
}

export function accountJson(account: Account): z.infer<typeof accountReply> {
  return {
    id: account.id,
    email: account.email ?? '',
    name: account.name ?? '',
    avatar_url: account.avatarUrl ?? undefined,
    provider: account.provider ?? 'external',
    ai_features_enabled: account.isAiEnabled,
    training_consent: account.isTrainingAllowed,
    created_at: iso(account.createdAtMs),
    updated_at: iso(account.updatedAtMs),
  };
}

export function newSessionJson(made: Session): z.infer<typeof newSession> {
  return {
    id: made.id,
    host_user_id: made.hostUserId,
    title: made.title,
    code: made.code,
    rev: made.rev,
    is_active: made.isActive,
    is_discoverable: made.isDiscoverable,
    created_at: iso(made.createdAtMs),
    ended_at: isoIf(made.endedAtMs),
    last_activity: iso(made.lastActivityMs),
  };
}

export function sessionJson(shown: ListedSession): z.infer<typeof session> {
  return { ...newSessionJson(shown), participants: shown.participants.map(participantJson) };
}

export function liveSessionJson(live: LiveSessionSummary): z.infer<typeof liveSession> {
  return {
    id: live.id,
    title: live.title,
    host_name: live.hostName ?? undefined,
    participant_count: live.participantCount,
    is_member: live.isMember,
    is_discoverable: live.isDiscoverable,
    created_at: iso(live.createdAtMs),
    last_activity: iso(live.lastActivityMs),
  };
}

export function liveStatusJson(status: LiveStatus): z.infer<typeof liveStatus> {
  return {
    is_live: status.isActive && (status.isDiscoverable || status.hasInvites),
    participant_count: status.participantCount,
    has_active_invite_tokens: status.hasInvites,
    is_discoverable: status.isDiscoverable,
    is_active: status.isActive,
  };
}

export function invitePreviewJson(preview: InvitePreview): z.infer<typeof invitePreview> {
  return {
    session_id: preview.sessionId,
    title: preview.title,
    host_name: preview.hostName ?? undefined,
    role: preview.role,
    participant_count: preview.participantCount,
    // By this invite.
    is_live: true,
  };
}

export function participantJson(person: Participant): z.infer<typeof participant> {
  return {
    id: person.id,
    user_id: person.userId ?? undefined,
    display_name: person.displayName,
    avatar_url: person.avatarUrl ?? undefined,
    role: person.role,
    status: person.leftAtMs === null && person.removedAtMs === null ? 'active' : 'left',
    joined_at: iso(person.joinedAtMs),
    left_at: isoIf(person.leftAtMs),
    removed_at: isoIf(person.removedAtMs),
  };
}

export function messageJson(sessionId: string, said: SaidMessage): z.infer<typeof message> {
  return {
    id: said.id,
    sessionID: sessionId,
    userID: said.userId ?? undefined,
    role: said.role,
    messageType: said.type,
    content: said.content,
    createdAt: iso(said.createdAtMs),
    displayName: said.displayName,
    avatarURL: said.avatarUrl ?? undefined,
    isActionable: said.isActionable,
    isCodeResponse: said.isCodeResponse,
    strudelID: said.strudelId ?? undefined,
    position: said.position,
  };
}

export function versionJson(version: Version): WireVersion {
  return {
    number: version.number,
    rev: version.rev,
    cause: version.cause,
    user_id: version.userId ?? undefined,
    display_name: version.displayName ?? undefined,
    created_at: iso(version.createdAtMs),
  };
}

export function inviteJson(made: Invite): z.infer<typeof invite> {
  return {
    id: made.id,
    session_id: made.sessionId,
    token: made.token,
    role: made.role,
    max_uses: made.maxUses,
    uses_count: made.usesCount,
    expires_at: made.expiresAtMs === null ? null : iso(made.expiresAtMs),
    created_at: iso(made.createdAtMs),
  };
}

export function strudelJson({ strudel: saved, conversation }: SavedStrudel): z.infer<typeof strudel> {
  return {
    id: saved.id,
    user_id: saved.userId,
    author_name: saved.authorName ?? undefined,
    title: saved.title,
    code: saved.code,
    description: saved.description ?? undefined,
    tags: saved.tags,
    categories: saved.categories,
    is_public: saved.isPublic,
    license: saved.license ?? undefined,
    cc_signal: saved.ccSignal ?? undefined,
    ai_assist_count: saved.aiAssists,
    forked_from: saved.forkedFrom ?? undefined,
    forked_from_title: saved.parentTitle ?? undefined,
    forked_from_author: saved.parentAuthor ?? undefined,
    parent_cc_signal: saved.parentCcSignal ?? undefined,
    no_ai: saved.isAiForbidden,
    conversation_history: conversation.map((turn) => ({
      id: turn.id,
      role: turn.role,
      content: turn.content,
      is_actionable: turn.isActionable,
      is_code_response: turn.isCodeResponse,
      clarifying_questions: turn.clarifyingQuestions,
      created_at: iso(turn.createdAtMs),
    })),
    created_at: iso(saved.createdAtMs),
    updated_at: iso(saved.updatedAtMs),
  };
}

export function strudelStatsJson(stats: StrudelStats): z.infer<typeof strudelStats> {
  return {
    total_uses: stats.uses,
    unique_users: stats.users,
    last_used_at: isoIf(stats.lastUsedAtMs),
    fork_count: stats.forks,
  };
}

export function flushJson(flush: FlushSummary): z.infer<typeof flushSummary> {
  return {
    sessions: flush.sessions,
    messages: flush.messages,
    dead_letters: flush.deadLetters,
    undelivered: flush.undelivered,
    busy: flush.busy,
    transactions: flush.transactions,
  };
}

/** For the cron, which looks at the status, and for operators who call it by hand. */
export function cronRunJson(run: CronRun) {
  const { outcome, requests, sweeps, failures, lastFailure } = run;
  return { outcome, requests, sweeps, ...flushJson(run), failures, last_failure: lastFailure };
}

export function sessionFlushJson(flush: SessionFlush): z.infer<typeof sessionFlush> {
  return {
    ...flushJson(flush),
    flushed_rev: flush.flushedRev,
    is_dirty: flush.isDirty,
    last_commit: flush.lastCommit,
    is_complete: flush.isComplete,
  };
}

/** @param status.raised since when what is wrong goes on, where it is known: milliseconds since the epoch. */
export function systemStatusJson(status: {
  nowMs: number;
  figures: SystemFigures | null;
  findings: Findings;
  raised: Partial<Record<AlertName, number>>;
}): z.infer<typeof systemStatus> {
  const { nowMs, figures, findings, raised } = status;
  return {
    at: iso(nowMs),
    buffer: figures && bufferJson(figures),
    budgets: (figures?.budgets ?? []).map(({ name, used, limit, resetsAtMs }) => {
      return { name, used, limit, resets_at: iso(resetsAtMs) };
    }),
    alerts: ALERT_NAMES.flatMap((name) => {
      const finding = findings[name];
      return finding ? [{ name, ...finding, since: isoIf(raised[name] ?? null) ?? null }] : [];
    }),
  };
}

function bufferJson({ stats }: SystemFigures): NonNullable<z.infer<typeof systemStatus>['buffer']> {
  return {
    dirty_sessions: stats.dirtySessions,
    oldest_dirty_ms: stats.oldestDirtyMs,
    sweeper_lease_ms: stats.sweeperLeaseMs,
    dead_letters: stats.deadLetters,
    dead_letter_bytes: stats.deadLetterBytes,
    is_full: stats.isFull,
    totals: {
      commits: stats.commits,
      edits: stats.edits,
      messages: stats.messages,
      flushes: stats.flushes,
      flushed_sessions: stats.flushedSessions,
      flushed_messages: stats.flushedMessages,
      flush_failures: stats.flushFailures,
      dead_lettered: stats.deadLettered,
      dead_letters_refused: stats.deadLettersRefused,
    },
  };
}

export function systemSampleJson(sample: Sample): z.infer<typeof systemSample> {
  return {
    at: iso(sample.atMs),
    dirty_sessions: sample.dirtySessions,
    oldest_dirty_ms: sample.oldestDirtyMs,
    dead_letters: sample.deadLetters,
    flushed_sessions: sample.flushedSessions,
  };
}
