/**
 * Edits are nearly all that a room reads, and a schema's walk through one costs more than reading its JSON.
 * This looks at an edit by hand instead, exactly as strictly: whatever isn't plainly an edit that
 * `clientMessageSchema` takes is left to the schema, which also has the words for what is wrong with it. A
 * property test compares the two.
 */
import { MAX_CODE_BYTES, MAX_REQUEST_ID_CHARS } from './limits.ts';
import type { ClientMessageOf } from './messages.ts';
import { fitsBytes, isStorable } from './text.ts';

type Edit = ClientMessageOf<'code_update'>;
type EditSource = NonNullable<Edit['payload']['source']>;

const MAX_POSITION = 1_000_000;

/**
 * The edit that `raw` is, as the schema would give it: only its known fields. Null when the schema has to be
 * asked.
 */
export function quickEdit(raw: unknown): Edit | null {
  if (!isRecord(raw) || raw.type !== 'code_update') return null;
  const { session_id, user_id, timestamp, seq, request_id, payload } = raw;
  if (!isRecord(payload)) return null;
  const { code, cursor_line, cursor_col, source, base_rev, client_seq } = payload;
  if (
    typeof code !== 'string' ||
    !fitsBytes(code, MAX_CODE_BYTES) ||
    !isStorable(code) ||
    !isCount(cursor_line, MAX_POSITION) ||
    !isCount(cursor_col, MAX_POSITION) ||
    !isSource(source) ||
    !isCount(base_rev, Number.MAX_SAFE_INTEGER) ||
    !(isCount(client_seq, Number.MAX_SAFE_INTEGER) && client_seq !== 0) ||
    !isRequestId(payload.request_id) ||
    !isText(session_id) ||
    !(user_id === null || isText(user_id)) ||
    !isText(timestamp) ||
    !(seq === undefined || (typeof seq === 'number' && Number.isFinite(seq))) ||
    !isRequestId(request_id)
  )
    return null;

  const edit: Edit = { type: 'code_update', payload: { code } };
  if (cursor_line !== undefined) edit.payload.cursor_line = cursor_line;
  if (cursor_col !== undefined) edit.payload.cursor_col = cursor_col;
  if (source !== undefined) edit.payload.source = source;
  if (base_rev !== undefined) edit.payload.base_rev = base_rev;
  if (client_seq !== undefined) edit.payload.client_seq = client_seq;
  if (payload.request_id !== undefined) edit.payload.request_id = payload.request_id;
  if (session_id !== undefined) edit.session_id = session_id;
  if (user_id !== undefined) edit.user_id = user_id;
  if (timestamp !== undefined) edit.timestamp = timestamp;
  if (seq !== undefined) edit.seq = seq;
  if (request_id !== undefined) edit.request_id = request_id;
  return edit;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown, max: number): value is number | undefined {
  return value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= max);
}

function isText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function isSource(value: unknown): value is EditSource | undefined {
  switch (value) {
    case undefined:
    case 'typed':
    case 'loaded_strudel':
    case 'forked':
    case 'paste':
      return true;
    default:
      return false;
  }
}

function isRequestId(value: unknown): value is string | undefined {
  if (value === undefined) return true;
  return (
    typeof value === 'string' && value !== '' && value.length <= MAX_REQUEST_ID_CHARS && isStorable(value)
  );
}
