/**
 * Who gets into a session, by what, and what becomes of their place: the statements, on each engine there is.
 */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPostgres } from '../../dev/neon/real-postgres.ts';
import { SessionNotFoundError } from '../../src/domain/errors.ts';
import type { EntryRequest, LetInRequest, Participant } from '../../src/domain/people.ts';
import type { NewInvite } from '../../src/domain/types.ts';
import { connectNeon, type Database } from '../../src/postgres/client.ts';
import { PostgresDirectory } from '../../src/postgres/directory.ts';
import { PostgresPeople } from '../../src/postgres/people.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import { type PostgresFront, startPostgresFront, waitUntilBlocked } from '../support/postgres.ts';

const engines = ['embedded', ...((await findPostgres()) ? (['real'] as const) : [])] as const;

describe.each(engines)('people on the %s engine', (engine) => {
  let front: PostgresFront;
  let db: Database;
  let sessions: PostgresSessionRepository;
  let people: PostgresPeople;
  let directory: PostgresDirectory;

  beforeAll(async () => {
    front = await startPostgresFront(engine);
    db = connectNeon({ ...front, timeoutMs: 20_000 });
    sessions = new PostgresSessionRepository(db);
    people = new PostgresPeople(db);
    directory = new PostgresDirectory(db);
  });
  afterAll(async () => {
    await front?.stop();
  });

  const nobody = { userId: null, epoch: null, participantId: null, inviteToken: null };
  const newUser = async (name = 'Ada') =>
    (await people.upsertUser({ subject: randomUUID(), name, avatarUrl: null })).id;
  const newSession = async (hostUserId: string | null = null) =>
    (await sessions.createSession({ title: 'jam', code: '', hostUserId })).id;
  const newInvite = (sessionId: string, over: Partial<NewInvite> = {}) =>
    people.createInvite({ sessionId, role: 'co-author', maxUses: null, expiresAtMs: null, ...over });
  const enter = (sessionId: string, over: Partial<EntryRequest> = {}) =>
    people.enter({
      sessionId,
      userId: null,
      epoch: null,
      participantId: null,
      inviteToken: null,
      displayName: null,
      fallbackName: 'Anonymous',
      newParticipantId: randomUUID(),
      ...over,
    });
  const entered = async (sessionId: string, over: Partial<EntryRequest> = {}): Promise<Participant> => {
    const outcome = await enter(sessionId, over);
    if (outcome.outcome !== 'entered') throw new Error(outcome.outcome);
    return outcome.participant;
  };
  const usesOf = async (sessionId: string) =>
    (await people.invites(sessionId, { limit: 10, offset: 0 })).items.map(({ usesCount }) => usesCount);
  const roleOf = async (sessionId: string, who: { userId?: string; participantId?: string }) =>
    (await people.checkAccess({ ...nobody, sessionId, ...who }))?.role;
  const all = async (sessionId: string, withRemoved = false) =>
    (await people.participants(sessionId, { limit: 100, offset: 0, withRemoved })).items;

  describe('users', () => {
    it('are made once a subject, refreshed by what the token says, and left alone when it says nothing new', async () => {
      const subject = randomUUID();
      const first = await people.upsertUser({ subject, name: 'Ada', avatarUrl: 'https://x.test/1' });
      expect(first).toMatchObject({ name: 'Ada', avatarUrl: 'https://x.test/1' });
      const version = async () =>
        (await db.execute(sql`select xmin::text as x, updated_at from users where id = ${first.id}`)).rows[0];
      const before = await version();
      expect(await people.upsertUser({ subject, name: null, avatarUrl: 'https://x.test/1' })).toEqual(first);
      expect(await version()).toEqual(before);
      const renamed = await people.upsertUser({ subject, name: 'Ada L.', avatarUrl: null });
      expect(renamed).toEqual({ ...first, name: 'Ada L.' });
    });

    it('come twice at once and are one', async () => {
      const subject = randomUUID();
      const made = await Promise.all(
        Array.from({ length: 8 }, () => people.upsertUser({ subject, name: 'Ada', avatarUrl: null })),
      );
      expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    });
  });

  describe('entering', () => {
    it('is for the owner as host, whatever else is said of them', async () => {
      const owner = await newUser();
      const id = await newSession(owner);
      expect(await entered(id, { userId: owner, displayName: 'DJ Ada' })).toMatchObject({
        role: 'host',
        joinMethod: 'owner',
        displayName: 'DJ Ada',
        userId: owner,
      });
      // Known now: the name stays unless another is given.
      expect((await entered(id, { userId: owner, fallbackName: 'x' })).displayName).toBe('DJ Ada');
      const invite = await newInvite(id, { role: 'viewer' });
      expect(await entered(id, { userId: owner, inviteToken: invite.token })).toMatchObject({ role: 'host' });
      expect(await usesOf(id)).toEqual([0]);
    });

    it('is refused to strangers, and to those with an invite for elsewhere', async () => {
      const id = await newSession();
      const userId = await newUser();
      expect(await enter(id)).toEqual({ outcome: 'refused' });
      expect(await enter(id, { userId })).toEqual({ outcome: 'refused' });
      const elsewhere = await newInvite(await newSession());
      for (const inviteToken of ['unknown', elsewhere.token]) {
        expect(await enter(id, { inviteToken })).toEqual({ outcome: 'bad_invite' });
        expect(await enter(id, { userId, inviteToken })).toEqual({ outcome: 'bad_invite' });
      }
      expect(await all(id)).toEqual([]);
      expect(await enter(randomUUID(), { userId })).toEqual({ outcome: 'missing' });
    });

    it('lets exactly ten of a hundred in who come at once on an invite of ten uses', async () => {
      const id = await newSession();
      const { token } = await newInvite(id, { maxUses: 10 });
      const userIds = await Promise.all(Array.from({ length: 50 }, () => newUser()));
      const outcomes = await Promise.all([
        ...Array.from({ length: 50 }, () => enter(id, { inviteToken: token })),
        ...userIds.map((userId) => enter(id, { userId, inviteToken: token })),
      ]);
      const count = (outcome: string) => outcomes.filter((one) => one.outcome === outcome).length;
      expect([count('entered'), count('bad_invite')]).toEqual([10, 90]);
      expect(await all(id)).toHaveLength(10);
      expect(await usesOf(id)).toEqual([10]);
    });

    it('uses an invite once a person', async () => {
      const id = await newSession();
      const { token: inviteToken } = await newInvite(id, { maxUses: 2 });
      const userId = await newUser();
      const first = await entered(id, { userId, inviteToken });
      expect(await entered(id, { userId, inviteToken })).toMatchObject({ id: first.id, role: 'co-author' });
      expect(await entered(id, { userId })).toMatchObject({ id: first.id });
      const anonymous = await entered(id, { inviteToken, displayName: 'Bea' });
      const again = await entered(id, { inviteToken, participantId: anonymous.id });
      expect(again).toMatchObject({ id: anonymous.id, displayName: 'Bea', joinMethod: 'invite' });
      expect(await usesOf(id)).toEqual([2]);
      expect(await enter(id, { inviteToken })).toEqual({ outcome: 'bad_invite' });
    });

    it('uses an invite once a person, also of those who come eight times at once', async () => {
      const id = await newSession();
      const { token: inviteToken } = await newInvite(id, { maxUses: 4 });
      const { token: viewing } = await newInvite(id, { role: 'viewer' });
      const [ada, ben] = [await newUser(), await newUser('Ben')];
      const guest = randomUUID();
      const { id: viewer } = await entered(id, { inviteToken: viewing });
      const comers: Partial<EntryRequest>[] = [
        { userId: ada },
        { userId: ben },
        // An attempt to join that is repeated while the first is under way.
        { participantId: guest, newParticipantId: guest },
        // A viewer, who gets a better role by it.
        { participantId: viewer },
      ];
      for (const comer of comers) {
        const made = await Promise.all(
          Array.from({ length: 8 }, () => entered(id, { ...comer, inviteToken })),
        );
        expect(new Set(made.map((participant) => participant.id)).size).toBe(1);
        expect(new Set(made.map(({ role }) => role))).toEqual(new Set(['co-author']));
      }
      expect((await usesOf(id)).sort()).toEqual([1, 4]);
      expect(await all(id)).toHaveLength(4);
    });

    if (engine === 'real') {
      it.each([
        ['a removal', 'removed_at = now()', { outcome: 'refused' }],
        ['a change of their role', `role = 'viewer'`, { participant: { role: 'viewer' } }],
      ])('sees %s that comes meanwhile', async (_, change, outcome) => {
        const other = new pg.Client({ connectionString: front.databaseUrl });
        await other.connect();
        try {
          const id = await newSession();
          const { token: inviteToken } = await newInvite(id);
          const userId = await newUser();
          await entered(id, { userId, inviteToken });
          const { id: participantId } = await entered(id, { inviteToken });
          for (const [table, who] of [
            ['session_participants', { userId }],
            ['anonymous_participants', { participantId }],
          ] as const) {
            await other.query('begin');
            await other.query(`update ${table} set ${change} where session_id = $1`, [id]);
            const again = enter(id, who);
            await waitUntilBlocked(other);
            await other.query('commit');
            expect(await again).toMatchObject(outcome);
          }
        } finally {
          await other.end();
        }
      });
    }

    if (engine === 'real') {
      it('refuses whoever deletes their account meanwhile, and spends nothing', async () => {
        const other = new pg.Client({ connectionString: front.databaseUrl });
        await other.connect();
        try {
          const id = await newSession();
          const { token: inviteToken } = await newInvite(id);
          const [known, stranger] = [await newUser(), await newUser('Ben')];
          await entered(id, { userId: known, inviteToken });
          for (const userId of [known, stranger]) {
            await other.query('begin');
            await other.query('delete from users where id = $1', [userId]);
            const entry = enter(id, { userId, inviteToken });
            await waitUntilBlocked(other);
            await other.query('commit');
            expect(await entry).toEqual({ outcome: 'bad_invite' });
          }
          expect(await usesOf(id)).toEqual([1]);
          expect(await all(id)).toEqual([]);
        } finally {
          await other.end();
        }
      });
    }

    it('takes a better role from an invite, and leaves a worse one alone', async () => {
      const id = await newSession();
      const viewing = await newInvite(id, { role: 'viewer' });
      const writing = await newInvite(id, { role: 'co-author' });
      const userId = await newUser();
      expect(await entered(id, { userId, inviteToken: viewing.token })).toMatchObject({ role: 'viewer' });
      expect(await entered(id, { userId, inviteToken: writing.token })).toMatchObject({
        role: 'co-author',
        inviteId: writing.id,
      });
      expect(await entered(id, { userId, inviteToken: viewing.token })).toMatchObject({
        role: 'co-author',
        inviteId: writing.id,
      });
    });

    it('is for everybody as viewer while the session is discoverable, and ends with it', async () => {
      const id = await newSession();
      await directory.setDiscoverable(id, true);
      const userId = await newUser();
      const guest = await entered(id, { userId });
      const nobody = await entered(id);
      expect(guest).toMatchObject({ role: 'viewer', joinMethod: 'discovery' });
      expect(nobody).toMatchObject({ role: 'viewer', joinMethod: 'discovery' });
      // A good invite makes more of a guest.
      const { token } = await newInvite(id, { role: 'viewer' });
      expect(await entered(id, { userId, inviteToken: token })).toMatchObject({
        id: guest.id,
        joinMethod: 'invite',
      });
      await directory.setDiscoverable(id, false);
      expect(await entered(id, { userId })).toMatchObject({ joinMethod: 'invite' });
      expect(await enter(id, { participantId: nobody.id })).toEqual({ outcome: 'refused' });
    });

    it('ends with the invite that let somebody in', async () => {
      const id = await newSession();
      const first = await newInvite(id);
      const second = await newInvite(id);
      const userId = await newUser();
      const { id: participantId } = await entered(id, { userId, inviteToken: first.token });
      expect(await people.revokeInvite(id, first.id)).toBe(true);
      expect(await people.revokeInvite(id, first.id)).toBe(true);
      expect(await people.revokeInvite(id, randomUUID())).toBe(false);
      expect(await people.revokeInvite(await newSession(), second.id)).toBe(false);
      expect(await roleOf(id, { userId })).toBeNull();
      expect(await enter(id, { userId })).toEqual({ outcome: 'refused' });
      expect(await enter(id, { userId, inviteToken: first.token })).toEqual({ outcome: 'bad_invite' });
      expect(await entered(id, { userId, inviteToken: second.token })).toMatchObject({ id: participantId });
    });

    it('is not possible by an invite that has expired', async () => {
      const id = await newSession();
      const expired = await newInvite(id, { expiresAtMs: Date.now() - 1 });
      const lasting = await newInvite(id, { expiresAtMs: Date.now() + 60_000 });
      expect(await enter(id, { inviteToken: expired.token })).toEqual({ outcome: 'bad_invite' });
      expect(await enter(id, { inviteToken: lasting.token })).toMatchObject({ outcome: 'entered' });
      expect(await people.sessionOfInvite(lasting.token)).toBe(id);
      expect(await people.sessionOfInvite('unknown')).toBeNull();
    });

    it('is refused to somebody removed, with an invite too, until the host takes them back', async () => {
      const id = await newSession();
      const { token: inviteToken } = await newInvite(id);
      await directory.setDiscoverable(id, true);
      const userId = await newUser();
      const place = await entered(id, { userId, inviteToken });
      const anonymous = await entered(id, { inviteToken });
      for (const { id: placeId } of [place, anonymous, place]) {
        expect(await people.remove(id, placeId)).toMatchObject({ outcome: 'changed' });
      }
      expect(await enter(id, { userId, inviteToken })).toEqual({ outcome: 'removed' });
      expect(await enter(id, { participantId: anonymous.id, inviteToken })).toEqual({ outcome: 'removed' });
      expect(await usesOf(id)).toEqual([2]);
      expect(await people.checkAccess({ ...nobody, sessionId: id, userId })).toMatchObject({
        role: null,
        isRemoved: true,
      });
      expect(await all(id)).toEqual([]);
      expect((await all(id, true)).map(({ removedAtMs }) => removedAtMs === null)).toEqual([false, false]);
      expect(await people.setRole(id, place.id, 'viewer')).toMatchObject({
        outcome: 'changed',
        participant: { role: 'viewer', joinMethod: 'grant', removedAtMs: null, userId },
      });
      expect(await entered(id, { userId })).toMatchObject({ id: place.id, role: 'viewer' });
    });

    it('is over for everybody once the session has ended, and those who could read still can', async () => {
      const owner = await newUser();
      const id = await newSession(owner);
      const before = await newInvite(id);
      const { token: inviteToken } = await newInvite(id);
      const early = await entered(id, { inviteToken: before.token });
      const late = await entered(id, { inviteToken });
      await people.revokeInvite(id, before.id);
      expect(await directory.end(id)).toBe(true);
      for (const who of [{ userId: owner }, { participantId: late.id }, { inviteToken }]) {
        expect(await enter(id, who)).toEqual({ outcome: 'ended' });
      }
      expect(await roleOf(id, { userId: owner })).toBe('host');
      expect(await roleOf(id, { participantId: late.id })).toBe('co-author');
      expect(await roleOf(id, { participantId: early.id })).toBeNull();
      await expect(newInvite(id)).rejects.toThrow(SessionNotFoundError);
      expect(await people.sessionOfInvite(inviteToken)).toBeNull();
    });
  });

  describe('anonymous people', () => {
    it('keep their place for a day after they last came', async () => {
      const id = await newSession();
      const { token: inviteToken } = await newInvite(id);
      const place = await entered(id, { inviteToken });
      await db.execute(
        sql`update anonymous_participants set expires_at = now() + interval '1 hour' where id = ${place.id}`,
      );
      await entered(id, { participantId: place.id });
      const { rows } = await db.execute(
        sql`select expires_at > now() + interval '23 hours' as renewed from anonymous_participants where id = ${place.id}`,
      );
      expect(rows).toEqual([{ renewed: true }]);
      await db.execute(sql`update anonymous_participants set expires_at = now() where id = ${place.id}`);
      expect(await enter(id, { participantId: place.id })).toEqual({ outcome: 'refused' });
      expect(await roleOf(id, { participantId: place.id })).toBeNull();
      expect(await all(id)).toEqual([]);
      expect(await people.setRole(id, place.id, 'viewer')).toEqual({ outcome: 'missing' });
      expect(await people.deleteExpired()).toBeGreaterThanOrEqual(1);
    });

    it('are not known in another session than theirs', async () => {
      const [one, other] = [await newSession(), await newSession()];
      const { token: inviteToken } = await newInvite(one);
      const place = await entered(one, { inviteToken });
      expect(await enter(other, { participantId: place.id })).toEqual({ outcome: 'refused' });
      expect(await roleOf(other, { participantId: place.id })).toBeNull();
    });
  });

  describe('places', () => {
    it("can't be taken from the owner, signed in or not", async () => {
      const owner = await newUser();
      const id = await newSession(owner);
      const { id: placeId } = await entered(id, { userId: owner });
      expect(await people.setRole(id, placeId, 'viewer')).toEqual({ outcome: 'owner' });
      expect(await people.remove(id, placeId)).toEqual({ outcome: 'owner' });

      const participantId = randomUUID();
      const anonymous = await sessions.createSession({
        title: '',
        code: '',
        hostUserId: null,
        host: { participantId, displayName: 'Bea' },
      });
      expect(await people.setRole(anonymous.id, participantId, 'viewer')).toEqual({ outcome: 'owner' });
      expect(await people.remove(anonymous.id, participantId)).toEqual({ outcome: 'owner' });
      expect(await roleOf(anonymous.id, { participantId })).toBe('host');
      expect(await people.remove(anonymous.id, randomUUID())).toEqual({ outcome: 'missing' });
      expect(await people.setRole(anonymous.id, placeId, 'viewer')).toEqual({ outcome: 'missing' });
    });

    it('outlive their invite when the host gives a role', async () => {
      const id = await newSession();
      const invite = await newInvite(id, { role: 'viewer' });
      const place = await entered(id, { inviteToken: invite.token });
      await people.setRole(id, place.id, 'co-author');
      await people.revokeInvite(id, invite.id);
      expect(await entered(id, { participantId: place.id })).toMatchObject({
        role: 'co-author',
        joinMethod: 'grant',
        inviteId: null,
      });
    });

    it('are listed in the order people came, page by page', async () => {
      const id = await newSession();
      const { token: inviteToken } = await newInvite(id);
      const came: string[] = [];
      for (let i = 0; i < 5; i++) {
        const userId = i % 2 === 0 ? await newUser(`user ${i}`) : null;
        came.push((await entered(id, { userId, inviteToken, fallbackName: `p${i}` })).id);
      }
      const seen: string[] = [];
      for (let offset = 0; offset < 5; offset += 2) {
        const { items, total } = await people.participants(id, { limit: 2, offset, withRemoved: false });
        expect(total).toBe(5);
        seen.push(...items.map((item) => item.id));
      }
      expect(seen).toHaveLength(5);
      expect(new Set(seen)).toEqual(new Set(came));
    });
  });

  describe('presence', () => {
    it('is what the room says, all of it, as often as it likes', async () => {
      const id = await newSession();
      const { token: inviteToken } = await newInvite(id);
      const user = await entered(id, { userId: await newUser(), inviteToken });
      const anonymous = await entered(id, { inviteToken });
      const here = async () =>
        (await all(id)).filter(({ leftAtMs }) => leftAtMs === null).map((place) => place.id);
      expect(await here()).toEqual([]);
      for (let i = 0; i < 2; i++) {
        await people.recordPresence(id, [user.id, anonymous.id, randomUUID()]);
        expect(new Set(await here())).toEqual(new Set([user.id, anonymous.id]));
      }
      expect((await directory.liveStatus(id))?.participantCount).toBe(2);
      await people.recordPresence(id, [anonymous.id]);
      expect(await here()).toEqual([anonymous.id]);
      const leftAt = (await all(id)).find((place) => place.id === user.id)?.leftAtMs;
      await people.recordPresence(id, []);
      expect(await here()).toEqual([]);
      expect((await all(id)).find((place) => place.id === user.id)?.leftAtMs).toBe(leftAt);
    });

    it('knows what the nameless are called, and nothing better of those who have a name by now', async () => {
      const id = await newSession();
      const { token: inviteToken } = await newInvite(id);
      const place = await entered(id, { inviteToken });
      const called = (name: string) => people.recordPresence(id, [place.id], new Map([[place.id, name]]));
      const name = async () => (await all(id))[0]?.displayName;
      await called('Anonymous co-author 2');
      expect(await name()).toBe('Anonymous co-author 2');
      expect(await people.rename(id, place.id, 'Ada')).toMatchObject({ id: place.id, displayName: 'Ada' });
      await called('Anonymous co-author 2');
      expect(await name()).toBe('Ada');
      // It is theirs when they come back, and a new one only where they bring one.
      expect((await entered(id, { participantId: place.id })).displayName).toBe('Ada');
    });

    it('doesn’t bring a name to those who aren’t of it any more', async () => {
      const [id, user] = [await newSession(), await newUser()];
      const { token: inviteToken } = await newInvite(id);
      const place = await entered(id, { inviteToken, userId: user });
      expect(await people.rename(await newSession(), place.id, 'Eve')).toBeNull();
      expect(await people.rename(id, place.id, 'Ana')).toMatchObject({ displayName: 'Ana', userId: user });
      await people.remove(id, place.id);
      expect(await people.rename(id, place.id, 'Eve')).toBeNull();
      expect((await all(id, true))[0]?.displayName).toBe('Ana');
    });

    it('ends by leaving', async () => {
      const id = await newSession();
      const { token: inviteToken } = await newInvite(id);
      const place = await entered(id, { inviteToken });
      await people.recordPresence(id, [place.id]);
      expect(await people.leave(id, place.id)).toBe(true);
      expect((await all(id))[0]?.leftAtMs).not.toBeNull();
      expect(await people.leave(id, randomUUID())).toBe(false);
    });
  });

  describe('being let in by a host', () => {
    const letIn = (sessionId: string, over: Partial<LetInRequest> = {}) =>
      people.letIn({
        sessionId,
        userId: null,
        participantId: randomUUID(),
        displayName: 'Eve',
        role: 'co-author',
        readmit: false,
        ...over,
      });

    it('makes a membership by the host’s word, once however often it is said', async () => {
      const id = await newSession();
      for (const userId of [null, await newUser('Eve')]) {
        const participantId = randomUUID();
        for (const role of ['co-author', 'viewer'] as const) {
          expect(await letIn(id, { userId, participantId, role })).toMatchObject({
            outcome: 'entered',
            participant: {
              id: participantId,
              userId,
              displayName: 'Eve',
              role,
              joinMethod: 'grant',
              inviteId: null,
            },
          });
        }
        const who = userId === null ? { participantId } : { userId };
        expect(await roleOf(id, who)).toBe('viewer');
        expect(await people.setRole(id, participantId, 'co-author')).toMatchObject({ outcome: 'changed' });
        expect(await people.remove(id, participantId)).toMatchObject({ outcome: 'changed' });
        expect(await roleOf(id, who)).toBeNull();
      }
      expect(await all(id)).toEqual([]);
    });

    it('is for a removed participant only where it says so', async () => {
      const id = await newSession();
      for (const userId of [null, await newUser('Eve')]) {
        const participantId = randomUUID();
        await letIn(id, { userId, participantId });
        await people.remove(id, participantId);
        const who = userId === null ? { participantId } : { userId };
        expect(await letIn(id, { userId, participantId })).toEqual({ outcome: 'removed' });
        expect(await roleOf(id, who)).toBeNull();
        expect(await letIn(id, { userId, participantId, readmit: true })).toMatchObject({
          outcome: 'entered',
        });
        expect(await roleOf(id, who)).toBe('co-author');
      }
      // Also one whose membership has expired meanwhile.
      const participantId = randomUUID();
      await letIn(id, { participantId });
      await people.remove(id, participantId);
      await db.execute(sql`update anonymous_participants set expires_at = now() where id = ${participantId}`);
      expect((await letIn(id, { participantId })).outcome).toBe('refused');
      expect(await roleOf(id, { participantId })).toBeNull();
    });

    it('changes nothing for the owner, another session’s participant, an ended session and none', async () => {
      const owner = await newUser();
      const id = await newSession(owner);
      expect(await letIn(id, { userId: owner })).toEqual({ outcome: 'refused' });
      const { token: inviteToken } = await newInvite(id);
      const elsewhere = await entered(id, { inviteToken });
      const other = await newSession();
      expect(await letIn(other, { participantId: elsewhere.id })).toEqual({ outcome: 'refused' });
      expect(await all(id)).toEqual([expect.objectContaining({ id: elsewhere.id, joinMethod: 'invite' })]);
      await directory.end(other);
      expect(await letIn(other)).toEqual({ outcome: 'ended' });
      expect(await letIn(randomUUID())).toEqual({ outcome: 'missing' });
      expect(await all(other)).toEqual([]);
    });
  });

  describe('invites', () => {
    it('are listed newest first, page by page, without the revoked', async () => {
      const id = await newSession();
      const made = [];
      for (let i = 0; i < 3; i++) made.push(await newInvite(id, { maxUses: i + 1, expiresAtMs: 4e12 }));
      await people.revokeInvite(id, made[1]?.id ?? '');
      const first = await people.invites(id, { limit: 1, offset: 0 });
      const second = await people.invites(id, { limit: 1, offset: 1 });
      expect(first.items).toHaveLength(1);
      expect(new Set([...first.items, ...second.items])).toEqual(new Set([made[0], made[2]]));
      expect([first.total, second.total]).toEqual([2, 2]);
      expect(await people.invites(id, { limit: 1, offset: 2 })).toEqual({ items: [], total: 2 });
      expect(made[0]?.token).toMatch(/^[\w-]{32}$/);
    });
  });
});
