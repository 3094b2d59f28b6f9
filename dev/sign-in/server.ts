/**
 * An OpenID Connect provider that takes anybody for whom they say they are: `oidc-provider`, a certified
 * implementation, with a page that asks for a name. For the local stack, and for tests of signing in.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import type Provider from 'oidc-provider';
import type { AccountClaims, ClientMetadata, Configuration } from 'oidc-provider';
import { closeAtOnce, listenOnLoopback } from '../loopback.ts';
import { signInPage } from './page.ts';

const INTERACTION = /^\/interaction\/[\w-]+$/;
const MAX_FORM_CHARS = 10_000;
const MAX_NAME_CHARS = 100;
const LOOPBACK = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?\//;

export interface SignInServer {
  issuer: string;
  close(): Promise<void>;
}

export interface SignInOptions {
  /** 0: a free one. */
  port: number;
  client: { id: string; secret: string };
  /** What is said of a user besides their name. */
  claimsOf?: (name: string) => Partial<AccountClaims>;
}

/**
 * Starts it on loopback. The provider itself is made with the first request: most runs of the local stack
 * never sign in.
 */
export async function startSignInServer(options: SignInOptions): Promise<SignInServer> {
  let provider: Promise<Provider> | null = null;
  let issuer = '';
  const server = createServer((request, response) => {
    provider ??= makeProvider(issuer, options);
    provider
      .then((made) => answer(made, request, response))
      .catch((error: unknown) => {
        process.stderr.write(`sign-in: ${error instanceof Error ? error.stack : error}\n`);
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
  });
  issuer = `http://127.0.0.1:${await listenOnLoopback(server, options.port)}`;
  return { issuer, close: () => closeAtOnce(server) };
}

async function makeProvider(issuer: string, options: SignInOptions): Promise<Provider> {
  const { default: OidcProvider } = await import('oidc-provider');
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const client: ClientMetadata = {
    client_id: options.client.id,
    client_secret: options.client.secret,
    token_endpoint_auth_method: 'client_secret_post',
    // Each stack has ports of its own, so any address on this machine will do: see below.
    redirect_uris: [`${issuer}/callback`],
  };
  const configuration: Configuration = {
    clients: [client],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    cookies: { keys: [crypto.randomUUID()] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    // Google's ID token says these, too, where OpenID Connect alone would leave them to another request.
    conformIdTokenClaims: false,
    claims: { openid: ['sub'], profile: ['name', 'picture'], email: ['email', 'email_verified'] },
    pkce: { required: () => true },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      IdToken: 600,
      Interaction: 600,
      Session: 600,
      Grant: 600,
    },
    findAccount: (_context, name) => ({
      accountId: name,
      claims: () => ({ sub: name, name, ...options.claimsOf?.(name) }),
    }),
    // No question whether Backbeat may know the name that the user has just typed for it.
    async loadExistingGrant({ oidc }) {
      const { client, session } = oidc;
      if (!client || !session?.accountId) return undefined;
      const grant = new oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid profile email');
      await grant.save();
      return grant;
    },
  };
  const provider = new OidcProvider(issuer, configuration);
  provider.Client.prototype.redirectUriAllowed = (address) => LOOPBACK.test(address);
  return provider;
}

async function answer(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
  if (!INTERACTION.test(pathname)) {
    await provider.callback()(request, response);
    return;
  }
  if (request.method === 'POST') {
    const form = new URLSearchParams(await bodyOf(request));
    const name = (form.get('name') ?? '').trim().slice(0, MAX_NAME_CHARS);
    const result =
      form.has('cancel') || name === ''
        ? { error: 'access_denied', error_description: 'cancelled' }
        : { login: { accountId: name, remember: false } };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    return;
  }
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
    'cache-control': 'no-store',
  });
  response.end(signInPage());
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_FORM_CHARS) throw new Error('the form is too large');
  }
  return text;
}
