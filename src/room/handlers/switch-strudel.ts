import { StorageUnavailableError } from '../../domain/errors.ts';
import { may } from '../../domain/permissions.ts';
import { TimeoutError, withTimeout } from '../../domain/with-timeout.ts';
import { difference, textOf } from '../../merging/index.ts';
import type { ClientMessageOf } from '../../protocol/index.ts';
import { hasJoined } from '../connections/connection.ts';
import type { Content } from '../document/document.ts';
import type { ImportedEntry } from '../document/strudel-context.ts';
import type { HandlerContext } from './context.ts';

/** How long the requester waits for the session to be saved. */
const FLUSH_TIMEOUT_MS = 25_000;

/** What the session is switched to. */
interface Loaded {
  strudelId: string | null;
  /** Null: the session's code stays as it is. */
  code: string | null;
  conversation: ImportedEntry[];
  /** It must not be given to the AI. */
  isAiForbidden: boolean;
}

/**
 * Switches the session to another strudel, or to scratch code: first everything of the session is saved, then
 * the new code becomes the session's next revision. When something fails on the way, nothing is switched.
 */
export async function switchStrudel(
  { payload }: ClientMessageOf<'switch_strudel'>,
  context: HandlerContext,
): Promise<void> {
  const { sender, requestId, session: hosted, sessionState, strudel, edits, outbox, limits } = context;
  if (!limits.takePerMinute(sender, 'switch', Date.now())) {
    outbox.refuse(sender, 'too_many_requests', 'too many switches, try again in a minute', { requestId });
    return;
  }
  const session = await hosted.open();
  if (!(await isDone(session.flush()))) {
    const message = 'the session could not be saved, so nothing was switched';
    outbox.refuse(sender, 'server_error', message, { requestId });
    return;
  }
  if (!hasJoined(sender)) return;
  const loaded = await load(payload, context);
  // A sender who was kicked or has become a viewer meanwhile switches nothing any more.
  if (!loaded || !hasJoined(sender) || !may(sender.state.role, 'switch_strudel')) return;

  // From here to the state nothing waits: code, strudel and conversation change together.
  const { strudelId, code } = loaded;
  if (code === null) {
    strudel.switchTo({ ...loaded, keepsCode: true });
  } else {
    const { participantId, userId } = sender.state;
    const content: Content = { kind: 'change', change: difference(session.text, textOf(code)) };
    const edit = { connectionId: sender.id, participantId, requestId, editorId: userId, content };
    const details = { source: 'loaded_strudel', strudel_id: strudelId };
    const merged = edits.merge(session, edit, sender.state, details);
    // Not for a resend: the first request switched the session, which may have been switched again since.
    if (merged.outcome === 'merged') strudel.switchTo(loaded);
  }
  await sessionState.sendState(sender, requestId);
}

/** The strudel or the scratch code that the sender asks for; null after a refusal was sent. */
async function load(
  payload: ClientMessageOf<'switch_strudel'>['payload'],
  { sender, requestId, strudels, outbox, log }: HandlerContext,
): Promise<Loaded | null> {
  if (payload.strudel_id === null) {
    const createdAtMs = Date.now();
    const conversation = (payload.conversation_history ?? []).map((entry) => ({
      ...entry,
      id: crypto.randomUUID(),
      isCodeResponse: false,
      createdAtMs,
    }));
    return { strudelId: null, code: payload.code ?? null, conversation, isAiForbidden: false };
  }
  try {
    const found = await strudels.use(payload.strudel_id, sender.state.userId);
    if (!found) {
      const message = 'there is no such strudel, or it is not yours to see';
      outbox.refuse(sender, 'not_found', message, { requestId });
      return null;
    }
    const conversation = found.conversation.map(({ role, content, isCodeResponse, createdAtMs }) => ({
      role,
      content,
      isCodeResponse,
      createdAtMs,
      id: crypto.randomUUID(),
    }));
    const { id: strudelId, code, isAiForbidden } = found.strudel;
    return { strudelId, code, conversation, isAiForbidden };
  } catch (error) {
    if (!(error instanceof StorageUnavailableError)) throw error;
    log('strudel_unavailable', error.message);
    const message = 'the strudel could not be loaded, so nothing was switched';
    outbox.refuse(sender, 'server_error', message, { requestId });
    return null;
  }
}

/** False when the flush fails, or takes too long. */
async function isDone(flush: Promise<boolean>): Promise<boolean> {
  try {
    return await withTimeout(FLUSH_TIMEOUT_MS, flush);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    return false;
  }
}
