import { describe, expect, it } from 'vitest';
import { returnPath } from '../protocol/http/accounts.ts';
import { failedAddress, parseDestination, signedInAddress } from './destination.ts';

const OWN = 'https://backbeat.example';
const FRIEND = 'https://app.example';
const parse = (redirect_url?: string, return_to?: string) =>
  parseDestination({ redirect_url, return_to }, OWN, [FRIEND, 'http://localhost:3000']);

describe('where signing in may lead', () => {
  it.each([
    `${FRIEND}/`,
    `${FRIEND}/cb?x=1#y`,
    `${OWN}/any`,
    'http://localhost:3000/cb',
    // As a browser would write it.
    'HTTPS://APP.EXAMPLE:443/cb',
  ])('is %s', (url) => {
    expect(parse(url)).toEqual({ kind: 'client', url: new URL(url).href });
  });

  it.each([
    'https://evil.example/',
    'https://app.example.evil.example/',
    'https://app.example@evil.example/',
    'https://me@app.example/',
    'http://app.example/',
    'https://app.example:8443/',
    'https://sub.app.example/',
    'http://localhost:3001/cb',
    'javascript:alert(1)',
    'data:text/html,x',
    'blob:https://app.example/1',
    'file:///etc/passwd',
    '/path',
    '//app.example/',
    'https:/\\evil.example',
    '',
    `${FRIEND}/${'x'.repeat(3_000)}`,
  ])('is not %s', (url) => {
    expect(parse(url)).toBeNull();
  });

  it('is the start page where nothing is said, and never two places', () => {
    expect(parse()).toEqual({ kind: 'page', path: '/' });
    expect(parse(undefined, '/jam')).toEqual({ kind: 'page', path: '/jam' });
    expect(parse(FRIEND, '/jam')).toBeNull();
  });
});

describe('a path of this page', () => {
  it.each(['/', '/jam', '/s/1?x=1&y=2#z', '/a//b', '/?next=https://x.example/', "/it's"])('is %s', (path) => {
    expect(returnPath.safeParse(path).success).toBe(true);
  });

  it.each([
    '',
    'jam',
    '//evil.example',
    '/\\evil.example',
    '\\evil.example',
    '/\t/evil.example',
    '/\r\n/evil.example',
    '/.//evil.example',
    '/..//evil.example',
    '/x/..//evil.example',
    '/%2E//evil.example',
    '/a b',
    '/ä',
    'https://evil.example',
    `/${'x'.repeat(3_000)}`,
  ])('is not %j', (path) => {
    expect(returnPath.safeParse(path).success).toBe(false);
  });

  it('leads to this host in any case, however it is resolved', () => {
    const parts = ['/', '.', '..', '%2e', '%2F', ':', '@', '?', '#', 'x', ';', '\\', '\t'];
    for (let n = 0; n < parts.length ** 4; n++) {
      const path = `/${[0, 1, 2, 3].map((place) => parts[Math.floor(n / parts.length ** place) % parts.length]).join('')}`;
      if (!returnPath.safeParse(path).success) continue;
      const destination = { kind: 'page', path } as const;
      for (const lead of [signedInAddress(destination, 'secret'), failedAddress(destination, 'refused')]) {
        if (new URL(lead, OWN).origin !== OWN || lead.includes('secret')) throw new Error(`${path}: ${lead}`);
      }
    }
  });
});

it('a client’s address gets the token, or the error, and keeps what it has', () => {
  const destination = { kind: 'client', url: `${FRIEND}/cb?x=1&token=old#y` } as const;
  expect(signedInAddress(destination, 'a+b')).toBe(`${FRIEND}/cb?x=1&token=a%2Bb#y`);
  expect(failedAddress(destination, 'cancelled')).toBe(`${FRIEND}/cb?x=1&token=old&error=cancelled#y`);
});
