import { DEFAULT_CPS } from '../../domain/transport.ts';
import type { ClientMessageOf } from '../../protocol/index.ts';
import { hasJoined } from '../connections/connection.ts';
import type { HandlerContext } from './context.ts';

/** Stops what plays, for all. */
export async function stop(
  _message: ClientMessageOf<'stop'>,
  { sender, session: hosted, outbox, edits }: HandlerContext,
): Promise<void> {
  const session = await hosted.open();
  if (!hasJoined(sender)) return;
  const { displayName, userId } = sender.state;
  const cps = session.transport?.cps ?? DEFAULT_CPS;
  session.stop(userId);
  edits.keepSameText(session);
  outbox.broadcast('stop', { display_name: displayName }, sender);
  const { rev } = session;
  const stopped = { playing: false, code: '', rev, by: displayName, since: Date.now(), cycle: 0, cps };
  outbox.broadcast('transport', stopped);
}
