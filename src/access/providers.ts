/**
 * Signing in with a provider: OAuth 2.0's code flow with PKCE and `state`, by `oauth4webapi`. Google, and the
 * local stack's stand-in, speak OpenID Connect on top of it; at GitHub its API says who the user is.
 */
import * as oauth from 'oauth4webapi';
import { z } from 'zod';
import type { Config } from '../config.ts';
import type { Identity } from '../domain/accounts.ts';
import type { ProviderId } from '../protocol/http/accounts.ts';
import { MAX_AVATAR_URL_CHARS, MAX_DISPLAY_NAME_CHARS } from '../protocol/limits.ts';
import { displayNameSchema } from '../protocol/values.ts';
import type { SignInAttempt } from './sign-in-attempt.ts';

/** How long one request to a provider may take, in milliseconds. */
const TIMEOUT_MS = 10_000;
/** How long what a provider says of itself is kept, in milliseconds. */
const METADATA_MS = 3_600_000;
/** What the local stack's provider knows us by; anyone may know it. */
export const LOCAL_CREDENTIALS = { clientId: 'backbeat-local', clientSecret: 'backbeat-local' };

/** Why signing in failed; the message is for the log and has no secret in it. */
export class SignInFailedError extends Error {
  override readonly name = 'SignInFailedError';
  constructor(
    readonly reason: 'cancelled' | 'refused' | 'unavailable',
    message: string,
  ) {
    super(message);
  }
}

interface Credentials {
  clientId: string;
  clientSecret: string;
}

type Settings = { id: ProviderId; name: string } & Credentials &
  ({ kind: 'oidc'; issuer: string } | { kind: 'github'; url: string; apiUrl: string });

export type ProviderConfig = Pick<
  Config,
  | 'GITHUB_CLIENT_ID'
  | 'GITHUB_CLIENT_SECRET'
  | 'GITHUB_URL'
  | 'GITHUB_API_URL'
  | 'GOOGLE_CLIENT_ID'
  | 'GOOGLE_CLIENT_SECRET'
  | 'GOOGLE_ISSUER'
  | 'LOCAL_SIGN_IN_ISSUER'
>;

/** The providers that are configured, in the order in which they are shown. */
export function providersOf(config: ProviderConfig): Provider[] {
  const settings: Settings[] = [];
  const { GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET } = config;
  if (GITHUB_CLIENT_ID !== undefined && GITHUB_CLIENT_SECRET !== undefined) {
    const { GITHUB_URL: url, GITHUB_API_URL: apiUrl } = config;
    const credentials = { clientId: GITHUB_CLIENT_ID, clientSecret: GITHUB_CLIENT_SECRET };
    settings.push({ id: 'github', name: 'GitHub', kind: 'github', url, apiUrl, ...credentials });
  }
  if (GOOGLE_CLIENT_ID !== undefined && GOOGLE_CLIENT_SECRET !== undefined) {
    const credentials = { clientId: GOOGLE_CLIENT_ID, clientSecret: GOOGLE_CLIENT_SECRET };
    settings.push({
      id: 'google',
      name: 'Google',
      kind: 'oidc',
      issuer: config.GOOGLE_ISSUER,
      ...credentials,
    });
  }
  const { LOCAL_SIGN_IN_ISSUER: issuer } = config;
  if (issuer !== undefined) {
    settings.push({ id: 'local', name: 'Local sign-in', kind: 'oidc', issuer, ...LOCAL_CREDENTIALS });
  }
  return settings.map((one) => new Provider(one));
}

/** What doesn't fit of a name or a picture is shortened or left out, never a reason to refuse. */
const nameClaim = z
  .string()
  // The cut may fall inside a surrogate pair, and leave its first half.
  .transform((name) => name.slice(0, MAX_DISPLAY_NAME_CHARS).replace(/[\ud800-\udbff]$/, ''))
  .pipe(displayNameSchema)
  .nullable()
  .catch(null);
const pictureClaim = z
  .url({ protocol: /^https?$/ })
  .max(MAX_AVATAR_URL_CHARS)
  .nullable()
  .catch(null);
const emailClaim = z.email().max(320).nullable().catch(null);

