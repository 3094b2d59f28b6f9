import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../../test/support/live-session.ts';
import { type FakeConnection, makeMember } from '../../../test/support/room.ts';
import { StorageUnavailableError } from '../../domain/errors.ts';
import type { EnterOutcome, LetInRequest } from '../../domain/people.ts';
import {
  KNOCK_HOST_AWAY_MS,
  KNOCK_LIFETIME_MS,
  KNOCK_SILENCE_MS,
  MAX_WAITING_KNOCKS,
} from '../../protocol/index.ts';
import type { JoinedConnection } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import { Knocks } from './knocks.ts';

type Member = FakeConnection & JoinedConnection;

const WAIT_MS = 20_000;

let clock: FakeClock;
let members: Member[];
let ended: { reason: string } | null;
let roles: unknown[];
let letIns: LetInRequest[];
/** What Postgres says to a host who lets a caller in. */
let letIn: (request: LetInRequest) => Promise<EnterOutcome>;
let knocks: Knocks;

function member(id: string, over: Partial<ConnectionState> = {}): Member {
  const made = makeMember(id);
  made.setState({ ...made.state, displayName: id, role: 'host', edits: 'changes', ...over });
  members.push(made);
  return made;
}

function entered({ participantId, userId, displayName, role, sessionId }: LetInRequest): EnterOutcome {
  const times = { joinedAtMs: 1, leftAtMs: 1, removedAtMs: null };
  const participant = { id: participantId, sessionId, userId, displayName, role, avatarUrl: null, ...times };
  return { outcome: 'entered', participant: { ...participant, joinMethod: 'grant', inviteId: null } };
}

let ada: Member;
beforeEach(() => {
  clock = new FakeClock();
  members = [];
  ended = null;
  roles = [];
  letIns = [];
  letIn = async (request) => entered(request);
  ada = member('Ada');
  knocks = new Knocks({
    sessionId: 'session',
    participants: { connections: () => members },
    outbox: {
      reply: (to, type, payload) =>
        to.send(JSON.stringify({ type, session_id: 'session', timestamp: 't', payload })),
    },
    people: {
      letIn: (request) => {
        letIns.push(request);
        return letIn(request);
      },
    },
    revocations: {
      get ended() {
        return ended;
      },
      recordRole: (...recorded) => roles.push(recorded),
    },
    clock,
  });
});

let count = 0;
function knock(over: Partial<Parameters<Knocks['add']>[0]> = {}) {
  count += 1;
  return knocks.add({
    kind: 'knock',
    user_id: null,
    participant_id: crypto.randomUUID(),
    display_name: 'Eve',
    origin: `network ${count}`,
    was_removed: false,
    ...over,
  });
}

function knocked(over: Parameters<typeof knock>[0] = {}): string {
  const outcome = knock(over);
  if (!outcome.ok) throw new Error(outcome.message);
  return outcome.knockId;
}

const statusOf = async (id: string) => (await knocks.state(id, 0))?.status;
const coAuthor = { role: 'co-author', readmit: false } as const;

describe('a knock', () => {
  it('is told to every host whose client knows knocks, and to nobody else', () => {
    const others = [
      member('Ben', { role: 'co-author' }),
      member('Cleo', { role: 'viewer' }),
      member('Old', { edits: 'whole' }),
    ];
    const second = member('Ada again');
    const id = knocked({ user_id: 'u' });
    for (const host of [ada, second]) {
      expect(host.all('knock')).toEqual([
        { knock_id: id, display_name: 'Eve', user_id: 'u', at: clock.nowMs, was_removed: false },
      ]);
      expect(knocks.shownTo(host)).toEqual(host.all('knock'));
    }
    for (const other of others) {
      expect(other.received).toEqual([]);
      expect(knocks.shownTo(other)).toBeUndefined();
    }
  });

  it('is refused while no host is there to answer it', () => {
    members = [member('Old', { edits: 'whole' }), member('Ben', { role: 'co-author' })];
    expect(knock()).toMatchObject({ ok: false, status: 409, error: 'host_away' });
  });

  it('is refused once the session has ended', () => {
    ended = { reason: 'over' };
    expect(knock()).toMatchObject({ ok: false, status: 410 });
  });

  it(`of one network or user is one at a time, and of all ${MAX_WAITING_KNOCKS}`, async () => {
    const first = knocked({ origin: 'network a' });
    expect(knock({ origin: 'network a' })).toMatchObject({ status: 429, error: 'too_many_requests' });
    for (let i = 1; i < MAX_WAITING_KNOCKS; i++) knocked();
    expect(knock()).toMatchObject({ status: 429 });
    expect(ada.all('knock')).toHaveLength(MAX_WAITING_KNOCKS);
    await knocks.answer(first, { refused: true }, ada);
    knocked({ origin: 'network a' });
  });

  it('of callers whose network isn’t known is bounded by their number alone', () => {
    for (let i = 0; i < MAX_WAITING_KNOCKS; i++) knocked({ origin: null });
    expect(knock({ origin: null })).toMatchObject({ status: 429 });
  });
});

