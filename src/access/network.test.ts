/** What an address is counted as. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkOf } from './network.ts';

describe('a network', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['2001:db8:1::', '2001:db8:1:0::/64'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it.each([
    ['none of the groups written', '::', '0:0:0:0::/64'],
    ['the gap at the front', '::2:3:4:5:6:7:8', '0:2:3:4::/64'],
    ['the gap after the network', '2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['a mapped address in hex', '::ffff:7f00:1', '127.0.0.1'],
    ['a mapped address in upper case and in full', '0:0:0:0:0:FFFF:CB00:7107', '203.0.113.7'],
    ['an IPv4 address at the end of another prefix', '64:ff9b::203.0.113.7', '64:ff9b:0:0::/64'],
    ['a zone id, which makes no network of its own', '2001:db8:1:2::1%25', '2001:db8:1:2::/64'],
    ['a zone id of a mapped address', '::ffff:203.0.113.7%eth0', '203.0.113.7'],
    ['space around it', ' 203.0.113.7\n', '203.0.113.7'],
  ])('is told with %s', (_, address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it.each([
    '',
    'unknown',
    ':',
    ':::',
    '1::2::3',
    '2001:db8',
    '2001:db8::1::',
    '::fffff',
    '1:2:3:4:5:6:7:8:9',
    '::ffff:256.0.0.1',
    'fe80::g',
  ])('of what is no address, such as %j, is the text itself', (garbage) => {
    expect(networkOf(garbage)).toBe(garbage);
    expect(networkOf(garbage.toUpperCase())).toBe(garbage);
  });

  it('is the same for all addresses of one subscriber, however they are written', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(
        fc.tuple(group, group, group, group),
        fc.tuple(group, group, group, group),
        (network, own) => {
          // Those of the mapped range are IPv4 addresses.
          fc.pre(network.some((value) => value !== 0));
          const groups = [...network, ...own].map((value) => value.toString(16));
          const expected = `${groups.slice(0, 4).join(':')}::/64`;
          expect(networkOf(groups.join(':'))).toBe(expected);
          expect(networkOf(groups.map((digits) => digits.toUpperCase().padStart(4, '0')).join(':'))).toBe(
            expected,
          );
          expect(networkOf(`${groups.slice(0, 4).join(':')}::`)).toBe(expected);
        },
      ),
    );
  });
});
