/** Who is admitted to a room, and when the room is asked for a place: the decision over a real Postgres. */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Admission } from '../../src/access/admission.ts';
import type { AdmissionRequest, Admitted, RoomReservation } from '../../src/access/admission-types.ts';
import type { SessionAccess } from '../../src/access/session-token.ts';
import { StorageUnavailableError } from '../../src/domain/errors.ts';
import type { JoinMethod, Role, UserProfile } from '../../src/domain/types.ts';
import { connectNeon, type Database } from '../../src/postgres/client.ts';
import { PostgresPeople } from '../../src/postgres/people.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import { type PostgresFront, startPostgresFront } from '../support/postgres.ts';

let front: PostgresFront;
let db: Database;
let sessions: PostgresSessionRepository;
/** Takes note of what it is asked, and fails when told to. */
let people: PostgresPeople & { asked: string[]; fails: Set<'checkAccess' | 'enter'> };
let admission: Admission;
/** As many strangers as come. */
const welcome = {
  refusalOf: () => null,
  take: async () => null,
  originOf: async () => null,
  giveBack: async () => {},
};
const accesses = new Map<string, SessionAccess>();
const profiles = new Map<string, UserProfile>();
const verified = async (token: string) => {
  const access = accesses.get(token);
  return access ? { ...access, expiresAtS: 4_000_000_000 } : null;
};

class WatchedPeople extends PostgresPeople {
  readonly asked: string[] = [];
  readonly fails = new Set<'checkAccess' | 'enter'>();

  override checkAccess(...args: Parameters<PostgresPeople['checkAccess']>) {
    return this.#watched('checkAccess', () => super.checkAccess(...args));
  }

  override enter(...args: Parameters<PostgresPeople['enter']>) {
    return this.#watched('enter', () => super.enter(...args));
  }

  #watched<T>(name: 'checkAccess' | 'enter', ask: () => Promise<T>): Promise<T> {
    this.asked.push(name);
    if (this.fails.has(name)) return Promise.reject(new StorageUnavailableError('postgres', 'down'));
    return ask();
  }
}

beforeAll(async () => {
  front = await startPostgresFront('any');
  db = connectNeon({ ...front, timeoutMs: 20_000 });
  sessions = new PostgresSessionRepository(db);
  people = new WatchedPeople(db);
  admission = new Admission({
    sessions,
    people,
    tokens: {
      session: verified,
      user: async (token) => profiles.get(token) ?? null,
      hasExpired: async () => false,
    },
    inviteGuard: { mayTry: async () => true, failed: async () => {} },
    strangers: welcome,
  });
});
beforeEach(() => {
  people.asked.length = 0;
  people.fails.clear();
});
afterAll(async () => {
  await front?.stop();
});

/** A user who can sign in: their id and a token. */
async function newUser(name = 'Ben') {
  const profile = { subject: randomUUID(), name, avatarUrl: null };
  const { id } = await people.upsertUser(profile);
  const token = randomUUID();
  profiles.set(token, profile);
  return { id, token };
}

async function newSession(over: { hostUserId?: string; isDiscoverable?: boolean } = {}): Promise<string> {
  const { id } = await sessions.createSession({ title: '', code: '', hostUserId: over.hostUserId ?? null });
  await db.execute(
    sql`update sessions set is_discoverable = ${over.isDiscoverable ?? false} where id = ${id}`,
  );
  return id;
}

interface InviteState {
  role?: 'viewer' | 'co-author';
  isUsedUp?: boolean;
  isRevoked?: boolean;
  isExpired?: boolean;
}

async function newInvite(sessionId: string, over: InviteState = {}) {
  const { role = 'viewer', isUsedUp = false, isRevoked = false, isExpired = false } = over;
  const invite = await people.createInvite({ sessionId, role, maxUses: 1, expiresAtMs: null });
  await db.execute(sql`
    update invite_tokens set
      uses_count = ${isUsedUp ? 1 : 0},
      revoked_at = case when ${isRevoked}::boolean then now() end,
      expires_at = case when ${isExpired}::boolean then now() - interval '1 minute' end
    where id = ${invite.id}`);
  return invite;
}

