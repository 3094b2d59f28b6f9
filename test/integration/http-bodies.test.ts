/**
 * The bodies of the HTTP API, for clients that read exactly these names: each call of the table is
 * made, and its reply has to have every one of them. A name more breaks no client; one that is missing
 * or has another type does.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servedRoutes } from '../../src/worker/app.ts';
import { makeDocument } from '../../src/worker/openapi/document.ts';
import { type AiProvider, startAiProvider } from '../support/ai-provider.ts';
import { type Api, startApi } from '../support/api.ts';
import { makeCommit } from '../support/commits.ts';
import { makeMessage } from '../support/messages.ts';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/**
 * `?` after a type: the name may be absent. `id`: a UUID; `time`: ISO 8601; `list`: of texts;
 * `null|…`: may be null.
 */
type Shape = string | { [name: string]: Shape } | [Shape];

const PARTICIPANT = {
  id: 'id',
  user_id: 'id?',
  display_name: 'string',
  role: 'host|co-author|viewer',
  status: 'active|left',
  joined_at: 'time',
  left_at: 'time?',
};
const NEW_SESSION = {
  id: 'id',
  host_user_id: 'id',
  title: 'string',
  code: 'string',
  is_active: 'boolean',
  is_discoverable: 'boolean',
  created_at: 'time',
  ended_at: 'time?',
  last_activity: 'time',
};
const SESSION = { ...NEW_SESSION, participants: [PARTICIPANT] } satisfies Shape;
const LIVE_SESSION = {
  id: 'id',
  title: 'string',
  participant_count: 'number',
  is_member: 'boolean',
  is_discoverable: 'boolean',
  created_at: 'time',
  last_activity: 'time',
};
const INVITE = {
  id: 'id',
  session_id: 'id',
  token: 'string',
  role: 'co-author|viewer',
  max_uses: 'null|number',
  uses_count: 'number',
  expires_at: 'null|time',
  created_at: 'time',
};
const MESSAGE = {
  id: 'id',
  sessionID: 'id',
  userID: 'id?',
  role: 'user|assistant',
  messageType: 'chat|user_prompt|ai_response',
  content: 'string',
  createdAt: 'time',
};
const STRUDEL = {
  id: 'id',
  user_id: 'id',
  author_name: 'string?',
  title: 'string',
  code: 'string',
  description: 'string?',
  tags: ['string'],
  categories: ['string'],
  is_public: 'boolean',
  license: 'string?',
  cc_signal: 'string?',
  ai_assist_count: 'number',
  forked_from: 'id?',
  parent_cc_signal: 'string?',
  conversation_history: [
    {
      id: 'id?',
      role: 'user|assistant',
      content: 'string',
      is_actionable: 'boolean?',
      is_code_response: 'boolean?',
      clarifying_questions: 'list?',
      created_at: 'time?',
    },
  ],
  created_at: 'time',
  updated_at: 'time',
} satisfies Shape;
const GENERATED = {
  code: 'string?',
  is_actionable: 'boolean',
  is_code_response: 'boolean',
  clarifying_questions: 'list?',
  docs_retrieved: 'number',
  examples_retrieved: 'number',
  model: 'string',
};
const PAGINATION = { total: 'number', limit: 'number', offset: 'number', has_more: 'boolean' };
const DONE = { message: 'string' };

const QUESTION = {
  user_query: 'a beat',
  editor_state: '',
  conversation_history: [{ role: 'user', content: 'hello' }],
  provider: 'anthropic',
  provider_api_key: 'sk-of-the-caller',
  strudel_id: ':strudel',
  forked_from_id: randomUUID(),
  session_id: randomUUID(),
};
const WHOLE_STRUDEL = {
  title: 'Beat',
  code: 's("bd")',
  description: 'four to the floor',
  tags: ['techno', 'drums'],
  categories: ['drums'],
  is_public: true,
  license: 'CC BY 4.0',
  cc_signal: 'cc-cr',
  conversation_history: [
    { role: 'user', content: 'a beat' },
    {
      id: randomUUID(),
      role: 'assistant',
      content: '',
      is_actionable: false,
      is_code_response: false,
      clarifying_questions: ['how fast?'],
      created_at: '2026-01-01T00:00:00Z',
    },
  ],
};

