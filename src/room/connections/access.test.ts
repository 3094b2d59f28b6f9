/** The room's own decisions about who may be in: limits of connections, and notes of changed standings. */
import { describe, expect, it } from 'vitest';
import { FakeStorage } from '../../../test/support/room.ts';
import { ConnectionLimits, type Occupant } from './connection-limits.ts';
import type { AdmissionGrant } from './grant.ts';
import { type Claim, type Judgement, StandingNotes } from './standing-notes.ts';

const someone = (connectionId: string, over: Partial<Occupant> = {}): Occupant => ({
  connectionId,
  participantId: `p-${connectionId}`,
  address: '192.0.2.1',
  ...over,
});

/** What the Worker says of somebody who was let in. */
const grantOf = (occupant: Occupant): AdmissionGrant => ({
  userId: null,
  displayName: 'Ada',
  avatarUrl: null,
  role: 'viewer',
  via: 'grant',
  inviteId: null,
  knownAtMs: 0,
  token: null,
  ...occupant,
});

describe('connections', () => {
  const options = { perPerson: 2, perAddress: 3, holdMs: 1_000 };

  it('are limited for a person and for an address, those on the way counted', () => {
    const limits = new ConnectionLimits(options);
    const ada = { participantId: 'ada', address: null };
    limits.reserve('r1', grantOf(someone('c1', ada)), 0);
    const present = [someone('c2', ada)];
    expect(limits.check(someone('c3', ada), present, 0)).toBe('person_is_full');
    expect(limits.check(someone('c3', { address: null }), present, 0)).toBe('free');
    const others = [someone('c4'), someone('c5')];
    expect(limits.check(someone('c3'), others, 0)).toBe('free');
    limits.reserve('r2', grantOf(someone('c6')), 0);
    expect(limits.check(someone('c3'), others, 0)).toBe('address_is_full');
    expect(limits.check(someone('c3', { address: '192.0.2.2' }), others, 0)).toBe('free');
  });

  it('take no place from the newcomer that replaces them', () => {
    const limits = new ConnectionLimits({ ...options, perPerson: 1 });
    const ada = someone('c1', { participantId: 'ada' });
    expect(limits.check(ada, [ada], 0)).toBe('free');
    expect(limits.check({ ...ada, connectionId: 'c2' }, [ada], 0)).toBe('person_is_full');
  });

  it('have a place reserved for a while only, and once', () => {
    const limits = new ConnectionLimits({ ...options, perPerson: 1 });
    const ada = grantOf(someone('c1', { participantId: 'ada' }));
    const again = { ...ada, connectionId: 'c2' };
    limits.reserve('r1', ada, 0);
    expect(limits.check(again, [], 999)).toBe('person_is_full');
    expect(limits.check(again, [], 1_000)).toBe('free');
    expect(limits.take('r1', 1_000)).toBeNull();
    limits.reserve('r2', again, 1_000);
    expect(limits.take('unknown', 1_000)).toBeNull();
    expect(limits.take('r2', 1_999)).toMatchObject({ grant: again, refused: null });
    expect(limits.take('r2', 1_999)).toBeNull();
  });

  it('that come too late find no place, also when nobody has looked since', () => {
    const limits = new ConnectionLimits(options);
    limits.reserve('r1', grantOf(someone('c1')), 0);
    expect(limits.take('r1', 1_000)).toBeNull();
  });

  it('get what the reservation is when they are there, not what it was', () => {
    const limits = new ConnectionLimits(options);
    limits.reserve('r1', grantOf(someone('c1')), 0);
    limits.reserve('r2', grantOf(someone('c2')), 500);
    expect([...limits.reservations(1_000)].map(({ grant }) => grant.connectionId)).toEqual(['c2']);
    for (const reservation of limits.reservations(1_000)) {
      reservation.grant.role = 'host';
      reservation.refused = { status: 403, error: 'forbidden', message: 'no' };
    }
    expect(limits.take('r2', 1_000)).toMatchObject({ grant: { role: 'host' }, refused: { message: 'no' } });
  });
});

function makeNotes() {
  const storage = new FakeStorage();
  const clock = { nowMs: 1_000 };
  const open = async () => {
    const notes = new StandingNotes(storage, () => clock.nowMs);
    await notes.load();
    return notes;
  };
  return { stored: storage.values, clock, open };
}

const claim = (over: Partial<Claim> = {}): Claim => ({
  participantId: 'p1',
  role: 'viewer',
  via: 'invite',
  inviteId: 'i1',
  knownAtMs: 0,
  ...over,
});

const outcome = (judgement: Judgement) => (judgement.isIn ? judgement.role : judgement.status);

describe('notes of standings', () => {
  const cases: [
    name: string,
    note: (notes: StandingNotes) => void,
    claim: Partial<Claim>,
    expected: string | number,
  ][] = [
    ['nothing noted', () => {}, {}, 'viewer'],
    ['removed', (n) => n.noteParticipant('p1', null), {}, 403],
    ['somebody else removed', (n) => n.noteParticipant('p2', null), {}, 'viewer'],
    ['given another role', (n) => n.noteParticipant('p1', 'co-author'), {}, 'co-author'],
    ['his invite revoked', (n) => n.noteInviteRevoked('i1'), {}, 403],
    ['another invite revoked', (n) => n.noteInviteRevoked('i2'), {}, 'viewer'],
    [
      'his invite revoked, though he is in by the host’s word',
      (n) => n.noteInviteRevoked('i1'),
      { via: 'grant' },
      'viewer',
    ],
    ['no longer discoverable', (n) => n.noteDiscoveryEnded(), { via: 'discovery', inviteId: null }, 403],
    ['no longer discoverable, in by an invite', (n) => n.noteDiscoveryEnded(), {}, 'viewer'],
    ['live ended', (n) => n.noteLiveEnded(), {}, 403],
    ['live ended, as host', (n) => n.noteLiveEnded(), { role: 'host', via: 'owner' }, 'host'],
    ['live ended, in by the host’s word', (n) => n.noteLiveEnded(), { via: 'grant' }, 'viewer'],
    ['ended', (n) => n.noteEnded('over'), { role: 'host', via: 'owner' }, 410],
  ];
  it.each(cases)('%s', async (_name, note, over, expected) => {
    const { clock, open } = makeNotes();
    const notes = await open();
    note(notes);
    expect(outcome(notes.judge(claim(over)))).toBe(expected);
    // The next instance knows it too.
    expect(outcome((await open()).judge(claim(over)))).toBe(expected);
    // Whoever was checked after it needs no note; but that a session has ended is final.
    const later = { ...over, knownAtMs: clock.nowMs + 1 };
    const known = expected === 410 ? 410 : (over.role ?? 'viewer');
    expect(outcome(notes.judge(claim(later)))).toBe(known);
  });

  it('whoever the host gave a role is in by that alone', async () => {
    const { open } = makeNotes();
    const notes = await open();
    notes.noteParticipant('p1', null);
    notes.noteParticipant('p1', 'co-author');
    notes.noteInviteRevoked('i1');
    notes.noteLiveEnded();
    expect(notes.judge(claim())).toEqual({ isIn: true, role: 'co-author', via: 'grant' });
  });

  it('are forgotten when no token can be as old, but for the session’s end', async () => {
    const { stored, clock, open } = makeNotes();
    const notes = await open();
    notes.noteParticipant('p1', null);
    notes.noteEnded('over');
    clock.nowMs += 8 * 24 * 3600 * 1_000 + 1;
    const later = await open();
    expect([...stored.keys()]).toEqual(['note:ended']);
    expect(later.ended).toEqual({ reason: 'over' });
  });
});