async function usesOf(invite: { id: string }): Promise<unknown> {
  const { rows } = await db.execute(sql`select uses_count from invite_tokens where id = ${invite.id}`);
  return rows[0]?.uses_count;
}

interface MembershipState {
  role: Role;
  joinMethod: JoinMethod;
  inviteId?: string;
  isRemoved?: boolean;
  isExpired?: boolean;
}

/** A place in a session: of a user, or of an anonymous caller, who then has a session token. */
async function newPlace(sessionId: string, userId: string | null, place: MembershipState) {
  const id = randomUUID();
  const { role, joinMethod, inviteId = null, isRemoved = false, isExpired = false } = place;
  const removedAt = sql`case when ${isRemoved}::boolean then now() end`;
  if (userId === null) {
    await db.execute(sql`
      insert into anonymous_participants (id, session_id, display_name, role, join_method, invite_id, removed_at, expires_at)
      values (${id}, ${sessionId}, 'Known', ${role}, ${joinMethod}, ${inviteId}, ${removedAt},
        now() + case when ${isExpired}::boolean then interval '-1 minute' else interval '1 day' end)`);
  } else {
    await db.execute(sql`
      insert into session_participants (id, session_id, user_id, display_name, role, join_method, invite_id, removed_at)
      values (${id}, ${sessionId}, ${userId}, 'Known', ${role}, ${joinMethod}, ${inviteId}, ${removedAt})`);
  }
  const token = randomUUID();
  accesses.set(token, {
    sessionId,
    participantId: id,
    userId,
    displayName: 'Token',
    avatarUrl: null,
    role,
    joinMethod,
    inviteId,
  });
  return { id, token };
}

const requestOf = (over: Partial<AdmissionRequest>): AdmissionRequest => ({
  sessionId: null,
  token: null,
  invite: null,
  displayName: null,
  previousSessionId: null,
  ...over,
});

