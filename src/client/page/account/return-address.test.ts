import { describe, expect, it } from 'vitest';
import { returnPath } from '../../../protocol/http/accounts.ts';
import { keeperOf } from '../keeping.ts';
import { addressAfter, keepReturn, outcomeOf, returnPathOf, takeReturn } from './return-address.ts';

const SESSION = '0b7d4f0e-6c1a-4f6b-9a53-1f8d2f0c7e11';
const INVITE = '#/join/the-secret-of-an-invite';
const NOW_MS = 1_800_000_000_000;
/** One that keeps as long as it lives. */
const newKeeper = () =>
  keeperOf(() => {
    throw new Error('blocked');
  });

describe('what the server is told of where one comes back to', () => {
  it.each([
    ['a session', `#/s/${SESSION}`, `/s/${SESSION}`],
    ['an invite, whose secret stays here', INVITE, '/'],
    ['a pattern, which stays here', '#/begin/abc', '/'],
    ['the start', '', '/'],
    ['what is no session', '#/s/../api', '/'],
  ])('%s', (_, hash, path) => {
    expect(returnPathOf(hash)).toBe(path);
    expect(returnPath.safeParse(path).success).toBe(true);
  });
});

describe('what is kept until then', () => {
  const kept = { hash: INVITE, typed: [{ id: 'join-name', text: 'Ana' }], atMs: NOW_MS };

  it('is there once', () => {
    const keeper = newKeeper();
    keepReturn(keeper, kept);
    expect(takeReturn(keeper, NOW_MS + 60_000)).toEqual(kept);
    expect(takeReturn(keeper, NOW_MS + 60_000)).toBeNull();
  });

  it('is forgotten after an hour: it is of another attempt', () => {
    const keeper = newKeeper();
    keepReturn(keeper, kept);
    expect(takeReturn(keeper, NOW_MS + 3_600_000)).toBeNull();
  });

  it.each(['', 'null', '{', '{"hash":7}'])('is nothing when it is %j', (text) => {
    const keeper = newKeeper();
    keeper.set('backbeat:return', text);
    expect(takeReturn(keeper, NOW_MS)).toBeNull();
  });
});

describe('the return', () => {
  it.each([
    ['?signed_in=1', 'signed-in'],
    ['?sign_in_error=cancelled', 'cancelled'],
    ['?sign_in_error=something%20new', 'refused'],
    ['?signed_in=1&sign_in_error=expired', 'expired'],
    ['?utm_source=a', null],
    ['', null],
  ])('by %j is %j', (search, outcome) => {
    expect(outcomeOf(search)).toBe(outcome);
  });

  it.each([
    ['/?signed_in=1', INVITE, `/${INVITE}`],
    ['/?sign_in_error=expired', null, '/'],
    [`/s/${SESSION}?signed_in=1`, `#/s/${SESSION}`, `/#/s/${SESSION}`],
    [`/s/${SESSION}?signed_in=1`, null, `/s/${SESSION}`],
    [`/?signed_in=1#/s/${SESSION}`, null, `/#/s/${SESSION}`],
    ['/?a=b&signed_in=1', '', '/?a=b'],
  ])('leaves %s, with %j kept, at %s', (address, hash, after) => {
    expect(addressAfter(new URL(address, 'http://page.example'), hash)).toBe(after);
  });
});
