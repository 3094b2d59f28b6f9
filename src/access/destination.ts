/** Where signing in leads to in the end. Nothing else may be led to: a token may be in the address. */
import { z } from 'zod';
import {
  returnPath,
  SIGN_IN_ERROR_PARAM,
  SIGNED_IN_PARAM,
  type SignInError,
} from '../protocol/http/accounts.ts';
import { MAX_REDIRECT_CHARS } from '../protocol/limits.ts';

/** `page`: a page of our own, as a path; `client`: a page of another client, which gets a token. */
export const destinationSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('page'), path: returnPath }),
  z.object({ kind: z.literal('client'), url: z.url({ protocol: /^https?$/ }) }),
]);
export type Destination = z.infer<typeof destinationSchema>;

/**
 * What a request to sign in names; the start page where it names nothing.
 * @param allowed origins of other clients.
 * @returns null for what may not be led to.
 */
export function parseDestination(
  { redirect_url, return_to }: { redirect_url?: string | undefined; return_to?: string | undefined },
  ownOrigin: string,
  allowed: readonly string[],
): Destination | null {
  if (redirect_url === undefined) return { kind: 'page', path: return_to ?? '/' };
  if (return_to !== undefined || !URL.canParse(redirect_url)) return null;
  const url = new URL(redirect_url);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null;
  // `https://allowed.example@evil.example` is of evil.example; the other way round it only misleads.
  if (url.username !== '' || url.password !== '') return null;
  // It travels in a cookie, of which browsers take 4 KB.
  if (url.href.length > MAX_REDIRECT_CHARS) return null;
  if (url.origin !== ownOrigin && !allowed.includes(url.origin)) return null;
  return { kind: 'client', url: url.href };
}

/** The address of a destination that the caller comes to signed in. */
export function signedInAddress(destination: Destination, token: string): string {
  return destination.kind === 'client'
    ? withParam(destination.url, 'token', token)
    : pathWithParam(destination.path, SIGNED_IN_PARAM, '1');
}

/** The address of a destination that the caller comes to without being signed in. */
export function failedAddress(destination: Destination, error: SignInError): string {
  return destination.kind === 'client'
    ? withParam(destination.url, 'error', error)
    : pathWithParam(destination.path, SIGN_IN_ERROR_PARAM, error);
}

function withParam(address: string, name: string, value: string): string {
  const url = new URL(address);
  url.searchParams.set(name, value);
  return url.href;
}

function pathWithParam(path: string, name: string, value: string): string {
  // Only to parse it: the path is what counts.
  const url = new URL(withParam(`http://page.invalid${path}`, name, value));
  return `${url.pathname}${url.search}${url.hash}`;
}