const idTokenSchema = z.object({
  sub: z.string().min(1).max(255),
  name: nameClaim,
  picture: pictureClaim,
  email: emailClaim,
  email_verified: z.boolean().catch(false),
});

/** GitHub's `GET /user`. */
const githubUserSchema = z.object({
  id: z.number().int(),
  login: z.string(),
  name: nameClaim,
  avatar_url: pictureClaim,
});
/** GitHub's `GET /user/emails`. */
const githubEmailsSchema = z.array(
  z.object({ email: emailClaim, primary: z.boolean(), verified: z.boolean() }),
);

export class Provider {
  readonly #settings: Settings;
  readonly #client: oauth.Client;
  readonly #keys: oauth.JWKSCacheInput = {};
  #metadata: { server: Promise<oauth.AuthorizationServer>; untilMs: number } | null = null;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#client = { client_id: settings.clientId };
  }

  get id(): ProviderId {
    return this.#settings.id;
  }

  get name(): string {
    return this.#settings.name;
  }

  get isLocal(): boolean {
    return this.#settings.id === 'local';
  }

  /**
   * Where the browser is sent, and what has to be known when it comes back.
   * @param callbackUrl where the provider sends it back to.
   * @throws {SignInFailedError}
   */
  async begin(
    callbackUrl: string,
  ): Promise<{ address: string } & Pick<SignInAttempt, 'state' | 'verifier' | 'nonce'>> {
    const server = await this.#guarded(() => this.#server());
    const { authorization_endpoint: endpoint } = server;
    if (endpoint === undefined) throw new SignInFailedError('refused', 'the provider names no way to it');
    const state = oauth.generateRandomState();
    const verifier = oauth.generateRandomCodeVerifier();
    const nonce = this.#settings.kind === 'oidc' ? oauth.generateRandomNonce() : null;
    const address = new URL(endpoint);
    const params = {
      client_id: this.#settings.clientId,
      response_type: 'code',
      redirect_uri: callbackUrl,
      scope: this.#settings.kind === 'oidc' ? 'openid profile email' : 'user:email',
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(nonce === null ? {} : { nonce }),
      // Each time as another person: that is what it is for.
      ...(this.isLocal ? { prompt: 'login' } : {}),
    };
    for (const [name, value] of Object.entries(params)) address.searchParams.set(name, value);
    return { address: address.href, state, verifier, nonce };
  }

  /**
   * Who has come back from the provider: checks its answer, and redeems the code in it.
   * @param answer the query of the callback.
   * @param callbackUrl the same as in {@link begin}.
   * @throws {SignInFailedError}
   */
  finish(
    answer: URLSearchParams,
    { state, verifier, nonce }: Pick<SignInAttempt, 'state' | 'verifier' | 'nonce'>,
    callbackUrl: string,
  ): Promise<Identity> {
    return this.#guarded(async () => {
      const server = await this.#server();
      const params = oauth.validateAuthResponse(server, this.#client, answer, state);
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        this.#client,
        oauth.ClientSecretPost(this.#settings.clientSecret),
        params,
        callbackUrl,
        verifier,
        this.#options(),
      );
      refuseOutage(response);
      if (this.#settings.kind === 'oidc') return this.#byIdToken(server, response, nonce);
      const { access_token: token } = await oauth.processAuthorizationCodeResponse(
        server,
        this.#client,
        response,
      );
      return this.#byGithubsApi(this.#settings.apiUrl, token);
    });
  }

  async #byIdToken(
    server: oauth.AuthorizationServer,
    response: Response,
    nonce: string | null,
  ): Promise<Identity> {
    const tokens = await oauth.processAuthorizationCodeResponse(server, this.#client, response, {
      requireIdToken: true,
      ...(nonce === null ? {} : { expectedNonce: nonce }),
    });
    // It came straight from the provider, by TLS, which OpenID Connect takes for enough; this is for the day
    // on which something stands between.
    await oauth.validateApplicationLevelSignature(server, response, {
      ...this.#options(),
      [oauth.jwksCache]: this.#keys,
    });
    const claims = idTokenSchema.parse(oauth.getValidatedIdTokenClaims(tokens));
    const { id } = this.#settings;
    return {
      subject: `${id}:${claims.sub}`,
      provider: id,
      name: claims.name,
      avatarUrl: claims.picture,
      email: claims.email_verified ? claims.email : null,
    };
  }

  async #byGithubsApi(apiUrl: string, token: string): Promise<Identity> {
    const ask = async (path: string) => {
      const headers = new Headers({ accept: 'application/vnd.github+json', 'user-agent': 'Backbeat' });
      const url = new URL(`${apiUrl.replace(/\/$/, '')}${path}`);
      const response = await oauth.protectedResourceRequest(
        token,
        'GET',
        url,
        headers,
        null,
        this.#options(),
      );
      refuseOutage(response);
      return response;
    };
    const user = githubUserSchema.parse(await (await ask('/user')).json());
    const reply = await ask('/user/emails');
    // Users may have taken the permission back; an address isn't needed to sign in.
    const emails = githubEmailsSchema.safeParse(reply.ok ? await reply.json() : []);
    const primary = emails.data?.find(({ primary, verified }) => primary && verified);
    return {
      subject: `github:${user.id}`,
      provider: 'github',
      name: user.name ?? nameClaim.parse(user.login),
      avatarUrl: user.avatar_url,
      email: primary?.email ?? null,
    };
  }

  #server(): Promise<oauth.AuthorizationServer> {
    const settings = this.#settings;
    if (settings.kind === 'github') return Promise.resolve(githubServer(settings.url));
    const nowMs = Date.now();
    if (this.#metadata === null || this.#metadata.untilMs <= nowMs) {
      const server = this.#discover(new URL(settings.issuer));
      this.#metadata = { server, untilMs: nowMs + METADATA_MS };
      server.catch(() => {
        this.#metadata = null;
      });
    }
    return this.#metadata.server;
  }

  async #discover(issuer: URL): Promise<oauth.AuthorizationServer> {
    const response = await oauth.discoveryRequest(issuer, this.#options());
    refuseOutage(response);
    return oauth.processDiscoveryResponse(issuer, response);
  }

  #options() {
    const address = this.#settings.kind === 'github' ? this.#settings.url : this.#settings.issuer;
    return {
      signal: () => AbortSignal.timeout(TIMEOUT_MS),
      // The configuration takes plain HTTP on this machine only.
      [oauth.allowInsecureRequests]: new URL(address).protocol === 'http:',
    };
  }

  async #guarded<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw asFailure(error);
    }
  }
}

