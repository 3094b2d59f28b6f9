/** What a commit sends of a large code: the one piece that changed, placed by bytes. */
import { textChange, utf8Bytes } from '../protocol/index.ts';

/** One piece of a text replaced. Positions count bytes of UTF-8, which is what Redis' scripts cut text by. */
export interface Splice {
  startByte: number;
  deletedBytes: number;
  inserted: string;
  /** Size of the text that it applies to. */
  baseBytes: number;
}

/**
 * The smallest piece of `base` that has to be replaced to make it `code`. Both are
 * well-formed: no lone surrogates.
 */
export function spliceBetween(base: string, code: string): Splice {
  const end = base.length;
  const { from, to, insert } = textChange(base, code) ?? { from: end, to: end, insert: '' };
  const startByte = utf8Bytes(base.slice(0, from));
  const deletedBytes = utf8Bytes(base.slice(from, to));
  return {
    startByte,
    deletedBytes,
    inserted: insert,
    baseBytes: startByte + deletedBytes + utf8Bytes(base.slice(to)),
  };
}
