/**
 * Routes of accounts: signing in with a provider, the tokens that come of it, and what users do with their
 * account.
 *
 * A page signs in by navigating to {@link signInPath}. It comes back to `return_to` with
 * {@link SIGNED_IN_PARAM} in the query, or with {@link SIGN_IN_ERROR_PARAM}. The address carries no token:
 * the browser has a cookie then that no script can read, and `refreshToken` gives a token for it.
 */
import * as z from 'zod';
import {
  MAX_AVATAR_URL_CHARS,
  MAX_CLAIMED_SESSIONS,
  MAX_REDIRECT_CHARS,
  MAX_TOKEN_CHARS,
} from '../limits.ts';
import { displayNameSchema, roleSchema } from '../values.ts';
import { route } from './route.ts';
import { done, instant } from './shared.ts';
import { strudel } from './strudels.ts';

const tag = 'Accounts';
const AUTH = '/api/v1/auth';
const ME = `${AUTH}/me` as const;

/** The providers that there may be. `local` is the local stack's: it signs in as anybody. */
export const PROVIDERS = ['github', 'google', 'local'] as const;
export type ProviderId = (typeof PROVIDERS)[number];

/** In the query of `return_to`, with any value: the caller is signed in. */
export const SIGNED_IN_PARAM = 'signed_in';
/** In the query of `return_to`: why the caller isn't signed in. To a `redirect_url` it comes as `error`. */
export const SIGN_IN_ERROR_PARAM = 'sign_in_error';
/**
 * - `cancelled`: the user, or their provider, said no.
 * - `expired`: it took too long, or this browser didn't begin it, or it was answered before.
 * - `refused`: the provider's answer isn't a valid one.
 * - `unavailable`: the provider or a store is out of reach.
 */
export const SIGN_IN_ERRORS = ['cancelled', 'expired', 'refused', 'unavailable'] as const;
export type SignInError = (typeof SIGN_IN_ERRORS)[number];

/**
 * A page of this product, as a path with its query: never another host's address. Browsers read `\` as `/`,
 * leave tabs and line breaks out, and take `//host` for another host.
 */
export const returnPath = z
  .string()
  .max(MAX_REDIRECT_CHARS)
  // Printable ASCII: what else a path has is percent-encoded.
  .regex(/^\/(?![/\\])[!-[\]-~]*$/, 'must be a path of this page')
  // `/.//host` is `//host` once it is resolved, which the next one to resolve it takes for a host.
  .refine((path) => !resolved(path)?.pathname.startsWith('//'), 'must be a path of this page');

function resolved(path: string): URL | null {
  return URL.canParse(path, 'http://page.invalid') ? new URL(path, 'http://page.invalid') : null;
}

/** Where a page navigates to, to sign in. */
export function signInPath(provider: ProviderId, returnTo: string): string {
  return `${AUTH}/${provider}?${new URLSearchParams({ return_to: returnTo })}`;
}

export const provider = z
  .object({
    id: z.enum(PROVIDERS),
    name: z.string().meta({ description: 'as it is shown' }),
    is_local: z.boolean().meta({
      description: 'a stand-in of the local stack, which signs in as anybody; there is none in a deployment',
    }),
  })
  .meta({ id: 'Provider' });
export type Provider = z.infer<typeof provider>;