describe('what a room is asked to keep a place for is what the one statement decides that lets people in', () => {
  const PLACES: Record<string, ((sessionId: string) => Promise<MembershipState>) | null> = {
    'no place': null,
    'a viewer’s place': async () => ({ role: 'viewer', joinMethod: 'grant' }),
    'a co-author’s place': async () => ({ role: 'co-author', joinMethod: 'grant' }),
    'a host’s place': async () => ({ role: 'host', joinMethod: 'grant' }),
    'a place by an invite to watch': async (id) => ({
      role: 'viewer',
      joinMethod: 'invite',
      inviteId: (await newInvite(id, { isUsedUp: true })).id,
    }),
    'a place by an invite to write': async (id) => ({
      role: 'co-author',
      joinMethod: 'invite',
      inviteId: (await newInvite(id, { role: 'co-author', isUsedUp: true })).id,
    }),
    'a place by an invite that is revoked': async (id) => ({
      role: 'co-author',
      joinMethod: 'invite',
      inviteId: (await newInvite(id, { role: 'co-author', isRevoked: true })).id,
    }),
    'a place by discovery': async () => ({ role: 'viewer', joinMethod: 'discovery' }),
    'a place they were removed from': async () => ({
      role: 'co-author',
      joinMethod: 'grant',
      isRemoved: true,
    }),
    'a place that has expired': async () => ({ role: 'co-author', joinMethod: 'grant', isExpired: true }),
  };
  const INVITES: Record<string, InviteState | null> = {
    'an invite to watch': { role: 'viewer' },
    'an invite to write': { role: 'co-author' },
    'an invite that is used up': { role: 'co-author', isUsedUp: true },
    'an invite that is revoked': { role: 'co-author', isRevoked: true },
    'an invite that has expired': { role: 'co-author', isExpired: true },
    'another session’s invite': null,
  };

  const NEEDS_INVITE = ['no place', 'a viewer’s place', 'a place by discovery'];

  const cases = (['an anonymous caller', 'a user', 'the owner'] as const).flatMap((who) =>
    [false, true].flatMap((isDiscoverable) =>
      Object.keys(PLACES)
        // Users' places don't expire.
        .filter((place) => who === 'an anonymous caller' || place !== 'a place that has expired')
        .map((place) => [who, isDiscoverable, place] as const),
    ),
  );

  it.each(cases)('%s, discoverable: %s, with %s', async (who, isDiscoverable, place) => {
    for (const [name, invite] of Object.entries(INVITES)) {
      // In what way an invite is no good matters only to those whom something may let in by it.
      const isGood = invite !== null && !invite.isUsedUp && !invite.isRevoked && !invite.isExpired;
      if (!isGood && !NEEDS_INVITE.includes(place)) continue;
      const user = who === 'an anonymous caller' ? null : await newUser();
      const owner = who === 'the owner' && user ? { hostUserId: user.id } : {};
      const sessionId = await newSession({ isDiscoverable, ...owner });
      const state = await PLACES[place]?.(sessionId);
      const known = state && (await newPlace(sessionId, user?.id ?? null, state));
      const asked = await newInvite(invite === null ? await newSession() : sessionId, invite ?? {});
      const request = requestOf({
        sessionId,
        token: user?.token ?? known?.token ?? null,
        invite: asked.token,
      });
      const usesBefore = await usesOf(asked);

      let prospect: Admitted | null = null;
      const full = { ok: false, status: 429, error: 'too_many_requests', message: 'full' } as const;
      const checked = await admission.check(request);
      const refused = await admission.enter(request, {
        async reserve(admitted) {
          prospect = admitted;
          return full;
        },
        release: () => Promise.reject(new Error('no place was reserved')),
      });
      expect([name, await usesOf(asked)]).toEqual([name, usesBefore]);
      // Without a room to ask, only the statement decides.
      const decided = await admission.enter(request);
      if (!decided.ok) {
        expect([name, refused, checked, prospect]).toEqual([name, decided, decided, null]);
        continue;
      }
      expect([name, refused, checked]).toEqual([name, full, null]);
      const { participantId, ...expected } = decided.admitted;
      expect([name, prospect]).toEqual([
        name,
        { ...expected, participantId: known?.id && !state?.isExpired ? known.id : expect.any(String) },
      ]);
      if (known && !state?.isExpired) expect([name, participantId]).toEqual([name, known.id]);
      const isUsed = decided.admitted.joinMethod === 'invite' && decided.admitted.inviteId === asked.id;
      expect([name, await usesOf(asked)]).toEqual([name, isUsed ? Number(usesBefore) + 1 : usesBefore]);
    }
  });
});

describe('a stranger who makes ids up', () => {
  it('is refused before a room is asked, and after so many times before Postgres is', async () => {
    const known = await newSession();
    let bad = 0;
    const guarded = new Admission({
      sessions,
      people,
      tokens: {
        session: verified,
        user: async (token) => profiles.get(token) ?? null,
        hasExpired: async () => false,
      },
      strangers: welcome,
      inviteGuard: {
        mayTry: async () => bad < 20,
        failed: async () => {
          bad += 1;
        },
      },
    });
    const untouched: RoomReservation = {
      reserve: () => Promise.reject(new Error('a room was touched')),
      release: () => Promise.reject(new Error('a room was touched')),
    };
    const another = await newPlace(await newSession(), null, { role: 'host', joinMethod: 'owner' });
    const tokens = [null, (await newUser()).token, another.token, 'nonsense'];
    const statuses: number[] = [];
    for (let i = 0; i < 120; i++) {
      const outcome = await guarded.enter(
        requestOf({
          sessionId: i % 3 === 0 ? known : randomUUID(),
          token: tokens[i % tokens.length] ?? null,
          invite: i % 2 === 0 ? randomUUID() : null,
          address: '198.51.100.9',
        }),
        untouched,
      );
      statuses.push(outcome.ok ? 200 : outcome.status);
    }
    expect(new Set(statuses)).toEqual(new Set([401, 403, 404, 429]));
    people.asked.length = 0;
    bad = 20;
    const invite = randomUUID();
    const last = await guarded.enter(requestOf({ sessionId: randomUUID(), invite, address: 'a' }), untouched);
    expect([last.ok, people.asked]).toEqual([false, []]);
  });
});

