/**
 * Who may do what over HTTP: every route, for everybody who may come along, while a session goes on
 * and after it has ended.
 */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SESSION_AUDIENCE, signSessionToken } from '../../src/access/session-token.ts';
import { packCode } from '../../src/domain/versions.ts';
import { errorReply } from '../../src/protocol/http/shared.ts';
import { servedRoutes } from '../../src/worker/app.ts';
import { type Api, type Reply, startApi } from '../support/api.ts';
import { FLUSH_SECRET, JWT_SECRET } from '../support/worker-services.ts';

/**
 * - `none`: no token; `forged`, `expired`: a user's token that isn't valid; `elsewhere`:
 *   another session's token
 * - `stranger`: a user's token without a place here; `removed`: the session token of somebody sent away
 * - `viewer`, `co-author`: session tokens of people with that role; `host`: the owner's own token
 */
const CALLERS = [
  'none',
  'forged',
  'expired',
  'elsewhere',
  'stranger',
  'removed',
  'viewer',
  'co-author',
  'host',
] as const;
type Caller = (typeof CALLERS)[number];

// `-` stands for a route that an ended session doesn't concern.
//                                     none forged expired elsewhere stranger removed viewer co-author host
const WHILE_IT_GOES_ON = `
POST   /sessions                        201    401     401       201      201     201    201       201  201
GET    /sessions                        401    401     401       403      200     403    403       403  200
GET    /sessions/live                   200    401     401       200      200     200    200       200  200
GET    /sessions/last                   401    401     401       403      404     403    403       403  200
POST   /sessions/join                   200    401     401       403      200     403    200       200  200
POST   /sessions/invite                 200    200     200       200      200     200    200       200  200
POST   /sessions/:id/knocks             201    401     401       403      201     201    409       409  409
GET    /sessions/:id/knocks/:knock      401    401     401       401      401     401    401       401  401
DELETE /sessions/:id/knocks/:knock      401    401     401       401      401     401    401       401  401
GET    /sessions/:id                    401    401     401       403      403     403    200       200  200
PUT    /sessions/:id {title}            401    401     401       403      403     403    403       403  200
PUT    /sessions/:id {code}             401    401     401       403      403     403    403       200  200
GET    /sessions/:id/messages           401    401     401       403      403     403    200       200  200
GET    /sessions/:id/versions           401    401     401       403      403     403    200       200  200
GET    /sessions/:id/versions/:n        401    401     401       403      403     403    200       200  200
POST   /sessions/:id/versions/:n/restore 401    401     401       403      403     403    403       200  200
GET    /sessions/:id/live-status        401    401     401       403      403     403    200       200  200
PUT    /sessions/:id/discoverable       401    401     401       403      403     403    403       403  200
POST   /sessions/:id/leave              401    401     401       403      403     403    200       200  200
GET    /sessions/:id/participants       401    401     401       403      403     403    200       200  200
PATCH  /sessions/:id/participants/me    401    401     401       403      403     403    200       200  200
PATCH  /sessions/:id/participants/:pid  401    401     401       403      403     403    403       403  200
DELETE /sessions/:id/participants/:pid  401    401     401       403      403     403    403       403  200
POST   /sessions/:id/invite             401    401     401       403      403     403    403       403  201
GET    /sessions/:id/invite             401    401     401       403      403     403    403       403  200
DELETE /sessions/:id/invite/:token      401    401     401       403      403     403    403       403  200
POST   /sessions/:id/end-live           401    401     401       403      403     403    403       403  200
DELETE /sessions/:id                    401    401     401       403      403     403    403       403  200
GET    /strudels                        401    401     401       403      200     403    403       403  200
POST   /agent/generate                  503    401     401       503      503     503    503       503  503
POST   /agent/generate/stream           503    401     401       503      503     503    503       503  503
GET    /public/strudels                 200    200     200       200      200     200    200       200  200
GET    /public/strudels/tags            200    200     200       200      200     200    200       200  200
GET    /public/strudels/:public         200    200     200       200      200     200    200       200  200
GET    /public/strudels/:public/stats   200    200     200       200      200     200    200       200  200
GET    /strudels?public=true            200    200     200       200      200     200    200       200  200
POST   /strudels                        401    401     401       403      201     403    403       403  201
GET    /strudels/:own                   404    401     401       404      404     404    404       404  200
GET    /strudels/:public                200    401     401       200      200     200    200       200  200
PUT    /strudels/:own                   401    401     401       403      404     403    403       403  200
DELETE /strudels/:own                   401    401     401       403      404     403    403       403  200
GET    /auth/providers                  200    200     200       200      200     200    200       200  200
GET    /auth/me                         401    401     401       403      200     403    403       403  200
PUT    /auth/me                         401    401     401       403      200     403    403       403  200
GET    /auth/me/export                  401    401     401       403      200     403    403       403  200
POST   /auth/claim                      401    401     401       403      200     403    403       403  200
POST   /auth/refresh                    403    403     403       403      403     403    403       403  403
POST   /auth/logout                     200    200     200       200      200     200    200       200  200
POST   /auth/logout-everywhere          401    401     401       403      409     403    403       403  409
DELETE /auth/me                         401    401     401       403      200     403    403       403  200
`;

