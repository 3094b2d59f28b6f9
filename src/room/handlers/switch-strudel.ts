import { StorageUnavailableError } from '../../domain/errors.ts';
import { may } from '../../domain/permissions.ts';
import { TimeoutError, within } from '../../domain/with-timeout.ts';
import type { ClientMessageOf, ServerPayload } from '../../protocol/index.ts';
import { isMember } from '../connections/connection.ts';
import type { BroughtEntry } from '../document/strudel-context.ts';
import type { HandlerContext } from './context.ts';

/** How long the requester waits for the session to be saved. */
const FLUSH_TIMEOUT_MS = 25_000;

/** What the session is switched to. */
interface Loaded {
  strudelId: string | null;
  /** Null: the session's code stays as it is. */
  code: string | null;
  conversation: BroughtEntry[];
}

/**
 * Makes the session be about another strudel, or about scratch code: first all that was is saved, then the other code
 * becomes everybody's next revision. When something fails on the way, nothing is switched.
 */
export async function switchStrudel(
  { payload }: ClientMessageOf<'switch_strudel'>,
  { sender, room, requestId }: HandlerContext,
): Promise<void> {
  if (!room.takePerMinute(sender, 'switch')) {
    room.refuse(sender, 'too_many_requests', 'too many switches, try again in a minute', requestId);
    return;
  }
  const session = await room.session();
  if (!(await isDone(session.flush()))) {
    room.refuse(sender, 'server_error', 'the session could not be saved, so nothing was switched', requestId);
    return;
  }
  if (!isMember(sender)) return;
  const loaded = await load(payload, { sender, room, requestId });
  // Whoever was sent away meanwhile, or has become a viewer, switches nothing any more.
  if (!loaded || !isMember(sender) || !may(sender.state.role, 'switch_strudel')) return;

  // From here to the state nothing waits: code, strudel and conversation change together.
  const { strudelId, code, conversation } = loaded;
  const { participantId, displayName, userId, role } = sender.state;
  if (code === null) {
    room.switchStrudel(strudelId, conversation);
  } else {
    const accepted = session.edit({
      connectionId: sender.id,
      participantId,
      requestId,
      code,
      editorId: userId,
    });
    // Null for a resend: it was switched then, and may have been switched again since.
    if (accepted) {
      room.switchStrudel(strudelId, conversation);
      const update: ServerPayload<'code_update'> = {
        code,
        rev: accepted.rev,
        display_name: displayName,
        user_id: userId,
        role,
        source: 'loaded_strudel',
        strudel_id: strudelId,
      };
      room.broadcast('code_update', update, sender);
    }
  }
  await room.tellState(sender, requestId);
}

/** The strudel or the scratch code that is asked for; null when it can't be had, and then the requester knows. */
async function load(
  payload: ClientMessageOf<'switch_strudel'>['payload'],
  { sender, room, requestId }: HandlerContext,
): Promise<Loaded | null> {
  if (payload.strudel_id === null) {
    const createdAtMs = Date.now();
    const conversation = (payload.conversation_history ?? []).map((entry) => ({
      ...entry,
      id: crypto.randomUUID(),
      isCodeResponse: false,
      createdAtMs,
    }));
    return { strudelId: null, code: payload.code ?? null, conversation };
  }
  try {
    const found = await room.strudels.get(payload.strudel_id, sender.state.userId);
    if (!found) {
      room.refuse(sender, 'not_found', 'there is no such strudel, or it is not yours to see', requestId);
      return null;
    }
    const conversation = found.conversation.map(({ role, content, isCodeResponse, createdAtMs }) => ({
      role,
      content,
      isCodeResponse,
      createdAtMs,
      id: crypto.randomUUID(),
    }));
    return { strudelId: found.strudel.id, code: found.strudel.code, conversation };
  } catch (error) {
    if (!(error instanceof StorageUnavailableError)) throw error;
    room.log('strudel_unavailable', error.message);
    room.refuse(
      sender,
      'server_error',
      'the strudel could not be loaded, so nothing was switched',
      requestId,
    );
    return null;
  }
}

async function isDone(flush: Promise<boolean>): Promise<boolean> {
  try {
    return await within(FLUSH_TIMEOUT_MS, flush);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    return false;
  }
}