// `:session`, `:invite`, `:participant` and `:strudel` stand for ids. The order is that of a session's life.
const CALLS: [call: string, body: object | null, status: number, reply: Shape][] = [
  ['POST /sessions', { title: 'Jam', code: 'x', is_discoverable: true }, 201, NEW_SESSION],
  ['GET /sessions?active_only=true', null, 200, { sessions: [SESSION] }],
  ['GET /sessions/live?limit=5&offset=0', null, 200, { sessions: [LIVE_SESSION], pagination: PAGINATION }],
  ['GET /sessions/last', null, 200, LIVE_SESSION],
  ['GET /sessions/:session', null, 200, SESSION],
  ['PUT /sessions/:session', { code: 'y' }, 200, { code: 'string', message: 'string' }],
  ['PUT /sessions/:session/discoverable', { is_discoverable: true }, 200, SESSION],
  ['POST /sessions/:session/invite', { role: 'viewer' }, 201, INVITE],
  [
    'POST /sessions/:session/invite',
    { role: 'co-author', max_uses: 3, expires_at: '2090-01-01T00:00:00Z' },
    201,
    INVITE,
  ],
  ['GET /sessions/:session/invite', null, 200, { tokens: [INVITE] }],
  [
    'POST /sessions/join',
    { invite_token: ':token', display_name: 'Bea' },
    200,
    { session_id: 'id', role: 'co-author|viewer', display_name: 'string' },
  ],
  [
    'GET /sessions/:session/live-status',
    null,
    200,
    {
      is_live: 'boolean',
      participant_count: 'number',
      has_active_invite_tokens: 'boolean',
      is_discoverable: 'boolean',
    },
  ],
  ['GET /sessions/:session/participants', null, 200, { participants: [PARTICIPANT] }],
  ['PATCH /sessions/:session/participants/:participant', { role: 'viewer' }, 200, PARTICIPANT],
  ['GET /sessions/:session/messages?limit=5', null, 200, { messages: [MESSAGE] }],
  ['DELETE /sessions/:session/participants/:participant', null, 200, DONE],
  ['DELETE /sessions/:session/invite/:invite', null, 200, DONE],
  [
    'POST /sessions/:session/end-live',
    null,
    200,
    { message: 'string', participants_kicked: 'number', invites_revoked: 'number' },
  ],
  ['POST /sessions/:session/leave', null, 200, DONE],
  ['DELETE /sessions/:session', null, 200, DONE],
  ['POST /strudels', WHOLE_STRUDEL, 201, STRUDEL],
  ['PUT /strudels/:strudel', { title: 'Two' }, 200, STRUDEL],
  ['GET /strudels?limit=5&offset=0', null, 200, { strudels: [STRUDEL], pagination: PAGINATION }],
  ['GET /strudels/:strudel', null, 200, STRUDEL],
  [
    'GET /public/strudels?limit=5&offset=0&search=two&tags=techno,drums',
    null,
    200,
    { strudels: [STRUDEL], pagination: PAGINATION },
  ],
  ['GET /public/strudels/tags', null, 200, { tags: ['string'] }],
  ['GET /public/strudels/:strudel', null, 200, STRUDEL],
  [
    'GET /public/strudels/:strudel/stats',
    null,
    200,
    {
      stats: {
        total_uses: 'number',
        unique_users: 'number',
        last_used_at: 'time?',
        fork_count: 'number',
      },
      recent_uses: 'list',
    },
  ],
  ['POST /agent/generate', QUESTION, 200, GENERATED],
  ['DELETE /strudels/:strudel', null, 200, DONE],
];

/** What isn't in the table, as a client of another age may send. */
const UNKNOWN = { unknown_field: [{ a: null }], parent_cc_signal: 'cc-op' };

let provider: AiProvider;
let api: Api;
beforeAll(async () => {
  provider = await startAiProvider();
  api = await startApi({ ANTHROPIC_BASE_URL: provider.url });
});
afterAll(async () => {
  await api?.stop();
  await provider?.stop();
});

