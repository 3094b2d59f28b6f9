/** Code has its lines ended by `\n`, by whatever door it comes in. */
import { expect, it } from 'vitest';
import { changeSession, createSession } from './http/sessions.ts';
import { changeStrudel, createStrudel } from './http/strudels.ts';
import { codeSchema, MAX_CODE_BYTES, parseClientMessage, withLineFeeds } from './index.ts';

const CODE = 's("bd")\r\n.fast(2)\r\n\r\rend';
const PLAIN = 's("bd")\n.fast(2)\n\n\nend';

const received = (type: string, payload: object) => {
  const parsed = parseClientMessage(JSON.stringify({ type, payload }));
  if (!parsed.ok) throw new Error(parsed.details);
  return parsed.message.payload;
};

it.each([
  ['an edit', () => received('code_update', { code: CODE }), { code: PLAIN }],
  [
    'a switch',
    () => received('switch_strudel', { strudel_id: null, code: CODE }),
    { strudel_id: null, code: PLAIN },
  ],
  [
    'a question to the AI',
    () => received('agent_request', { user_query: 'q', request_id: 'r', editor_state: CODE }),
    { editor_state: PLAIN },
  ],
  ['POST /sessions', () => createSession.body.parse({ code: CODE }), { code: PLAIN }],
  ['PUT /sessions', () => changeSession.body.parse({ code: CODE }), { code: PLAIN }],
  ['POST /strudels', () => createStrudel.body.parse({ title: 't', code: CODE }), { code: PLAIN }],
  ['PUT /strudels', () => changeStrudel.body.parse({ code: CODE }), { code: PLAIN }],
])('in %s', (_door, comesIn, expected) => {
  expect(comesIn()).toMatchObject(expected);
});

it('counts with them, and leaves all else alone', () => {
  expect(codeSchema.safeParse('\r\n'.repeat(MAX_CODE_BYTES)).success).toBe(true);
  expect(codeSchema.safeParse('\r\n'.repeat(MAX_CODE_BYTES + 1)).success).toBe(false);
  expect(withLineFeeds('a\u2028b\u0085c\n\n')).toBe('a\u2028b\u0085c\n\n');
});