describe('an answer', () => {
  it('lets them in, and tells the one who waits and all hosts', async () => {
    const second = member('Ada again');
    const id = knocked({ participant_id: 'p', display_name: 'Eve' });
    const waiting = knocks.state(id, WAIT_MS);
    expect(await knocks.answer(id, coAuthor, ada, 'r1')).toBeNull();
    expect(await waiting).toEqual({
      status: 'admitted',
      participant_id: 'p',
      user_id: null,
      display_name: 'Eve',
      role: 'co-author',
    });
    expect(letIns).toMatchObject([
      { sessionId: 'session', participantId: 'p', role: 'co-author', readmit: false },
    ]);
    const told = { knock_id: id, outcome: 'admitted', role: 'co-author', by: 'Ada' };
    expect(ada.all('knock_answered')).toEqual([{ ...told, request_id: 'r1' }]);
    expect(second.all('knock_answered')).toEqual([told]);
    expect(knocks.shownTo(ada)).toEqual([]);
    // Who is let in once is let in: the reply may have been lost.
    expect(await statusOf(id)).toBe('admitted');
    expect(letIns).toHaveLength(1);
  });

  it('refuses them', async () => {
    const id = knocked();
    const waiting = knocks.state(id, WAIT_MS);
    expect(await knocks.answer(id, { refused: true }, ada)).toBeNull();
    expect(await waiting).toEqual({ status: 'refused' });
    expect(letIns).toEqual([]);
    expect(ada.all('knock_answered')).toEqual([{ knock_id: id, outcome: 'refused', by: 'Ada' }]);
  });

  it('counts once, and the first one does, also while it is carried out', async () => {
    const id = knocked();
    let finish = () => {};
    letIn = (request) =>
      new Promise((resolve) => {
        finish = () => resolve(entered(request));
      });
    const first = knocks.answer(id, coAuthor, ada);
    expect(await knocks.answer(id, { refused: true }, ada)).toMatchObject({ error: 'conflict' });
    knocks.withdraw(id);
    await clock.advance(KNOCK_SILENCE_MS + 10_000);
    finish();
    expect(await first).toBeNull();
    expect(await knocks.answer(id, { refused: true }, ada)).toMatchObject({ error: 'conflict' });
    expect(await statusOf(id)).toBe('admitted');
    expect(ada.all('knock_answered')).toHaveLength(1);
    expect(letIns).toHaveLength(1);
  });

  it('to one whom a host removed has to say that it readmits them', async () => {
    const id = knocked({ was_removed: true, participant_id: 'p' });
    expect(ada.all('knock')).toMatchObject([{ was_removed: true }]);
    expect(await knocks.answer(id, coAuthor, ada)).toMatchObject({ error: 'conflict' });
    expect(letIns).toEqual([]);
    expect(await statusOf(id)).toBe('waiting');
    expect(await knocks.answer(id, { ...coAuthor, readmit: true }, ada)).toBeNull();
    expect(letIns).toMatchObject([{ readmit: true }]);
    expect(roles).toEqual([['p', 'co-author']]);
  });

  it('may be given again where storage was out of reach', async () => {
    const id = knocked();
    letIn = () => Promise.reject(new StorageUnavailableError('postgres', 'down'));
    expect(await knocks.answer(id, coAuthor, ada)).toMatchObject({ error: 'server_error' });
    expect(await statusOf(id)).toBe('waiting');
    letIn = async (request) => entered(request);
    expect(await knocks.answer(id, coAuthor, ada)).toBeNull();
  });

  it('has no effect on a knock that isn’t there', async () => {
    expect(await knocks.answer(crypto.randomUUID(), coAuthor, ada)).toMatchObject({ error: 'not_found' });
    expect(await knocks.state(crypto.randomUUID(), WAIT_MS)).toBeNull();
  });
});

