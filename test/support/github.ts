/**
 * Stands in for GitHub: its page of OAuth, and the two calls of its API that signing in makes.
 *
 * Compared on 29 November 2026 with stored copies of docs.github.com: "Authorizing OAuth apps" (parameters,
 * replies), "Troubleshooting OAuth app access token request errors" (the answer to a refused code; its status
 * 200 is known from use, the page doesn't say), and "REST API endpoints for emails"; for PKCE, which those
 * copies don't have yet, with GitHub's changelog of 14 July 2025 (S256 only).
 */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeAtOnce, listenOnLoopback } from '../../dev/loopback.ts';

export interface GithubUser {
  id: number;
  login: string;
  name: string | null;
  avatar_url: string;
  emails: { email: string; primary: boolean; verified: boolean; visibility: string | null }[];
}

export interface Github {
  url: string;
  client: { id: string; secret: string };
  /** Who is signed in at GitHub. */
  user: GithubUser;
  /** The user agents of requests to the API. */
  agents: string[];
  /** Answers of the token's endpoint from now on; null: its own. */
  failWith(status: number | null): void;
  stop(): Promise<void>;
}

export async function startGithub(): Promise<Github> {
  const client = { id: 'Iv1.test', secret: 'github-secret-for-tests' };
  const codes = new Map<string, { challenge: string; redirectUri: string }>();
  const tokens = new Set<string>();
  let status: number | null = null;
  const github: Github = {
    url: '',
    client,
    user: {
      id: 583_231,
      login: 'octocat',
      name: 'The Octocat',
      avatar_url: 'https://avatars.githubusercontent.com/u/583231?v=4',
      emails: [
        { email: 'other@example.com', primary: false, verified: true, visibility: null },
        { email: 'octocat@example.com', primary: true, verified: true, visibility: 'private' },
      ],
    },
    agents: [],
    failWith: (given) => {
      status = given;
    },
    stop: () => closeAtOnce(server),
  };

  const authorize = ({ searchParams }: URL, response: ServerResponse) => {
    const get = (name: string) => searchParams.get(name) ?? '';
    if (get('client_id') !== client.id || get('code_challenge_method') !== 'S256') {
      response.writeHead(404).end();
      return;
    }
    const code = randomBytes(10).toString('hex');
    codes.set(code, { challenge: get('code_challenge'), redirectUri: get('redirect_uri') });
    const back = new URL(get('redirect_uri'));
    back.searchParams.set('code', code);
    back.searchParams.set('state', get('state'));
    response.writeHead(302, { location: back.href }).end();
  };

  const exchange = async (request: IncomingMessage, response: ServerResponse) => {
    if (status !== null) {
      response.writeHead(status).end();
      return;
    }
    const form = new URLSearchParams(await textOf(request));
    const get = (name: string) => form.get(name) ?? '';
    const known = codes.get(get('code'));
    codes.delete(get('code'));
    const challenge = createHash('sha256').update(get('code_verifier')).digest('base64url');
    const isGood =
      known !== undefined &&
      get('client_id') === client.id &&
      get('client_secret') === client.secret &&
      known.redirectUri === get('redirect_uri') &&
      known.challenge === challenge;
    const token = `gho_${randomBytes(18).toString('hex')}`;
    if (isGood) tokens.add(token);
    json(
      response,
      isGood
        ? { access_token: token, token_type: 'bearer', scope: 'user:email' }
        : {
            error: 'bad_verification_code',
            error_description: 'The code passed is incorrect or expired.',
            error_uri: 'https://docs.github.com/',
          },
    );
  };

  const api = (path: string, request: IncomingMessage, response: ServerResponse) => {
    github.agents.push(request.headers['user-agent'] ?? '');
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const { emails, ...user } = github.user;
    if (!request.headers['user-agent']) response.writeHead(403).end();
    else if (token === undefined || !tokens.has(token)) json(response, { message: 'Bad credentials' }, 401);
    else if (path === '/user') json(response, { ...user, type: 'User', email: null });
    else if (path === '/user/emails') json(response, emails);
    else json(response, { message: 'Not Found' }, 404);
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (url.pathname === '/login/oauth/authorize') authorize(url, response);
    else if (url.pathname === '/login/oauth/access_token') void exchange(request, response);
    else if (url.pathname.startsWith('/api/v3/'))
      api(url.pathname.slice('/api/v3'.length), request, response);
    else response.writeHead(404).end();
  });
  github.url = `http://127.0.0.1:${await listenOnLoopback(server)}`;
  return github;
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}
