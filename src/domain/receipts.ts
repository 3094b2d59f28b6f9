/**
 * Receipts: which of a client's edits the code contains, so that an edit that is sent again has no second
 * effect. They are part of the code's row in both stores, written by the same guarded statement as the code.
 */
import { z } from 'zod';

/** The newest edits of one client. */
export interface EditReceipt {
  /** Its last `client_seq`; 0 for a client that doesn't count its edits. */
  clientSeq: number;
  /** The last request ids of a client that doesn't count, oldest first. */
  requestIds: readonly string[];
  /** The revision that its last edit got. */
  rev: number;
  /** When it made the last edit, in milliseconds since the epoch. */
  atMs: number;
}

/** By {@link receiptKey}. */
export type EditReceipts = Readonly<Record<string, EditReceipt>>;

/**
 * A receipt belongs to a person: another participant who comes with the same client id has receipts of their
 * own.
 */
export function receiptKey(participantId: string, clientId: string): string {
  return `${participantId}/${clientId}`;
}

/** As both stores keep it: a JSON array, short because each commit carries some. */
const storedReceipt = z.tuple([z.number(), z.number(), z.number()], z.string());
type StoredReceipt = z.infer<typeof storedReceipt>;
const storedReceipts = z.record(z.string(), storedReceipt);

export function encodeReceipt({ clientSeq, rev, atMs, requestIds }: EditReceipt): StoredReceipt {
  return [clientSeq, rev, atMs, ...requestIds];
}

/** @returns null when the stored value isn't a receipt. */
export function decodeReceipt(stored: unknown): EditReceipt | null {
  const parsed = storedReceipt.safeParse(stored);
  if (!parsed.success) return null;
  return receiptOf(parsed.data);
}

/** All of them as one JSON text. */
export function encodeReceipts(receipts: EditReceipts): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(receipts).map(([key, receipt]) => [key, encodeReceipt(receipt)])),
  );
}

/** @throws {z.ZodError} the stored value isn't what {@link encodeReceipts} makes. */
export function decodeReceipts(stored: unknown): EditReceipts {
  return Object.fromEntries(
    Object.entries(storedReceipts.parse(stored)).map(([key, receipt]) => [key, receiptOf(receipt)]),
  );
}

function receiptOf([clientSeq, rev, atMs, ...requestIds]: StoredReceipt): EditReceipt {
  return { clientSeq, rev, atMs, requestIds };
}
