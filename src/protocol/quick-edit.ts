/**
 * Edits are nearly all that a room reads, and a schema's walk through one costs more than reading its JSON.
 * This looks at an edit by hand instead, exactly as strictly: whatever isn't plainly an edit that
 * `clientMessageSchema` takes is left to the schema, which also has the words for what is wrong with it. A
 * property test compares the two.
 */
import { MAX_CHANGE_PARTS, MAX_CODE_BYTES, MAX_REQUEST_ID_CHARS } from './limits.ts';
import type { ClientMessageOf } from './messages.ts';
import { fitsBytes, isStorable } from './text.ts';

type Edit = ClientMessageOf<'code_update'>;
type Changes = Extract<Edit['payload'], { changes: unknown }>['changes'];
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
  const { code, changes, cursor_line, cursor_col, source, base_rev, client_seq, sync } = payload;
  if (
    !isCount(cursor_line, MAX_POSITION) ||
    !isCount(cursor_col, MAX_POSITION) ||
    !isSource(source) ||
    !isCount(base_rev, Number.MAX_SAFE_INTEGER) ||
    !(isCount(client_seq, Number.MAX_SAFE_INTEGER) && client_seq !== 0) ||
    !isRequestId(payload.request_id) ||
    !(session_id === null || isText(session_id)) ||
    !(user_id === null || isText(user_id)) ||
    !isText(timestamp) ||
    !(seq === undefined || (typeof seq === 'number' && Number.isFinite(seq))) ||
    !isRequestId(request_id)
  )
    return null;

  let edit: Edit;
  if (changes === undefined) {
    if (typeof code !== 'string' || code.includes('\r')) return null;
    if (!fitsBytes(code, MAX_CODE_BYTES) || !isStorable(code)) return null;
    edit = { type: 'code_update', payload: { code } };
  } else {
    if (!isChanges(changes) || base_rev === undefined || client_seq === undefined) return null;
    if (!isCount(sync, Number.MAX_SAFE_INTEGER) || sync === undefined) return null;
    edit = { type: 'code_update', payload: { changes, base_rev, client_seq, sync } };
  }
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

function isChanges(value: unknown): value is Changes {
  return Array.isArray(value) && value.length <= MAX_CHANGE_PARTS && value.every(isPart);
}

function isPart(part: unknown): boolean {
  if (!Array.isArray(part)) return isLength(part);
  return part.every((item, index) => (index === 0 ? isLength(item) : isLine(item))) && part.length > 0;
}

function isLength(value: unknown): boolean {
  return value !== undefined && isCount(value, MAX_CODE_BYTES);
}

function isLine(value: unknown): boolean {
  return typeof value === 'string' && !/[\r\n]/.test(value) && isStorable(value);
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