describe('entering a room', () => {
  type Reserve = RoomReservation['reserve'];
  const roomThat = (reserve: Reserve): RoomReservation => ({
    reserve(admitted) {
      people.asked.push('room');
      return reserve(admitted);
    },
    async release() {
      people.asked.push('release');
    },
  });
  const keeps = roomThat(async () => null);
  const isFull = roomThat(async () => ({
    ok: false,
    status: 429,
    error: 'too_many_requests',
    message: 'full',
    retryAfterS: 7,
  }));
  /** Something happens while the room reserves the first place. */
  const meanwhile = (happens: Reserve) => {
    let isFirst = true;
    return roomThat(async (admitted) => {
      if (!isFirst) return null;
      isFirst = false;
      return happens(admitted);
    });
  };

  it('by an invite: the room keeps a place first, then it is used', async () => {
    const sessionId = await newSession();
    const invite = await newInvite(sessionId, { role: 'co-author' });
    const request = requestOf({ sessionId, invite: invite.token, displayName: 'Ada' });
    expect(await admission.enter(request, isFull)).toMatchObject({ ok: false, status: 429, retryAfterS: 7 });
    expect(people.asked).toEqual(['checkAccess', 'room']);
    expect(await usesOf(invite)).toBe(0);
    let prospect: Admitted | undefined;
    const outcome = await admission.enter(
      request,
      roomThat(async (admitted) => {
        prospect = admitted;
        return null;
      }),
    );
    expect(outcome).toEqual({ ok: true, admitted: prospect });
    expect(prospect).toMatchObject({ role: 'co-author', joinMethod: 'invite', inviteId: invite.id });
    expect(people.asked.slice(2)).toEqual(['checkAccess', 'room', 'enter']);
    expect(await usesOf(invite)).toBe(1);
  });

  it('without an invite: Postgres decides in one statement, then the room is asked once', async () => {
    const sessionId = await newSession({ isDiscoverable: true });
    const request = requestOf({ sessionId });
    expect(await admission.enter(request, keeps)).toMatchObject({ ok: true });
    expect(people.asked).toEqual(['enter', 'room']);
    people.asked.length = 0;
    expect(await admission.enter(request, isFull)).toMatchObject({ ok: false, status: 429 });
    expect(people.asked).toEqual(['enter', 'room']);
  });

  it('of a new session: the room is asked for its host', async () => {
    const made = await admission.enter(
      requestOf({ displayName: 'Ada' }),
      roomThat(async (admitted) => {
        expect(admitted).toMatchObject({ role: 'host', joinMethod: 'owner', displayName: 'Ada' });
        return null;
      }),
    );
    expect(made).toMatchObject({ ok: true });
    expect(people.asked).toEqual(['room']);
    expect(await admission.enter(requestOf({}), isFull)).toMatchObject({ ok: false, status: 429 });
  });

  it('is with the role that a caller was given while the room reserved a place; that place is released', async () => {
    const sessionId = await newSession();
    const invite = await newInvite(sessionId, { role: 'co-author' });
    const place = await newPlace(sessionId, null, { role: 'viewer', joinMethod: 'grant' });
    const request = requestOf({ sessionId, token: place.token, invite: invite.token });
    const promotes = meanwhile(async (admitted) => {
      expect(admitted).toMatchObject({ role: 'co-author', joinMethod: 'invite' });
      await people.setRole(sessionId, place.id, 'host');
      return null;
    });
    expect(await admission.enter(request, promotes)).toMatchObject({
      ok: true,
      admitted: { role: 'host', joinMethod: 'grant', participantId: place.id },
    });
    expect(people.asked).toEqual(['checkAccess', 'room', 'enter', 'release', 'room']);
    expect(await usesOf(invite)).toBe(0);
  });

  it('works in two tabs of a new user at once: both are the same participant, and one invite is used', async () => {
    const sessionId = await newSession();
    const invite = await newInvite(sessionId, { role: 'co-author' });
    const { token } = await newUser();
    const request = requestOf({ sessionId, token, invite: invite.token });
    let other: Awaited<ReturnType<Admission['enter']>> | undefined;
    const isOvertaken = meanwhile(async () => {
      other = await admission.enter(request, keeps);
      return null;
    });
    const outcome = await admission.enter(request, isOvertaken);
    expect(outcome).toMatchObject({ ok: true, admitted: { role: 'co-author', joinMethod: 'invite' } });
    expect(outcome).toEqual(other);
    expect(people.asked.slice(-3)).toEqual(['enter', 'release', 'room']);
    expect(await usesOf(invite)).toBe(1);
  });

  it('is refused when another caller has used the invite up while the room was asked; the place is released', async () => {
    const sessionId = await newSession();
    const invite = await newInvite(sessionId);
    const request = requestOf({ sessionId, invite: invite.token });
    const isOvertaken = meanwhile(async () => {
      expect(await admission.enter(request)).toMatchObject({ ok: true });
      return null;
    });
    expect(await admission.enter(request, isOvertaken)).toMatchObject({
      ok: false,
      status: 403,
      isBadInvite: true,
    });
    expect(people.asked.at(-1)).toBe('release');
    expect(await usesOf(invite)).toBe(1);
  });

  it('is refused when the caller was removed while the room was asked; the place is released', async () => {
    const sessionId = await newSession();
    const invite = await newInvite(sessionId, { role: 'co-author' });
    const place = await newPlace(sessionId, null, { role: 'viewer', joinMethod: 'grant' });
    const request = requestOf({ sessionId, token: place.token, invite: invite.token });
    const removes = meanwhile(async () => {
      await people.remove(sessionId, place.id);
      return null;
    });
    expect(await admission.enter(request, removes)).toMatchObject({ ok: false, status: 403 });
    expect(people.asked.at(-1)).toBe('release');
    expect(await usesOf(invite)).toBe(0);
  });

  describe('while Postgres is out of reach', () => {
    const arrange = async () => {
      const sessionId = await newSession();
      const invite = (await newInvite(sessionId)).token;
      const { id, token } = await newPlace(sessionId, null, { role: 'co-author', joinMethod: 'grant' });
      return { sessionId, invite, token, id };
    };

    it('is for session tokens of that session, at their word', async () => {
      const { sessionId, invite, token, id } = await arrange();
      people.fails.add('checkAccess').add('enter');
      for (const request of [
        { sessionId, token },
        { sessionId, token, invite },
      ]) {
        people.asked.length = 0;
        const admitted = { participantId: id, role: 'co-author', joinMethod: 'grant', isUnconfirmed: true };
        expect(await admission.enter(requestOf(request), keeps)).toMatchObject({ ok: true, admitted });
        expect(people.asked.filter((asked) => asked === 'room')).toHaveLength(1);
        expect(await admission.enter(requestOf(request), isFull)).toMatchObject({ ok: false, status: 429 });
      }
    });

    it('is for nobody else', async () => {
      const { sessionId, invite, token } = await arrange();
      const user = await newUser();
      const elsewhere = await newSession();
      people.fails.add('checkAccess').add('enter');
      for (const [request, status] of [
        [{ sessionId }, 503],
        [{ sessionId, invite }, 503],
        [{ sessionId, token: user.token }, 503],
        [{ sessionId: elsewhere, token }, 403],
      ] as const) {
        expect(await admission.enter(requestOf(request), keeps)).toMatchObject({ ok: false, status });
      }
      expect(people.asked).not.toContain('room');
    });

    it('is for no caller whose place was reserved for what the invite gives them; it is released', async () => {
      const { sessionId, invite, token } = await arrange();
      people.fails.add('enter');
      const request = requestOf({ sessionId, token, invite });
      expect(await admission.enter(request, keeps)).toMatchObject({ ok: false, status: 503 });
      expect(people.asked).toEqual(['checkAccess', 'room', 'enter', 'release']);
    });
  });
});
