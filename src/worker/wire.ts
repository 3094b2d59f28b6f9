/** How domain objects look in HTTP replies. */
import type { z } from 'zod';
import type { LiveSessionSummary, LiveStatus, SessionSummary } from '../domain/directory.ts';
import type { Participant } from '../domain/people.ts';
import type { Strudel, StrudelMessage } from '../domain/strudels.ts';
import type { Invite, Session, SessionMessage } from '../domain/types.ts';
import { SYSTEM_USER_ID } from '../postgres/schema.ts';
import type { FlushSummary, SessionFlush } from '../write-behind/flusher.ts';
import type * as replies from './replies.ts';
import type { CronRun } from './scheduled.ts';

const iso = (ms: number) => new Date(ms).toISOString();

export function sessionJson(session: Session): z.infer<typeof replies.session> {
  return { ...sessionSummaryJson(session), code: session.code, rev: session.rev };
}

/** A session in a list. */
export function sessionSummaryJson(session: SessionSummary): z.infer<typeof replies.sessionSummary> {
  return {
    id: session.id,
    title: session.title,
    /** null: somebody anonymous made it. */
    host_user_id: session.hostUserId === SYSTEM_USER_ID ? null : session.hostUserId,
    is_active: session.isActive,
    is_discoverable: session.isDiscoverable,
    created_at: iso(session.createdAtMs),
    ended_at: session.endedAtMs === null ? null : iso(session.endedAtMs),
    last_activity: iso(session.lastActivityMs),
  };
}

export function liveSessionJson(session: LiveSessionSummary): z.infer<typeof replies.liveSession> {
  return {
    ...sessionSummaryJson(session),
    host_name: session.hostName,
    /** People here now. */
    participant_count: session.participantCount,
  };
}

export function liveStatusJson(status: LiveStatus): z.infer<typeof replies.liveStatus> {
  return {
    /** Others can come in: it is discoverable, or somebody may have an invite. */
    is_live: status.isActive && (status.isDiscoverable || status.hasInvites),
    is_active: status.isActive,
    is_discoverable: status.isDiscoverable,
    has_invites: status.hasInvites,
    participant_count: status.participantCount,
  };
}

export function participantJson(participant: Participant): z.infer<typeof replies.participant> {
  return {
    id: participant.id,
    /** null for anonymous people. */
    user_id: participant.userId,
    display_name: participant.displayName,
    avatar_url: participant.avatarUrl,
    role: participant.role,
    /** Here now, as far as the room has said. */
    is_present: participant.leftAtMs === null && participant.removedAtMs === null,
    joined_at: iso(participant.joinedAtMs),
    left_at: participant.leftAtMs === null ? null : iso(participant.leftAtMs),
    /** The host sent them away; only hosts see those. */
    removed_at: participant.removedAtMs === null ? null : iso(participant.removedAtMs),
  };
}

export function messageJson(message: SessionMessage): z.infer<typeof replies.message> {
  return {
    id: message.id,
    message_type: message.type,
    role: message.role,
    user_id: message.userId,
    display_name: message.displayName,
    avatar_url: message.avatarUrl,
    content: message.content,
    is_actionable: message.isActionable,
    is_code_response: message.isCodeResponse,
    strudel_id: message.strudelId,
    /** Milliseconds since the epoch, as in the room's messages. */
    timestamp: message.createdAtMs,
  };
}

export function inviteJson(invite: Invite): z.infer<typeof replies.invite> {
  return {
    id: invite.id,
    session_id: invite.sessionId,
    role: invite.role,
    token: invite.token,
    max_uses: invite.maxUses,
    uses_count: invite.usesCount,
    expires_at: invite.expiresAtMs === null ? null : iso(invite.expiresAtMs),
    created_at: iso(invite.createdAtMs),
  };
}

export function strudelJson(strudel: Strudel): z.infer<typeof replies.strudel> {
  return {
    id: strudel.id,
    user_id: strudel.userId,
    title: strudel.title,
    code: strudel.code,
    description: strudel.description,
    tags: strudel.tags,
    is_public: strudel.isPublic,
    created_at: iso(strudel.createdAtMs),
    updated_at: iso(strudel.updatedAtMs),
  };
}

export function strudelMessageJson(message: StrudelMessage): z.infer<typeof replies.strudelMessage> {
  return {
    role: message.role,
    content: message.content,
    is_actionable: message.isActionable,
    is_code_response: message.isCodeResponse,
    timestamp: message.createdAtMs,
  };
}

export function flushJson(flush: FlushSummary): z.infer<typeof replies.flushSummary> {
  return {
    sessions: flush.sessions,
    messages: flush.messages,
    dead_letters: flush.deadLetters,
    busy: flush.busy,
    transactions: flush.transactions,
  };
}

/** For the cron, which looks at the status, and for people who call it by hand. */
export function cronRunJson(run: CronRun) {
  const { outcome, requests, sweeps, failures, lastFailure } = run;
  return { outcome, requests, sweeps, ...flushJson(run), failures, last_failure: lastFailure };
}

export function sessionFlushJson(flush: SessionFlush): z.infer<typeof replies.sessionFlush> {
  return {
    ...flushJson(flush),
    flushed_rev: flush.flushedRev,
    is_dirty: flush.isDirty,
    last_commit: flush.lastCommit,
    is_complete: flush.isComplete,
  };
}
