/**
 * The taking back of what the room itself changed. Several participants may want it at once, and each would
 * put in again what had been taken away. So it is an edit with a name that all of them give it: the change's
 * revision is the client, and its turns are that client's count. The receipts, which are as durable as the
 * code, know a second one for the resend that it is.
 */

import type { z } from 'zod';
import type { takeBackPayload } from '../../protocol/index.ts';
import type { Edit } from './document.ts';

/** No connection has an id with a colon, so none is sent an acknowledgement of it as its own. */
const TAKEN_BACK = 'taken-back:';

/** @param requester the connection that asks, and its user. */
export function takingBack(
  { rev, turn, changes, base_rev: baseRev, request_id: requestId }: z.output<typeof takeBackPayload>,
  { connectionId, userId }: { connectionId: string; userId: string | null },
): Edit {
  return {
    connectionId: `${TAKEN_BACK}${rev}`,
    participantId: TAKEN_BACK,
    clientSeq: turn,
    editorId: userId,
    content: { kind: 'requested', changes, baseRev, by: { connectionId, requestId } },
  };
}
