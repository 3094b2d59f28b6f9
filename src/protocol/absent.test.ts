import { describe, expect, it } from 'vitest';
import { type ClientMessageType, clientMessageSchema, parseClientMessage } from './messages.ts';

const id = crypto.randomUUID();

/** A message of each type, and what of its payload a client may not have. */
const MESSAGES: Record<ClientMessageType, [payload: object, absent: object]> = {
  code_update: [
    { code: 's("bd")' },
    {
      cursor_line: null,
      cursor_col: null,
      source: null,
      request_id: null,
      base_rev: null,
      client_seq: null,
    },
  ],
  take_back: [{ rev: 1, turn: 1, changes: [1], base_rev: 1, sync: 1, request_id: 'r' }, {}],
  chat_message: [{ message: 'hello' }, { id: null, request_id: '' }],
  agent_request: [
    { user_query: 'a beat', request_id: 'r1' },
    { editor_state: null, conversation_history: null, provider: '', provider_api_key: null },
  ],
  switch_strudel: [{ strudel_id: null }, { code: null, conversation_history: null, request_id: null }],
  cursor_position: [{ line: 1, col: 0 }, {}],
  play: [{}, { code: null, request_id: null }],
  stop: [{}, { request_id: null }],
  ping: [{}, { request_id: '', hidden: null }],
  pong: [{}, { request_id: null }],
  resync: [{}, { request_id: null }],
  answer_knock: [{ knock_id: id, refused: true }, { request_id: null }],
};

describe.each(Object.entries(MESSAGES))('%s', (type, [payload, absent]) => {
  const parsed = (over: object, more: object = {}) =>
    parseClientMessage(JSON.stringify({ type, payload: { ...payload, ...more }, ...over }));

  it.each([{ session_id: null }, { session_id: '' }, { session_id: id }, {}])(
    'may be sent before its session is known: %j',
    (over) => {
      expect(parsed(over)).toMatchObject({ ok: true, message: { type, payload } });
    },
  );

  it('may name what its client doesn’t have as null, or as an empty string', () => {
    const bare = parsed({});
    if (!bare.ok) throw new Error(bare.message);
    const nulls = { session_id: null, user_id: null, timestamp: null, seq: null, request_id: null };
    const given = parsed(nulls, absent);
    expect(given).toMatchObject({ ok: true, requestId: bare.requestId });
    expect(given.ok && given.message.payload).toEqual(bare.message.payload);
    expect(parsed({ user_id: '', timestamp: '', request_id: '' })).toMatchObject({ ok: true });
  });
});

it('no type is left out', () => {
  const types = clientMessageSchema.options.map(({ shape }) => shape.type.value);
  expect(Object.keys(MESSAGES).sort()).toEqual([...types].sort());
});
