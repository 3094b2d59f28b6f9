/** Keys for one purpose each, made of `JWT_SECRET`: what is made with one is of no use for another. */

import { base64url } from 'jose';

const encoder = new TextEncoder();
const KEY_BITS = 256;

/** 32 bytes, by HKDF with SHA-256. @param purpose such as `sign-in attempt`; part of what is made with it. */
export async function derivedKey(secret: string, purpose: string): Promise<Uint8Array<ArrayBuffer>> {
  const material = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, [
    'deriveBits',
  ]);
  const info = encoder.encode(`backbeat:${purpose}`);
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, material, KEY_BITS));
}

/** HMAC with SHA-256, as base64url. */
export async function macOf(key: Uint8Array<ArrayBuffer>, text: string): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const imported = await crypto.subtle.importKey('raw', key, algorithm, false, ['sign']);
  return base64url.encode(new Uint8Array(await crypto.subtle.sign('HMAC', imported, encoder.encode(text))));
}