/** What of `value` isn't as the shape says, by its place. */
function misfits(shape: Shape, value: unknown, place = 'reply'): string[] {
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [`${place}: no list`];
    // An empty list would show nothing.
    if (value.length === 0) return [`${place}: empty`];
    return value.flatMap((item, i) => misfits(shape[0], item, `${place}[${i}]`));
  }
  if (typeof shape === 'object') {
    if (typeof value !== 'object' || value === null) return [`${place}: no object`];
    const fields = new Map(Object.entries(value));
    return Object.entries(shape).flatMap(([name, field]) =>
      misfits(field, fields.get(name), `${place}.${name}`),
    );
  }
  const isOptional = shape.endsWith('?');
  const choices = (isOptional ? shape.slice(0, -1) : shape).split('|');
  const fits = (value === undefined && isOptional) || choices.some((choice) => isOf(choice, value));
  return fits ? [] : [`${place}: ${JSON.stringify(value)} is no ${shape}`];
}

function isOf(choice: string, value: unknown): boolean {
  switch (choice) {
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === choice;
    case 'list':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'null':
      return value === null;
    case 'id':
      return typeof value === 'string' && UUID.test(value);
    case 'time':
      return typeof value === 'string' && INSTANT.test(value);
    default:
      return value === choice;
  }
}

describe('the calls of a session’s life', () => {
  it('answer with the bodies that existing clients read', async () => {
    const token = await api.userToken(randomUUID(), { name: 'Ada' });
    const ids = new Map<string, string>();
    const filled = (text: string) => text.replace(/:(\w+)/g, (name, key) => ids.get(key) ?? name);
    for (const [call, body, status, shape] of CALLS) {
      const [method = '', path = ''] = filled(call).split(' ');
      const sent = body === null ? undefined : { ...JSON.parse(filled(JSON.stringify(body))), ...UNKNOWN };
      if (call.startsWith('POST /agent')) provider.answer('```strudel\ns("bd")\n```');
      if (call.endsWith('/join')) Object.assign(sent ?? {}, { invite_token: ids.get('token') });
      const reply = await api.call(`/api/v1${path}`, {
        method,
        body: sent,
        token: isOpen(call) ? null : token,
      });
      expect([call, reply.status, reply.json?.message ?? '']).toEqual([call, status, expect.any(String)]);
      expect([call, misfits(shape, reply.json)]).toEqual([call, []]);
      if (call === 'POST /sessions') {
        ids.set('session', reply.json.id);
        ids.set('participant', (await api.place(reply.json.id, 'co-author')).id);
      }
      if (call === 'PUT /sessions/:session') await chatIn(filled(':session'));
      if (call.endsWith('/invite') && method === 'POST') {
        ids.set('invite', reply.json.id);
        ids.set('token', reply.json.token);
      }
      if (call === 'POST /strudels') {
        ids.set('strudel', reply.json.id);
        const said = WHOLE_STRUDEL.conversation_history.map(({ role, content }) => ({ role, content }));
        expect(reply.json).toMatchObject({
          ...WHOLE_STRUDEL,
          conversation_history: said,
          author_name: 'Ada',
        });
        expect(reply.json).not.toHaveProperty('parent_cc_signal');
      }
    }
  });

  it('answer with an error’s code and its message when they are refused', async () => {
    for (const [path, status] of [
      ['/sessions', 401],
      ['/sessions/nope', 400],
      [`/strudels/${randomUUID()}`, 404],
      [`/public/strudels/${randomUUID()}`, 404],
      [`/public/strudels/${randomUUID()}/stats`, 404],
      ['/public/strudels?limit=0', 400],
    ] as const) {
      const { json, ...reply } = await api.call(`/api/v1${path}`);
      expect([path, reply.status]).toEqual([path, status]);
      expect(misfits({ error: 'string', message: 'string', details: 'string?' }, json)).toEqual([]);
    }
    const asked = await api.call('/api/v1/agent/generate', { body: { user_query: ' ' } });
    expect([asked.status, asked.json.error]).toEqual([400, 'validation_error']);
    const last = await api.call('/api/v1/sessions/last', { token: await api.userToken() });
    expect(last.status).toBe(404);
  });

  it('answer 401 for a token that is no good or missing, and 403 for what a good one may not do', async () => {
    const { json: session } = await api.call('/api/v1/sessions', { body: {} });
    const guest = await api.place(session.id, 'viewer');
    const statuses = async (token: string | null) => {
      const found = [];
      for (const [method, path] of [
        ['GET', '/sessions?active_only=true'],
        ['GET', '/sessions/last'],
        ['PUT', `/sessions/${session.id}`],
        ['POST', `/sessions/${session.id}/end-live`],
        ['GET', '/strudels?limit=5'],
        ['POST', '/strudels'],
        ['DELETE', `/strudels/${randomUUID()}`],
      ] as const) {
        found.push((await api.call(`/api/v1${path}`, { method, token, body: bodyOf(method) })).status);
      }
      return [...new Set(found)];
    };
    const bodyOf = (method: string) => (method === 'GET' ? undefined : { code: 'x', title: 'x' });
    for (const token of [null, 'x.y.z', await api.userToken(randomUUID(), {}, { expires: '-1s' })]) {
      expect(await statuses(token)).toEqual([401]);
    }
    expect(await statuses(guest.token)).toEqual([403]);
  });
});

