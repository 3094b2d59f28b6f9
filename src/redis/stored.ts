/**
 * How sessions and messages look inside the buffer, and how to read them back. Data from Redis is parsed like
 * any other.
 */
import { z } from 'zod';
import { DamagedDataError } from '../domain/errors.ts';
import {
  decodeReceipt,
  type EditReceipt,
  type EditReceipts,
  encodeReceipt as receiptAsArray,
} from '../domain/receipts.ts';
import { decodeTransport } from '../domain/transport.ts';
import { type CodeWrite, ENTRY_TYPES, MESSAGE_ROLES, type SessionMessage } from '../domain/types.ts';

const messageSchema = z.object({
  id: z.uuid(),
  type: z.enum(ENTRY_TYPES),
  role: z.enum(MESSAGE_ROLES),
  userId: z.string().nullable(),
  displayName: z.string(),
  avatarUrl: z.string().nullable(),
  content: z.string(),
  isActionable: z.boolean(),
  isCodeResponse: z.boolean(),
  strudelId: z.string().nullable(),
  createdAtMs: z.number(),
  position: z.number().int(),
}) satisfies z.ZodType<SessionMessage>;

export function encodeMessage(message: SessionMessage): string {
  return JSON.stringify(message);
}

/** The message, or null when the text isn't one. */
export function decodeMessage(text: string): SessionMessage | null {
  const parsed = messageSchema.safeParse(asJson(text));
  return parsed.success ? parsed.data : null;
}

/** Undefined when the text isn't JSON. */
export function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
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

/** @throws {DamagedDataError} the field holds something that no script writes. */
export function numberOf(fields: SessionFields, name: string): number {
  const text = fields.get(name) ?? '0';
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) {
    throw new DamagedDataError(`the buffer holds no number in the field ${name} of a session`);
  }
  return number;
}

/** The code that a session's hash holds, or null when it holds none. @throws {DamagedDataError} */
export function codeOf(fields: SessionFields): CodeWrite | null {
  const code = fields.get('code');
  if (code === undefined) return null;
  return {
    code,
    rev: numberOf(fields, 'rev'),
    editedAtMs: numberOf(fields, 'edited_at'),
    editorId: fields.get('editor') || null,
    receipts: receiptsOf(fields),
    transport: decodeTransport({
      transport: fields.get('transport') ?? '',
      played: fields.get('played') ?? '',
    }),
  };
}

const RECEIPT = 'receipt:';

export function encodeReceipt(receipt: EditReceipt): string {
  return JSON.stringify(receiptAsArray(receipt));
}

function receiptsOf(fields: SessionFields): EditReceipts {
  const receipts: Record<string, EditReceipt> = {};
  for (const [field, value] of fields) {
    if (!field.startsWith(RECEIPT)) continue;
    const receipt = decodeReceipt(asJson(value));
    if (receipt) receipts[field.slice(RECEIPT.length)] = receipt;
  }
  return receipts;
}
