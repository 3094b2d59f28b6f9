/** The room's changes as transactions of the editor, and which of the editor's are edits. Pure: no view. */
import { Annotation, Transaction, type TransactionSpec } from '@codemirror/state';
import type { EditOrigin, RemoteChange } from './ports.ts';

/** Marks a transaction that the room brought about. */
export const remoteChange = Annotation.define<RemoteChange>();

/** Says where an edit that the page dispatches comes from: `loaded_strudel`, say. */
export const editSource = Annotation.define<EditOrigin['source']>();

/**
 * The transaction that makes a change by the room. The selection moves with the text and nothing scrolls.
 * Undo passes it by: its text may be another's to take back, too (see `stepOf`).
 */
export function remoteTransaction(change: RemoteChange): TransactionSpec {
  return {
    changes: change.changes,
    annotations: [remoteChange.of(change), Transaction.remote.of(true), Transaction.addToHistory.of(false)],
    // The document has it: a filter that changed it would part the two texts.
    filter: false,
  };
}

/** @returns where it comes from, or null when the document needs no word of it. */
export function originOf(transaction: Transaction): EditOrigin | null {
  if (!transaction.docChanged || transaction.annotation(remoteChange) !== undefined) return null;
  const isPasted = transaction.isUserEvent('input.paste') || transaction.isUserEvent('input.drop');
  return { source: transaction.annotation(editSource) ?? (isPasted ? 'paste' : 'typed') };
}
