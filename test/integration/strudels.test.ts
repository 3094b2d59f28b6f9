/** Saved strudels over the Worker's API, on a real Postgres engine. */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  MAX_CATEGORIES,
  MAX_CLARIFYING_QUESTION_CHARS,
  MAX_CLARIFYING_QUESTIONS,
  MAX_CODE_BYTES,
  MAX_DESCRIPTION_CHARS,
  MAX_LICENSE_CHARS,
  MAX_STRUDEL_MESSAGE_CHARS,
  MAX_STRUDEL_MESSAGES,
  MAX_TAG_CHARS,
  MAX_TAGS,
  MAX_TITLE_CHARS,
} from '../../src/protocol/limits.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ BACKBEAT_CRON_MS: '0' });
});
afterAll(async () => {
  await stack?.stop();
});

const person = (sub: string = randomUUID()) =>
  new SignJWT({ sub, name: 'Ada' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(stack.jwtSecret));

async function call(method: string, path: string, token: string | null, body?: unknown) {
  const response = await fetch(new URL(`/api/v1/strudels${path}`, stack.workerUrl), {
    method,
    headers: token === null ? {} : { Authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: text === '' ? null : JSON.parse(text) };
}

const plain = { title: 'Beat', code: 's("bd sd")' };

async function saved(token: string, over: object = {}) {
  const { status, json } = await call('POST', '', token, { ...plain, ...over });
  expect(status).toBe(201);
  return json as { id: string };
}

describe('a saved strudel', () => {
  it('is read back as it was written, with its conversation in order', async () => {
    const ada = await person();
    const conversation_history = [
      { role: 'user', content: 'a beat', is_actionable: false, is_code_response: false },
      { role: 'assistant', content: plain.code, is_actionable: true, is_code_response: true },
    ];
    const all = {
      ...plain,
      description: 'été "☀" \\',
      tags: ['techno', 'a,b {c}'],
      categories: ['live'],
      is_public: true,
      license: 'CC BY-SA 4.0',
      cc_signal: 'cc-cr',
    };
    const { id } = await saved(ada, { ...all, conversation_history });
    const { status, json } = await call('GET', `/${id}`, ada);
    expect(status).toBe(200);
    expect(json).toMatchObject({ id, ...all, conversation_history });
  });

  it('is changed in what is named, and nothing else', async () => {
    const ada = await person();
    const { id } = await saved(ada, {
      description: 'one',
      tags: ['x'],
      conversation_history: [{ role: 'user', content: 'before' }],
    });
    expect((await call('PUT', `/${id}`, ada, { title: 'Two' })).json).toMatchObject({
      title: 'Two',
      code: plain.code,
      description: 'one',
      tags: ['x'],
    });
    const rest = { tags: [], is_public: true, code: '', conversation_history: [] };
    expect((await call('PUT', `/${id}`, ada, { ...rest, description: null })).status).toBe(200);
    const { json } = await call('GET', `/${id}`, ada);
    expect(json).toMatchObject({ title: 'Two', ...rest });
    expect(json).not.toHaveProperty('description');
  });

  it('keeps a conversation that a change does not name, and replaces one that it does', async () => {
    const ada = await person();
    const { id } = await saved(ada, { conversation_history: [{ role: 'user', content: 'before' }] });
    const said = async () =>
      (await call('GET', `/${id}`, ada)).json.conversation_history.map(
        ({ content }: { content: string }) => content,
      );
    await call('PUT', `/${id}`, ada, { title: 'Other' });
    expect(await said()).toEqual(['before']);
    const conversation_history = ['a', 'b', 'c'].map((content) => ({ role: 'assistant', content }));
    await call('PUT', `/${id}`, ada, { conversation_history });
    expect(await said()).toEqual(['a', 'b', 'c']);
  });

  it('is deleted, once', async () => {
    const ada = await person();
    const { id } = await saved(ada, { conversation_history: [{ role: 'user', content: 'x' }] });
    expect(await call('DELETE', `/${id}`, ada)).toEqual({
      status: 200,
      json: { message: expect.any(String) },
    });
    expect((await call('DELETE', `/${id}`, ada)).status).toBe(404);
    expect((await call('GET', `/${id}`, ada)).status).toBe(404);
  });
});

describe('who may', () => {
  const FORGED = 'x.y.z';
  /** Expected statuses: nobody, somebody else, the owner, a token that isn't valid. */
  const table: [string, string, { isPublic: boolean }, unknown, number[]][] = [
    ['read a private one', 'GET', { isPublic: false }, undefined, [404, 404, 200, 401]],
    ['read a public one', 'GET', { isPublic: true }, undefined, [200, 200, 200, 401]],
    ['change a private one', 'PUT', { isPublic: false }, { title: 'x' }, [401, 404, 200, 401]],
    ['change a public one', 'PUT', { isPublic: true }, { title: 'x' }, [401, 404, 200, 401]],
    ['delete a private one', 'DELETE', { isPublic: false }, undefined, [401, 404, 200, 401]],
    ['delete a public one', 'DELETE', { isPublic: true }, undefined, [401, 404, 200, 401]],
  ];
  it.each(table)('%s', async (_, method, { isPublic }, body, expected) => {
    const [owner, other] = await Promise.all([person(), person()]);
    const statuses = [];
    for (const token of [null, other, owner, FORGED]) {
      const { id } = await saved(owner, { is_public: isPublic });
      statuses.push((await call(method, `/${id}`, token, body)).status);
    }
    expect(statuses).toEqual(expected);
  });

  it('save and list: signed-in people; public ones are listed for everybody', async () => {
    expect((await call('POST', '', null, plain)).status).toBe(401);
    expect((await call('GET', '', null)).status).toBe(401);
    expect((await call('GET', '', FORGED)).status).toBe(401);
    expect((await call('GET', '?public=true', null)).status).toBe(200);
  });
});

describe('lists', () => {
  it('are paged from the newest to the oldest, each strudel once', async () => {
    const ada = await person();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await saved(ada)).id);
    const seen: string[] = [];
    for (const [offset, has_more] of [
      [0, true],
      [2, true],
      [4, false],
    ]) {
      const { json } = await call('GET', `?limit=2&offset=${offset}`, ada);
      expect(json.pagination).toEqual({ limit: 2, offset, total: 5, has_more });
      seen.push(...json.strudels.map(({ id }: { id: string }) => id));
    }
    expect(seen).toEqual(ids);
  });

  it('hold one’s own, or what is public, by title and tag', async () => {
    const [ada, ben] = await Promise.all([person(), person()]);
    const word = randomUUID();
    const hidden = await saved(ada, { title: `100% ${word}`, tags: [word] });
    const shown = await saved(ada, { title: `Open ${word}`, is_public: true });
    const ids = async (query: string, token: string | null) =>
      (await call('GET', query, token)).json.strudels.map(({ id }: { id: string }) => id);
    expect(await ids('', ada)).toEqual([shown.id, hidden.id]);
    expect(await ids('', ben)).toEqual([]);
    expect(await ids(`?public=true&search=${word}`, ben)).toEqual([shown.id]);
    expect(await ids(`?tag=${word}`, ada)).toEqual([hidden.id]);
    expect(await ids(`?search=OPEN`, ada)).toEqual([shown.id]);
    // A pattern's characters are only characters.
    expect(await ids(`?search=${encodeURIComponent('100%')}`, ada)).toEqual([hidden.id]);
    expect(await ids(`?search=${encodeURIComponent('_')}`, ada)).toEqual([]);
  });
});

describe('limits', () => {
  const said = (length: number, chars = 1) =>
    Array.from({ length }, () => ({ role: 'user', content: 'x'.repeat(chars) }));
  const asking = (clarifying_questions: string[]) => ({
    conversation_history: [{ role: 'assistant', content: 'x', clarifying_questions }],
  });
  it.each([
    ['title', (n: number) => ({ title: 'x'.repeat(n) }), MAX_TITLE_CHARS],
    ['code', (n: number) => ({ code: 'x'.repeat(n) }), MAX_CODE_BYTES],
    ['description', (n: number) => ({ description: 'x'.repeat(n) }), MAX_DESCRIPTION_CHARS],
    ['tags', (n: number) => ({ tags: Array(n).fill('x') }), MAX_TAGS],
    ['a tag', (n: number) => ({ tags: ['x'.repeat(n)] }), MAX_TAG_CHARS],
    ['categories', (n: number) => ({ categories: Array(n).fill('x') }), MAX_CATEGORIES],
    ['a category', (n: number) => ({ categories: ['x'.repeat(n)] }), MAX_TAG_CHARS],
    ['a license', (n: number) => ({ license: 'x'.repeat(n) }), MAX_LICENSE_CHARS],
    ['a signal', (n: number) => ({ cc_signal: 'x'.repeat(n) }), MAX_LICENSE_CHARS],
    ['questions', (n: number) => asking(Array(n).fill('x')), MAX_CLARIFYING_QUESTIONS],
    ['a question', (n: number) => asking(['x'.repeat(n)]), MAX_CLARIFYING_QUESTION_CHARS],
    ['a conversation', (n: number) => ({ conversation_history: said(n) }), MAX_STRUDEL_MESSAGES],
    ['a message', (n: number) => ({ conversation_history: said(1, n) }), MAX_STRUDEL_MESSAGE_CHARS],
  ])('%s: the limit itself, and one more', async (_, over, limit) => {
    const ada = await person();
    const { id } = await saved(ada, over(limit));
    for (const [method, path] of [
      ['POST', ''],
      ['PUT', `/${id}`],
    ] as const) {
      const refused = await call(method, path, ada, { ...plain, ...over(limit + 1) });
      expect(refused).toMatchObject({ status: 400, json: { error: 'validation_error' } });
    }
  });

  it.each([
    ['a blank title', { ...plain, title: ' ' }],
    ['no code', { title: 'x' }],
    ['U+0000', { ...plain, code: 'a\u0000b' }],
    ['nonsense', []],
  ])('%s is refused', async (_, body) => {
    expect((await call('POST', '', await person(), body)).status).toBe(400);
  });

  it.each(['?limit=0', '?limit=101', '?offset=-1', '?offset=100001', '?public=maybe'])(
    '%s is refused',
    async (query) => {
      expect((await call('GET', query, await person())).status).toBe(400);
    },
  );

  it('an id that is none is refused, and a change of nothing', async () => {
    const ada = await person();
    expect((await call('GET', '/nonsense', ada)).status).toBe(400);
    expect((await call('PUT', `/${(await saved(ada)).id}`, ada, {})).status).toBe(400);
  });
});
