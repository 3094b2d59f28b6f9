/** What a client must not lose: everything it sent, or meant to send, that the room hasn't acknowledged. */
import * as z from 'zod';
import type { OutgoingChat } from './chat-log.ts';
import type { KeptDocument } from './shared-document.ts';

/** Text with own edits that can't be sent: for its author to copy. */
export interface OfferedText {
  code: string;
  /**
   * - `viewer`: its author may not edit any more;
   * - `uncertain`: the edits may be in the session or not;
   * - `refused`: the room would not take them.
   */
  reason: 'viewer' | 'uncertain' | 'refused';
}

/** Own edits, and text that couldn't be sent. */
export interface KeptCode {
  document: KeptDocument | null;
  /** The participant whose edits they are; a room counts the edits of each participant. */
  participantId: string | null;
  /** When one was last sent, in milliseconds since the epoch. */
  sentAtMs: number;
  offered: OfferedText | null;
}

export interface Unacknowledged extends KeptCode {
  chat: OutgoingChat[];
}

/** Keeps it over a reload. `save` is called with each change, null when there is nothing left. */
export interface UnacknowledgedStore {
  load(): Unacknowledged | null;
  save(unacknowledged: Unacknowledged | null): void;
}

const count = z.number().int().min(0);
/** Without the limits of the wire: text that is too large to be sent is kept too. */
const changes = z.array(z.union([count, z.tuple([count], z.string())]));

const schema = z.object({
  document: z
    .object({
      confirmed: z.string(),
      rev: count,
      clientSeq: count,
      acknowledged: count,
      pending: z.array(z.object({ changes, clientSeq: count, wasSent: z.boolean() })),
      undo: z.array(z.object({ changes, clientSeq: count.nullable(), isMixed: z.boolean().optional() })),
    })
    .nullable(),
  participantId: z.string().nullable(),
  sentAtMs: z.number(),
  offered: z.object({ code: z.string(), reason: z.enum(['viewer', 'uncertain', 'refused']) }).nullable(),
  chat: z.array(z.object({ id: z.uuid(), text: z.string(), atMs: z.number() })),
});

/** Reads what was stored as JSON; null when it is absent or isn't what this version wrote. */
export function parseUnacknowledged(json: string | null): Unacknowledged | null {
  if (json === null) return null;
  try {
    return schema.parse(JSON.parse(json));
  } catch {
    return null;
  }
}