//                                     none forged expired elsewhere stranger removed viewer co-author host
const AFTER_THE_END = `
POST   /sessions/join                   403    403     403       403      403     403    403       403  403
POST   /sessions/invite                 410    410     410       410      410     410    410       410  410
POST   /sessions/:id/knocks             410    401     401       403      410     410    410       410  410
GET    /sessions/:id/knocks/:knock      401    401     401       401      401     401    401       401  401
DELETE /sessions/:id/knocks/:knock      401    401     401       401      401     401    401       401  401
GET    /sessions/:id                    401    401     401       403      403     403    200       200  200
PUT    /sessions/:id {title}            401    401     401       403      403     403    403       410  410
PUT    /sessions/:id {code}             401    401     401       403      403     403    403       410  410
GET    /sessions/:id/messages           401    401     401       403      403     403    200       200  200
GET    /sessions/:id/versions           401    401     401       403      403     403    200       200  200
GET    /sessions/:id/versions/:n        401    401     401       403      403     403    200       200  200
POST   /sessions/:id/versions/:n/restore 401    401     401       403      403     403    403       410  410
GET    /sessions/:id/live-status        401    401     401       403      403     403    200       200  200
PUT    /sessions/:id/discoverable       401    401     401       403      403     403    403       403  410
POST   /sessions/:id/leave              401    401     401       403      403     403    410       410  410
GET    /sessions/:id/participants       401    401     401       403      403     403    200       200  200
PATCH  /sessions/:id/participants/me    401    401     401       403      403     403    410       410  410
PATCH  /sessions/:id/participants/:pid  401    401     401       403      403     403    403       403  410
DELETE /sessions/:id/participants/:pid  401    401     401       403      403     403    403       403  410
POST   /sessions/:id/invite             401    401     401       403      403     403    403       403  410
GET    /sessions/:id/invite             401    401     401       403      403     403    403       403  200
DELETE /sessions/:id/invite/:token      401    401     401       403      403     403    403       403  410
POST   /sessions/:id/end-live           401    401     401       403      403     403    403       403  410
DELETE /sessions/:id                    401    401     401       403      403     403    403       403  200
`;

/** While everybody may look in, a stranger counts as a viewer; nobody else is better off. */
//                                     none forged expired elsewhere stranger removed viewer co-author host
const WHILE_DISCOVERABLE = `
GET    /sessions/:id                    401    401     401       403      200     403    200       200  200
POST   /sessions/:id/knocks             409    401     401       403      409     201    409       409  409
PUT    /sessions/:id {code}             401    401     401       403      403     403    403       200  200
GET    /sessions/:id/messages           401    401     401       403      200     403    200       200  200
GET    /sessions/:id/versions           401    401     401       403      200     403    200       200  200
GET    /sessions/:id/versions/:n        401    401     401       403      200     403    200       200  200
POST   /sessions/:id/versions/:n/restore 401    401     401       403      403     403    403       200  200
GET    /sessions/:id/participants       401    401     401       403      200     403    200       200  200
PATCH  /sessions/:id/participants/me    401    401     401       403      404     403    200       200  200
POST   /sessions/:id/invite             401    401     401       403      403     403    403       403  201
DELETE /sessions/:id                    401    401     401       403      403     403    403       403  200
`;

/** Routes for machines: by their own secret, or for everybody. Their tests are elsewhere. */
const MACHINES = [
  'GET /docs',
  'GET /docs/style.css',
  'GET /api/v1/openapi.json',
  'GET /live',
  'GET /health',
  'GET /metrics',
  'GET /parties/main/:id',
  'GET /api/v1/ws',
  'GET /s/:id',
  'POST /flush',
  'POST /flush/turn',
  'POST /flush/redirty',
  'GET /flush/dead',
  'POST /flush/dead/:letter_id/replay',
  'DELETE /flush/dead/:letter_id',
  'POST /flush/dead/discard',
  'POST /flush/:id',
  'GET /admin',
  'GET /admin/status',
  'GET /admin/history',
  'GET /api/v1/auth/:provider',
  'GET /api/v1/auth/:provider/callback',
];

