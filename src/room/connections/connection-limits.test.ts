import { describe, expect, it } from 'vitest';
import { ConnectionLimits, type CountedConnection } from './connection-limits.ts';
import type { AdmissionGrant } from './grant.ts';

const connectionOf = (connectionId: string, over: Partial<CountedConnection> = {}): CountedConnection => ({
  connectionId,
  participantId: `p-${connectionId}`,
  address: '192.0.2.1',
  role: 'co-author',
  ...over,
});

/** What the Worker admits this caller with. */
const grantOf = (connection: CountedConnection): AdmissionGrant => ({
  userId: null,
  displayName: 'Ada',
  avatarUrl: null,
  joinMethod: 'grant',
  inviteId: null,
  edits: 'whole',
  isNewSession: false,
  knownAtMs: 0,
  token: null,
  ...connection,
});

describe('connections', () => {
  const options = { perParticipant: 2, perAddress: 3, watchersPerAddress: 5, reservationMs: 1_000 };

  it('are limited for a participant and for an address, with reservations counted', () => {
    const limits = new ConnectionLimits(options);
    const ada = { participantId: 'ada', address: null };
    limits.reserve('r1', grantOf(connectionOf('c1', ada)), 0);
    const present = [connectionOf('c2', ada)];
    expect(limits.check(connectionOf('c3', ada), present, 0)).toBe('participant_limit');
    expect(limits.check(connectionOf('c3', { address: null }), present, 0)).toBe('available');
    const others = [connectionOf('c4'), connectionOf('c5')];
    expect(limits.check(connectionOf('c3'), others, 0)).toBe('available');
    limits.reserve('r2', grantOf(connectionOf('c6')), 0);
    expect(limits.check(connectionOf('c3'), others, 0)).toBe('address_limit');
    expect(limits.check(connectionOf('c3', { address: '192.0.2.2' }), others, 0)).toBe('available');
  });

  it('of watchers have a limit of their own for an address', () => {
    const limits = new ConnectionLimits(options);
    const watcher = (id: string) => connectionOf(id, { role: 'viewer' });
    const writers = [1, 2, 3].map((n) => connectionOf(`w${n}`));
    const watchers = [1, 2, 3, 4].map((n) => watcher(`c${n}`));
    expect(limits.check(watcher('c5'), [...writers, ...watchers], 0)).toBe('available');
    limits.reserve('r1', grantOf(watcher('c5')), 0);
    expect(limits.check(watcher('c6'), [...writers, ...watchers], 0)).toBe('address_limit');
    expect(limits.check(connectionOf('w4'), writers.slice(1), 0)).toBe('available');
    expect(limits.check(connectionOf('w4'), writers, 0)).toBe('address_limit');
  });

  it('from one network of IPv6 count together, whatever address each has', () => {
    const limits = new ConnectionLimits({ ...options, perParticipant: 10 });
    const from = (id: string, address: string) => connectionOf(id, { address });
    const present = [1, 2, 3].map((host) => from(`c${host}`, `2001:db8::${host}`));
    expect(limits.check(from('c4', '2001:db8::4'), present, 0)).toBe('address_limit');
    expect(limits.check(from('c4', '2001:db8:0:1::4'), present, 0)).toBe('available');
  });

  it('take no place from the newcomer that replaces them', () => {
    const limits = new ConnectionLimits({ ...options, perParticipant: 1 });
    const ada = connectionOf('c1', { participantId: 'ada' });
    expect(limits.check(ada, [ada], 0)).toBe('available');
    expect(limits.check({ ...ada, connectionId: 'c2' }, [ada], 0)).toBe('participant_limit');
  });

  it('have their place reserved for a while only, and once', () => {
    const limits = new ConnectionLimits({ ...options, perParticipant: 1 });
    const ada = grantOf(connectionOf('c1', { participantId: 'ada' }));
    const again = { ...ada, connectionId: 'c2' };
    limits.reserve('r1', ada, 0);
    expect(limits.check(again, [], 999)).toBe('participant_limit');
    expect(limits.check(again, [], 1_000)).toBe('available');
    expect(limits.redeem('r1', 1_000)).toBeNull();
    limits.reserve('r2', again, 1_000);
    expect(limits.redeem('unknown', 1_000)).toBeNull();
    expect(limits.redeem('r2', 1_999)).toMatchObject({ grant: again, refusal: null });
    expect(limits.redeem('r2', 1_999)).toBeNull();
  });

  it('that come too late find no reservation, even if none was looked at since', () => {
    const limits = new ConnectionLimits(options);
    limits.reserve('r1', grantOf(connectionOf('c1')), 0);
    expect(limits.redeem('r1', 1_000)).toBeNull();
  });

  it('join with what the reservation says when they come, not with what it said before', () => {
    const limits = new ConnectionLimits(options);
    limits.reserve('r1', grantOf(connectionOf('c1')), 0);
    limits.reserve('r2', grantOf(connectionOf('c2')), 500);
    expect([...limits.reservations(1_000)].map(({ grant }) => grant.connectionId)).toEqual(['c2']);
    for (const reservation of limits.reservations(1_000)) {
      reservation.grant.role = 'host';
      reservation.refusal = { status: 403, error: 'forbidden', message: 'no' };
    }
    expect(limits.redeem('r2', 1_000)).toMatchObject({ grant: { role: 'host' }, refusal: { message: 'no' } });
  });
});
