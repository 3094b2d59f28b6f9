/** Addresses of the page's screens. */
import { describe, expect, it } from 'vitest';
import { parsePasted, parseRoute, routeHash, routeOfPath } from './router.ts';

describe('addresses', () => {
  const sessionId = '11111111-2222-4333-8444-555555555555';

  it('go there and back', () => {
    for (const route of [
      { name: 'start' },
      { name: 'session', sessionId },
      { name: 'join', inviteToken: 'a/b c' },
      { name: 'begin', packed: 'ab-_9' },
    ] as const) {
      expect(parseRoute(routeHash(route))).toEqual(route);
    }
  });

  it('lead to the start when they make no sense', () => {
    for (const hash of ['', '#', '#/s/', '#/s/1', '#/s/../x', '#/join/', '#/else/where']) {
      expect(parseRoute(hash)).toEqual({ name: 'start' });
    }
    expect(parseRoute('#/join/%E0%A4%A')).toEqual({ name: 'join', inviteToken: '%E0%A4%A' });
  });

  it('are paths, too, where a session is shared elsewhere', () => {
    expect(routeOfPath(`/s/${sessionId}`)).toEqual({ name: 'session', sessionId });
    expect(routeOfPath(`/s/${sessionId.toUpperCase()}/`)).toEqual({ name: 'session', sessionId });
    for (const path of ['/', '/s/', '/s/1', `/x/${sessionId}`, `/s/${sessionId}/more`]) {
      expect(routeOfPath(path)).toBeNull();
    }
  });

  it('are found in what was pasted', () => {
    expect(parsePasted(`https://x.test/s/${sessionId}`)).toEqual({ name: 'session', sessionId });
    expect(parsePasted(' https://x.test/#/join/abcDEF_123 \n')).toEqual({
      name: 'join',
      inviteToken: 'abcDEF_123',
    });
    expect(parsePasted('abcDEF_123')).toEqual({ name: 'join', inviteToken: 'abcDEF_123' });
    expect(parsePasted('https://x.test/')).toBeNull();
    expect(parsePasted('hello there')).toBeNull();
  });
});
