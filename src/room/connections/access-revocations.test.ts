import { describe, expect, it } from 'vitest';
import { FakeStorage } from '../../../test/support/room.ts';
import { type AccessClaim, type AccessDecision, AccessRevocations } from './access-revocations.ts';

function setUp() {
  const storage = new FakeStorage();
  const clock = { nowMs: 1_000 };
  const open = async () => {
    const revocations = new AccessRevocations(storage, () => clock.nowMs);
    await revocations.load();
    return revocations;
  };
  return { stored: storage.values, clock, open };
}

const claim = (over: Partial<AccessClaim> = {}): AccessClaim => ({
  participantId: 'p1',
  userId: 'u1',
  role: 'viewer',
  joinMethod: 'invite',
  inviteId: 'i1',
  knownAtMs: 0,
  ...over,
});

const outcome = (decision: AccessDecision) => (decision.isAllowed ? decision.role : decision.status);

describe('access revocations', () => {
  const cases: [
    name: string,
    record: (revocations: AccessRevocations) => void,
    claim: Partial<AccessClaim>,
    expected: string | number,
  ][] = [
    ['nothing recorded', () => {}, {}, 'viewer'],
    ['removed', (r) => r.recordRemoved('p1'), {}, 403],
    ['another participant removed', (r) => r.recordRemoved('p2'), {}, 'viewer'],
    ['signed out everywhere', (r) => r.recordSignedOut('u1'), {}, 401],
    ['another user signed out everywhere', (r) => r.recordSignedOut('u2'), {}, 'viewer'],
    ['no user, whoever signed out', (r) => r.recordSignedOut('u1'), { userId: null }, 'viewer'],
    ['given another role', (r) => r.recordRole('p1', 'co-author'), {}, 'co-author'],
    ['their invite revoked', (r) => r.recordInviteRevoked('i1'), {}, 403],
    ['another invite revoked', (r) => r.recordInviteRevoked('i2'), {}, 'viewer'],
    [
      'their invite revoked, though the host gave them a role',
      (r) => r.recordInviteRevoked('i1'),
      { joinMethod: 'grant' },
      'viewer',
    ],
    [
      'no longer discoverable',
      (r) => r.recordDiscoveryEnded(),
      { joinMethod: 'discovery', inviteId: null },
      403,
    ],
    ['no longer discoverable, joined by an invite', (r) => r.recordDiscoveryEnded(), {}, 'viewer'],
    ['live ended', (r) => r.recordLiveEnded(), {}, 403],
    ['live ended, as host', (r) => r.recordLiveEnded(), { role: 'host', joinMethod: 'owner' }, 'host'],
    [
      'live ended, with a role that the host gave',
      (r) => r.recordLiveEnded(),
      { joinMethod: 'grant' },
      'viewer',
    ],
    ['ended', (r) => r.recordEnded('over'), { role: 'host', joinMethod: 'owner' }, 410],
  ];
  it.each(cases)('%s', async (_name, record, over, expected) => {
    const { clock, open } = setUp();
    const revocations = await open();
    record(revocations);
    expect(outcome(revocations.check(claim(over)))).toBe(expected);
    // The next instance knows it too.
    expect(outcome((await open()).check(claim(over)))).toBe(expected);
    // A caller who was checked after it isn't concerned; but a session's end is final.
    const later = { ...over, knownAtMs: clock.nowMs + 1 };
    const known = expected === 410 ? 410 : (over.role ?? 'viewer');
    expect(outcome(revocations.check(claim(later)))).toBe(known);
  });

  it('a role that the host gave is enough, whatever is revoked', async () => {
    const { open } = setUp();
    const revocations = await open();
    revocations.recordRemoved('p1');
    revocations.recordRole('p1', 'co-author');
    revocations.recordInviteRevoked('i1');
    revocations.recordLiveEnded();
    expect(revocations.check(claim())).toEqual({ isAllowed: true, role: 'co-author', joinMethod: 'grant' });
  });

  it('are forgotten when no token can be as old, but for the session’s end', async () => {
    const { stored, clock, open } = setUp();
    const revocations = await open();
    revocations.recordRemoved('p1');
    revocations.recordEnded('over');
    clock.nowMs += 8 * 24 * 3600 * 1_000 + 1;
    const later = await open();
    expect([...stored.keys()]).toEqual(['note:ended']);
    expect(later.ended).toEqual({ reason: 'over' });
  });
});