it('the stream’s events have the names that existing clients read', async () => {
  provider.answer('```strudel\n', 's("bd")', '\n```');
  const path = '/api/v1/agent/generate/stream';
  const reply = await api.call(path, { body: { ...QUESTION, strudel_id: '', ...UNKNOWN } });
  expect([reply.status, reply.headers.get('content-type')]).toEqual([
    200,
    expect.stringContaining('text/event-stream'),
  ]);
  const events = reply.text
    .split('\n\n')
    .flatMap((event) => (event.startsWith('data: ') ? [JSON.parse(event.slice(6))] : []));
  const [first, ...rest] = events;
  const done = rest.pop();
  expect(first.type).toBe('refs');
  for (const piece of rest) expect(misfits({ type: 'chunk', content: 'string' }, piece)).toEqual([]);
  expect(rest.map(({ content }) => content).join('')).toBe('```strudel\ns("bd")\n```');
  expect(misfits({ type: 'done', model: 'string', is_code_response: 'boolean' }, done)).toEqual([]);
  provider.refuse(500, {});
  provider.refuse(500, {});
  const failed = await api.call(path, { body: { ...QUESTION, strudel_id: '' } });
  const last = failed.text.split('\n\n').findLast((event) => event.startsWith('data: '));
  expect(misfits({ type: 'error', error: 'string' }, JSON.parse(last?.slice(6) ?? '{}'))).toEqual([]);
});

it('the document says of each call’s reply what the table says', () => {
  const { paths, components } = makeDocument(servedRoutes().map(({ route }) => route));
  const namesOf = (schema: object = {}): string[] => {
    const name = '$ref' in schema ? String(schema.$ref).split('/').at(-1) : undefined;
    if (name !== undefined) return namesOf(components?.schemas?.[name]);
    return 'properties' in schema ? Object.keys(schema.properties ?? {}) : [];
  };
  for (const [call, , status, shape] of CALLS) {
    const [method = '', path = ''] = call.split(/[ ?]/);
    const template = `/api/v1${path}`
      .replace(':session', '{id}')
      .replace(':strudel', '{id}')
      .replace(':invite', '{token_id}')
      .replace(':participant', '{participant_id}');
    const operation = new Map(Object.entries(paths?.[template] ?? {})).get(method.toLowerCase());
    const schema = operation?.responses?.[status]?.content?.['application/json']?.schema;
    expect([call, namesOf(schema)]).toEqual([call, expect.arrayContaining(Object.keys(shape))]);
  }
});

/** Whether the call needs no token. */
function isOpen(call: string): boolean {
  return call.startsWith('GET /sessions/live?') || call.endsWith('/join') || call.includes(' /public/');
}

/** Something in the session's history, from its room. */
async function chatIn(sessionId: string): Promise<void> {
  const messages = [makeMessage({ type: 'chat', content: 'hello', createdAtMs: Date.now() })];
  await api.services.repository.commit(makeCommit({ sessionId, messages }));
}