describe('waiting', () => {
  it('is over for the request after its time, and goes on with the next', async () => {
    const id = knocked();
    for (let i = 0; i < 3; i++) {
      const waiting = knocks.state(id, WAIT_MS);
      await clock.advance(WAIT_MS);
      expect(await waiting).toEqual({ status: 'waiting' });
    }
  });

  it('is done by the last request alone', async () => {
    const id = knocked();
    const [first, second] = [knocks.state(id, WAIT_MS), knocks.state(id, WAIT_MS)];
    expect(await first).toEqual({ status: 'waiting' });
    await knocks.answer(id, { refused: true }, ada);
    expect(await second).toEqual({ status: 'refused' });
  });

  it('ends when the knocker gives up, by a word or by silence, which hosts are told', async () => {
    const [said, silent] = [knocked(), knocked()];
    knocks.withdraw(said);
    expect(ada.all('knock_answered')).toEqual([{ knock_id: said, outcome: 'withdrawn' }]);
    await clock.advance(KNOCK_SILENCE_MS - 1_000);
    expect(ada.all('knock_answered')).toHaveLength(1);
    await clock.advance(10_000);
    expect(ada.all('knock_answered')[1]).toEqual({ knock_id: silent, outcome: 'withdrawn' });
    expect(await statusOf(said)).toBe('expired');
    expect(await knocks.answer(silent, coAuthor, ada)).toMatchObject({ error: 'conflict' });
  });

  it('ends after its time, however often it is asked for', async () => {
    const id = knocked();
    let state: Awaited<ReturnType<Knocks['state']>> = null;
    for (let ms = 0; ms <= KNOCK_LIFETIME_MS; ms += WAIT_MS) {
      const waiting = knocks.state(id, WAIT_MS);
      await clock.advance(WAIT_MS);
      state = await waiting;
    }
    expect(state).toEqual({ status: 'expired' });
    expect(ada.all('knock_answered')).toEqual([{ knock_id: id, outcome: 'expired' }]);
  });

  it('outlives a host’s reload, and ends when no host has come back', async () => {
    const id = knocked();
    const waiting = knocks.state(id, 2 * KNOCK_HOST_AWAY_MS);
    members = [];
    await clock.advance(KNOCK_HOST_AWAY_MS - 6_000);
    members = [ada];
    await clock.advance(5_000);
    expect(await statusOf(id)).toBe('waiting');
    members = [];
    const again = knocks.state(id, 2 * KNOCK_HOST_AWAY_MS);
    await clock.advance(KNOCK_HOST_AWAY_MS + 5_000);
    expect(await again).toEqual({ status: 'host_away' });
    await waiting;
  });

  it('ends at once with the session', async () => {
    const id = knocked();
    const waiting = knocks.state(id, WAIT_MS);
    knocks.endAll();
    expect(await waiting).toEqual({ status: 'ended' });
  });

  it('leaves no timer behind, so the room can sleep', async () => {
    const id = knocked();
    await knocks.answer(id, { refused: true }, ada);
    await clock.advance(60_000);
    expect(await knocks.state(id, 0)).toBeNull();
    let timers = 0;
    const { setTimeout } = clock;
    clock.setTimeout = (...given) => {
      timers += 1;
      return setTimeout(...given);
    };
    await clock.advance(60_000);
    await settle();
    expect(timers).toBe(0);
  });
});