export const account = z
  .object({
    id: z.uuid(),
    email: z.string().meta({ description: 'empty where the provider tells none' }),
    name: z.string().meta({ description: 'empty where there is none' }),
    avatar_url: z.string().optional(),
    provider: z.string().meta({ description: '`external`: the token is of another service' }),
    ai_features_enabled: z.boolean(),
    training_consent: z.boolean(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Account' });
export type Account = z.infer<typeof account>;

const ofProvider = z.object({ provider: z.enum(PROVIDERS) });

export const listProviders = route({
  method: 'get',
  path: `${AUTH}/providers`,
  tag,
  summary: 'The providers that one can sign in with; none where none is configured',
  access: 'public',
  reply: z.object({ providers: z.array(provider) }),
});

export const signIn = route({
  method: 'get',
  path: `${AUTH}/{provider}`,
  tag,
  summary: 'Sign in: leads to the provider, which leads back to the callback. For browsers, by navigation',
  access: 'public',
  params: ofProvider,
  query: z.object({
    redirect_url: z.string().max(MAX_REDIRECT_CHARS).optional().meta({
      description: 'a page of another client; `token`, or `error`, is added to its query',
    }),
    return_to: returnPath.optional().meta({
      description: 'a page of this host, as a path; it gets no token in its address',
    }),
  }),
  status: 302,
  reply: z.string(),
  errors: [404],
});

export const signInCallback = route({
  method: 'get',
  path: `${AUTH}/{provider}/callback`,
  tag,
  summary: "The provider's answer; leads to where signing in was to lead",
  access: 'public',
  params: ofProvider,
  status: 302,
  reply: z.string(),
  errors: [404],
});

export const refreshToken = route({
  method: 'post',
  path: `${AUTH}/refresh`,
  tag,
  summary:
    'A new token, for the cookie that signing in left in the browser; the cookie changes with each use',
  access: 'refresh',
  reply: z.object({ token: z.string().meta({ description: "a user's own token" }), expires_at: instant }),
  errors: [403],
});

export const getAccount = route({
  method: 'get',
  path: ME,
  tag,
  summary: "The caller's account",
  access: 'user',
  reply: z.object({ user: account }),
});

export const changeAccount = route({
  method: 'put',
  path: ME,
  tag,
  summary: 'Change what the body names. What is set here goes before what the provider says',
  access: 'user',
  body: z
    .object({
      name: displayNameSchema,
      avatar_url: z
        .url({ protocol: /^https$/ })
        .max(MAX_AVATAR_URL_CHARS)
        .nullable()
        .meta({ description: 'null: none' }),
      ai_features_enabled: z.boolean(),
      training_consent: z.boolean(),
    })
    .partial()
    .refine((body) => Object.keys(body).length > 0, 'names nothing to change'),
  reply: z.object({ user: account }),
});

export const logout = route({
  method: 'post',
  path: `${AUTH}/logout`,
  tag,
  summary: "Sign out in this browser, by its cookie or by a user's token; without any, nothing happens",
  access: 'public',
  reply: done,
  errors: [403],
});

export const logoutEverywhere = route({
  method: 'post',
  path: `${AUTH}/logout-everywhere`,
  tag,
  summary:
    'Sign out in every browser: all tokens of the account stop being valid at once, session tokens too, and its connections are closed',
  access: 'user',
  reply: done,
  errors: [409],
});

export const claimSessions = route({
  method: 'post',
  path: `${AUTH}/claim`,
  tag,
  summary:
    'Make sessions the account’s own that their host made before signing in, by the session tokens they have',
  access: 'user',
  body: z.object({
    session_tokens: z.array(z.string().max(MAX_TOKEN_CHARS)).min(1).max(MAX_CLAIMED_SESSIONS),
  }),
  reply: z.object({
    claimed: z.array(z.object({ session_id: z.uuid(), token: z.string() })).meta({
      description:
        'those that are theirs now or were already, each with a session token that takes the place of the one shown; tokens that are of no such session are left out',
    }),
  }),
});

const exportedMessage = z.object({
  id: z.uuid(),
  role: z.string(),
  type: z.string(),
  display_name: z.string(),
  is_own: z.boolean(),
  content: z.string(),
  created_at: instant,
});

const exportedMembership = z.object({
  session_id: z.uuid(),
  title: z.string(),
  role: roleSchema,
  display_name: z.string(),
  joined_at: instant,
  messages: z.array(exportedMessage).meta({ description: "the account's own" }),
});

export const accountExport = z
  .object({
    format: z.literal('backbeat-account-1'),
    exported_at: instant,
    user: account,
    sessions: z.array(
      z.object({
        id: z.uuid(),
        title: z.string(),
        code: z.string(),
        is_active: z.boolean(),
        is_discoverable: z.boolean(),
        created_at: instant,
        ended_at: instant.optional(),
        last_activity: instant,
        messages: z.array(exportedMessage),
      }),
    ),
    memberships: z.array(exportedMembership).meta({ description: "in other people's sessions" }),
    strudels: z.array(strudel),
    is_complete: z.literal(true).meta({
      description: 'the last thing that is written: a download without it broke off',
    }),
  })
  .meta({ id: 'AccountExport' });
export type AccountExport = z.infer<typeof accountExport>;

export const exportAccount = route({
  method: 'get',
  path: `${ME}/export`,
  tag,
  summary: 'Everything that there is of the account, as one file of JSON',
  access: 'user',
  reply: accountExport,
});

export const deleteAccount = route({
  method: 'delete',
  path: ME,
  tag,
  summary:
    'Delete the account: its sessions end and go, its strudels go, and what it said in other sessions stays there without its name',
  access: 'user',
  body: z.object({
    confirm: z.string().max(MAX_REDIRECT_CHARS).meta({
      description: 'the name of the account, or its email address; where it has neither, `delete`',
    }),
  }),
  reply: done.extend({
    remaining: z.number().int().meta({
      description:
        'sessions that are still to be dealt with: the account is deleted by as many calls as it takes, each with the same body, until this is 0',
    }),
  }),
  errors: [409],
});
