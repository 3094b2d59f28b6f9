/** How sessions and messages look inside the buffer, and how to read them back. Data from Redis is parsed like any other. */
import { z } from 'zod';
import { isNewer } from '../domain/merge-messages.ts';
import {
  type CodeWrite,
  type EditReceipt,
  type EditReceipts,
  MESSAGE_ROLES,
  MESSAGE_TYPES,
  type SessionMessage,
} from '../domain/types.ts';

const messageSchema = z.object({
  id: z.uuid(),
  type: z.enum(MESSAGE_TYPES),
  role: z.enum(MESSAGE_ROLES),
  userId: z.string().nullable(),
  displayName: z.string(),
  avatarUrl: z.string().nullable(),
  content: z.string(),
  isActionable: z.boolean(),
  isCodeResponse: z.boolean(),
  strudelId: z.string().nullable(),
  createdAtMs: z.number(),
  /** Absent in what was buffered before messages had one. */
  epoch: z.number().default(0),
}) satisfies z.ZodType<SessionMessage>;

export function encodeMessage(message: SessionMessage): string {
  return JSON.stringify(message);
}

/** The message, or null when the text isn't one. */
export function decodeMessage(text: string): SessionMessage | null {
  try {
    const parsed = messageSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** A number that a script returns as an integer or, where it may exceed 32 bits, as text. */
export const integer = z.coerce.number().int();
export const flag = z.union([z.literal(0), z.literal(1)]).transform((value) => value === 1);

/** `{ field, value, … }` as scripts return a hash, as a map. */
export const flatHash = z
  .array(z.string())
  .transform(
    (flat) => new Map(flat.flatMap((field, i) => (i % 2 === 0 ? [[field, flat[i + 1] ?? ''] as const] : []))),
  );

export type SessionFields = z.infer<typeof flatHash>;

/** The code a session's hash holds, or null when it holds none. */
export function codeOf(fields: SessionFields): CodeWrite | null {
  const code = fields.get('code');
  const rev = fields.get('rev');
  if (code === undefined || rev === undefined) return null;
  return {
    code,
    rev: Number(rev),
    epoch: Number(fields.get('code_epoch') ?? 0),
    editedAtMs: Number(fields.get('edited_at') ?? 0),
    editorId: fields.get('editor') || null,
  };
}

/** Whether the code that the hash holds is still to be written to Postgres: as the scripts judge it. */
export function isCodeUnflushed(fields: SessionFields): boolean {
  const code = codeOf(fields);
  if (code === null) return false;
  const settled = {
    rev: Number(fields.get('settled') ?? 0),
    epoch: Number(fields.get('settled_epoch') ?? code.epoch),
  };
  return isNewer(code, settled);
}

const RECEIPT = 'receipt:';

/** `request-id:rev`, separated by spaces: neither can be in an encoded id. */
export function encodeReceipts(receipts: readonly EditReceipt[]): string {
  return receipts.map(({ requestId, rev }) => `${encodeURIComponent(requestId)}:${rev}`).join(' ');
}

/** The receipts a session's hash holds, by connection id. */
export function receiptsOf(fields: SessionFields): EditReceipts {
  const receipts: EditReceipts = {};
  for (const [field, value] of fields) {
    if (!field.startsWith(RECEIPT)) continue;
    receipts[field.slice(RECEIPT.length)] = value.split(' ').map((entry) => {
      const [requestId = '', rev = '0'] = entry.split(':');
      return { requestId: decodeURIComponent(requestId), rev: Number(rev) };
    });
  }
  return receipts;
}