const BODIES: Record<string, unknown> = {
  'POST /sessions': {},
  'PUT /sessions/:id {title}': { title: 'new' },
  'PUT /sessions/:id {code}': { code: 'new' },
  'PUT /sessions/:id/discoverable': { is_discoverable: true },
  'PATCH /sessions/:id/participants/me': { display_name: 'Eve' },
  'PATCH /sessions/:id/participants/:pid': { role: 'co-author' },
  'POST /sessions/:id/invite': { role: 'viewer' },
  'POST /sessions/:id/knocks': { display_name: 'Eve' },
  'PUT /auth/me': { ai_features_enabled: false },
  'DELETE /auth/me': { confirm: 'Ada' },
  'POST /auth/claim': { session_tokens: ['x'] },
  'POST /strudels': { title: 't', code: 'c' },
  // There is no key to the AI here.
  'POST /agent/generate': { user_query: 'a beat', editor_state: '' },
  'POST /agent/generate/stream': { user_query: 'a beat', editor_state: '' },
  'PUT /strudels/:own': { title: 'new' },
};

interface Row {
  route: string;
  expected: Record<Caller, number>;
}

function rowsOf(table: string): Row[] {
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [, route = '', cells = ''] = /^(.+?)((?:\s+\d{3})+)$/.exec(line) ?? [];
      const statuses = cells.trim().split(/\s+/).map(Number);
      const expected = Object.fromEntries(CALLERS.map((caller, i) => [caller, statuses[i]]));
      return { route: route.trim().replace(/\s+/, ' '), expected: expected as Row['expected'] };
    });
}

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api?.stop();
});

/** A session with somebody of every kind, and the path of each route in it. */
async function scene(state: 'goes on' | 'discoverable' | 'ended') {
  const owner = randomUUID();
  const host = await api.userToken(owner);
  const session = (await api.call('/api/v1/sessions', { body: { code: 'x' }, token: host })).json;
  const at = (path: string) => `/api/v1/sessions/${session.id}${path}`;
  const [viewer, coAuthor, removed, target] = await Promise.all([
    api.place(session.id, 'viewer'),
    api.place(session.id, 'co-author'),
    api.place(session.id, 'co-author'),
    api.place(session.id, 'viewer'),
  ]);
  await api.services.people.remove(session.id, removed.id);
  const invite = (await api.call(at('/invite'), { token: host, body: { role: 'viewer' } })).json;
  const saved = async (isPublic: boolean) =>
    (
      await api.call('/api/v1/strudels', {
        token: host,
        body: { title: 't', code: 'c', is_public: isPublic },
      })
    ).json.id;
  if (state === 'discoverable') await api.services.directory.setDiscoverable(session.id, true);
  if (state === 'ended') await api.services.directory.end(session.id);
  await api.db.execute(sql`insert into session_versions (session_id, number, rev, cause, created_at, code)
    values (${session.id}::uuid, 7, 7, 'played', now(), decode(${await packCode('x')}, 'base64'))`);
  const elsewhere = await signSessionToken(
    {
      sessionId: randomUUID(),
      participantId: randomUUID(),
      userId: null,
      displayName: 'Eve',
      avatarUrl: null,
      role: 'host',
    },
    JWT_SECRET,
  );
  const tokens: Record<Caller, string | null> = {
    none: null,
    forged: await api.userToken(owner, {}, { secret: 'another secret of that length' }),
    expired: await api.userToken(owner, {}, { expires: '-1s' }),
    elsewhere,
    stranger: await api.userToken(),
    removed: removed.token,
    viewer: viewer.token,
    'co-author': coAuthor.token,
    host,
  };
  const ids: Record<string, string> = {
    ':id': session.id,
    ':pid': target.id,
    ':n': '7',
    ':token': invite.id,
    ':knock': randomUUID(),
    ':own': await saved(false),
    ':public': await saved(true),
  };
  return async (route: string, caller: Caller): Promise<number> => {
    const [method = '', path = ''] = route.split(' ');
    const isOfInvite = route === 'POST /sessions/join' || route === 'POST /sessions/invite';
    const body = isOfInvite ? { invite_token: invite.token } : BODIES[route];
    const url = path.replace(/:\w+/g, (name) => ids[name] ?? name);
    const reply = await api.call(`/api/v1${url}`, { method, body, token: tokens[caller] });
    expectDescribed(method, path, reply);
    return reply.status;
  };
}