/** GitHub has no discovery document. @param url its origin. */
function githubServer(url: string): oauth.AuthorizationServer {
  const base = `${url.replace(/\/$/, '')}/login/oauth`;
  return {
    issuer: base,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/access_token`,
  };
}

function refuseOutage({ status }: Response): void {
  if (status >= 500 || status === 429) {
    throw new SignInFailedError('unavailable', `the provider answered with ${status}`);
  }
}

/** What the library says of a refusal: a code, never a token or a code of the flow. */
function asFailure(error: unknown): SignInFailedError {
  if (error instanceof SignInFailedError) return error;
  if (error instanceof oauth.AuthorizationResponseError) {
    if (error.error === 'access_denied') return new SignInFailedError('cancelled', 'access_denied');
    const isOutage = error.error === 'server_error' || error.error === 'temporarily_unavailable';
    return new SignInFailedError(isOutage ? 'unavailable' : 'refused', 'the provider answered with an error');
  }
  if (error instanceof oauth.ResponseBodyError) {
    return new SignInFailedError('refused', `the code was refused with ${error.status}`);
  }
  if (
    error instanceof oauth.OperationProcessingError ||
    error instanceof oauth.UnsupportedOperationError ||
    error instanceof oauth.WWWAuthenticateChallengeError
  ) {
    return new SignInFailedError('refused', error.code ?? error.name);
  }
  if (error instanceof z.ZodError) return new SignInFailedError('refused', 'the answer has another form');
  // What is left is the network's, or an answer that breaks off.
  return new SignInFailedError('unavailable', 'the provider is out of reach');
}
