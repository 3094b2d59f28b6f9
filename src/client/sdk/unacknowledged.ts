/** What a client must not lose: everything it sent, or meant to send, that the room hasn't acknowledged. */
import * as z from 'zod';
import type { OutgoingChat } from './chat-log.ts';
import type { OutgoingEdit } from './shared-document.ts';

export interface Unacknowledged {
  edit: OutgoingEdit | null;
  chat: OutgoingChat[];
}

/** Keeps it over a reload. `save` is called with each change, null when there is nothing left. */
export interface UnacknowledgedStore {
  load(): Unacknowledged | null;
  save(unacknowledged: Unacknowledged | null): void;
}

const optionalNumber = z.number().int().min(0).optional();

const schema = z.object({
  edit: z
    .object({
      requestId: z.string().min(1),
      code: z.string(),
      baseRev: z.number(),
      cursorLine: optionalNumber,
      cursorCol: optionalNumber,
      source: z.enum(['typed', 'loaded_strudel', 'forked', 'paste']).optional(),
    })
    .nullable(),
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