/** The reply is what the API's document says of its route: nothing more, nothing else. */
function expectDescribed(method: string, path: string, { status, json }: Reply): void {
  if (status >= 400) {
    expect(errorReply.parse(json)).toEqual(json);
    return;
  }
  const template = path
    .replace(/\?.*/, '')
    .replace(/:(id|own|public)/, '{id}')
    .replace(':pid', '{participant_id}')
    .replace(':n', '{number}')
    .replace(':token', '{token_id}')
    .replace(':knock', '{knock_id}');
  const { route } =
    servedRoutes().find(
      ({ route: candidate }) =>
        candidate.method === method.toLowerCase() && candidate.path === `/api/v1${template}`,
    ) ?? {};
  expect([method, template, route && (route.status ?? 200)]).toEqual([method, template, status]);
  expect(route?.reply.parse(json)).toEqual(json);
}

/**
 * Asks as everybody in turn, those with the least say first: what they leave behind is
 * what the next one finds.
 */
async function expectRow(state: Parameters<typeof scene>[0], { route, expected }: Row): Promise<void> {
  const ask = await scene(state);
  const got: Partial<Record<Caller, number>> = {};
  for (const caller of CALLERS) got[caller] = await ask(route, caller);
  expect({ route, ...got }).toEqual({ route, ...expected });
}

describe('while a session goes on', () => {
  it.each(rowsOf(WHILE_IT_GOES_ON))('$route', (row) => expectRow('goes on', row));
});

describe('while it is discoverable', () => {
  it.each(rowsOf(WHILE_DISCOVERABLE))('$route', (row) => expectRow('discoverable', row));
});

describe('after it has ended', () => {
  it.each(rowsOf(AFTER_THE_END))('$route', (row) => expectRow('ended', row));
});

describe('the tables', () => {
  const shape = (route: string) => route.replace(/[ ?]?[{?].*$/, '').replace(/:\w+/g, ':');

  it('have every route', () => {
    const tested = [
      ...rowsOf(WHILE_IT_GOES_ON).map(({ route }) => route.replace(' ', ' /api/v1')),
      ...MACHINES,
    ].map(shape);
    const served = api.app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path}`);
    expect(new Set(tested)).toEqual(new Set(served.map(shape)));
  });

  it('have every route of one session for an ended one too', () => {
    const ofOne = rowsOf(WHILE_IT_GOES_ON)
      .map(({ route }) => route)
      .filter((route) => route.includes('/sessions/:id') || /\/(join|invite)$/.test(route));
    expect(
      rowsOf(AFTER_THE_END)
        .map(({ route }) => route)
        .toSorted(),
    ).toEqual(ofOne.toSorted());
  });
});

it('routes of machines are not opened by people’s tokens', async () => {
  const host = await api.userToken();
  for (const route of MACHINES.filter((candidate) => candidate.includes('/flush'))) {
    const [method = '', path = ''] = route.split(' ');
    const url = path.replace(':letter_id', 'x').replace(':id', randomUUID());
    for (const token of [null, host, JWT_SECRET]) {
      expect((await api.call(url, { method, token })).status).toBe(401);
    }
    expect((await api.call(url, { method, token: FLUSH_SECRET })).status).not.toBe(401);
  }
});

it('session tokens that are forged, or have expired, are worth nothing', async () => {
  const session = (await api.call('/api/v1/sessions', { body: {} })).json;
  const { id: pid } = await api.place(session.id, 'host');
  const sign = (expires: string, secret: string) =>
    new SignJWT({ sid: session.id, pid, name: 'Eve', role: 'host' })
      .setProtectedHeader({ alg: 'HS256' })
      .setAudience(SESSION_AUDIENCE)
      .setExpirationTime(expires)
      .sign(new TextEncoder().encode(secret));
  const read = async (token: string) => (await api.call(`/api/v1/sessions/${session.id}`, { token })).status;
  expect(await read(await sign('1h', JWT_SECRET))).toBe(200);
  expect(await read(await sign('-1s', JWT_SECRET))).toBe(401);
  expect(await read(await sign('1h', `${JWT_SECRET}x`))).toBe(401);
});

it('ids that are none, or of nothing, are told apart', async () => {
  const ask = await scene('goes on');
  expect(await ask('GET /sessions/:id', 'host')).toBe(200);
  const token = await api.userToken();
  expect((await api.call('/api/v1/sessions/nope', { token })).status).toBe(400);
  expect((await api.call(`/api/v1/sessions/${randomUUID()}`, { token })).status).toBe(404);
  const { id, token: host } = (await api.call('/api/v1/sessions', { body: {} })).json;
  const at = (path: string) => `/api/v1/sessions/${id}${path}`;
  for (const path of ['/participants/', '/invite/']) {
    const remove = (one: string) => api.call(at(path + one), { method: 'DELETE', token: host });
    expect((await remove('nope')).status).toBe(400);
    expect((await remove(randomUUID())).status).toBe(404);
  }
});
