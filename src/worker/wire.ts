/** How domain objects look in HTTP replies. */
import type { FlushSummary, SessionFlush } from '../buffer/flusher.ts';
import { SYSTEM_USER_ID } from '../sessions/schema.ts';
import type { Invite, Session, SessionMessage } from '../sessions/types.ts';

const iso = (ms: number) => new Date(ms).toISOString();

export function sessionJson(session: Session) {
  return {
    id: session.id,
    title: session.title,
    code: session.code,
    rev: session.rev,
    /** null: somebody anonymous made it. */
    host_user_id: session.hostUserId === SYSTEM_USER_ID ? null : session.hostUserId,
    is_active: session.isActive,
    is_discoverable: session.isDiscoverable,
    created_at: iso(session.createdAtMs),
    ended_at: session.endedAtMs === null ? null : iso(session.endedAtMs),
    last_activity: iso(session.lastActivityMs),
  };
}

export function messageJson(message: SessionMessage) {
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

export function inviteJson(invite: Invite) {
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

export function flushJson(flush: FlushSummary) {
  return {
    sessions: flush.sessions,
    messages: flush.messages,
    dead_letters: flush.deadLetters,
    busy: flush.busy,
    transactions: flush.transactions,
  };
}

export function sessionFlushJson(flush: SessionFlush) {
  return {
    ...flushJson(flush),
    flushed_rev: flush.flushedRev,
    is_dirty: flush.isDirty,
    was_forgotten: flush.wasForgotten,
  };
}
