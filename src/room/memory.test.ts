/** What a room keeps in its memory and storage: who is in it, what its code is at the moment, what it has sent. */
import { describe, expect, it, vi } from 'vitest';
import { TimeoutError, within } from '../domain/with-timeout.ts';
import { MAX_STRUDEL_SWITCHES_PER_MINUTE, PING_TIMEOUT_MS, parseServerMessage } from '../protocol/index.ts';
import { type ConnectionState, type Member, participantsOf } from './connections/connection.ts';
import { MemberLimits } from './connections/member-limits.ts';
import { Outbox } from './connections/outbox.ts';
import { Roster } from './connections/roster.ts';
import { type BroughtEntry, newestThatFit, StrudelContext } from './document/strudel-context.ts';

function member(id: string, participantId = id): Member & { sent: string[] } {
  let state: ConnectionState | null = {
    participantId,
    userId: null,
    displayName: participantId,
    avatarUrl: null,
    role: 'viewer',
    via: 'grant',
    inviteId: null,
    address: null,
    chatTimes: [],
    switchTimes: [],
    agentTimes: [],
  };
  const sent: string[] = [];
  return {
    id,
    sent,
    get state() {
      return state;
    },
    setState(next: ConnectionState | null) {
      state = next;
    },
    send: (text: string) => sent.push(text),
  } as unknown as Member & { sent: string[] };
}

const roomOf = (...members: Member[]) =>
  ({ connections: () => members }) satisfies ConstructorParameters<typeof Roster>[0];

function makeStorage() {
  const values = new Map<string, unknown>();
  return {
    values,
    get: async <T>(key: string) => values.get(key) as T | undefined,
    put: async (key: string, value: unknown) => void values.set(key, structuredClone(value)),
  };
}

describe('the roster', () => {
  it('has each person once, and nobody who was sent away', () => {
    const members = [member('c1', 'ada'), member('c2', 'ada'), member('c3', 'ben'), member('c4', 'eve')];
    members[3]?.setState(null);
    const roster = new Roster(roomOf(...members));
    expect(roster.present()).toEqual(['ada', 'ben']);
    expect(roster.of('ada').map(({ id }) => id)).toEqual(['c1', 'c2']);
    expect(participantsOf(roster.members()).map(({ participant_id }) => participant_id)).toEqual([
      'ada',
      'ben',
    ]);
  });

  it('knows who has been silent for too long, from when it first looked', () => {
    const [loud, silent] = [member('c1'), member('c2')];
    const roster = new Roster(roomOf(loud, silent));
    const startMs = 1_000_000;
    expect(roster.silent(startMs)).toEqual([]);
    roster.heard(loud, startMs + PING_TIMEOUT_MS);
    expect(roster.silent(startMs + PING_TIMEOUT_MS)).toEqual([]);
    // It looks now and then, not with every message.
    expect(roster.silent(startMs + PING_TIMEOUT_MS + 1)).toEqual([]);
    expect(roster.silent(startMs + PING_TIMEOUT_MS * 1.25)).toEqual([silent]);
  });
});

describe('the outbox', () => {
  it('numbers broadcasts, and goes on where the last instance stopped', async () => {
    vi.useFakeTimers();
    try {
      const [ada, ben] = [member('c1'), member('c2')];
      const storage = makeStorage();
      const open = async () => {
        const outbox = new Outbox({
          sessionId: 'session',
          storage: storage as unknown as ConstructorParameters<typeof Outbox>[0]['storage'],
          members: () => [ada, ben],
          sent: () => {},
        });
        await outbox.open();
        return outbox;
      };
      const outbox = await open();
      outbox.broadcast('play', { display_name: 'Ada' }, ada);
      outbox.reply(ada, 'pong', {});
      outbox.broadcast('stop', { display_name: 'Ben' }, ({ id }) => id === 'c2');
      const messages = (to: typeof ada) =>
        to.sent.map((text) => parseServerMessage(text)).map((m) => [m?.type, m?.seq, m?.session_id]);
      expect(messages(ada)).toEqual([
        ['pong', undefined, 'session'],
        ['stop', 2, 'session'],
      ]);
      expect(messages(ben)).toEqual([['play', 1, 'session']]);
      await vi.advanceTimersByTimeAsync(5_000);
      (await open()).broadcast('play', { display_name: 'Ada' });
      expect(messages(ada).at(-1)).toEqual(['play', 3, 'session']);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('limits per minute', () => {
  it('are exact, and outlive the instance', () => {
    const ada = member('c1');
    for (let i = 0; i < MAX_STRUDEL_SWITCHES_PER_MINUTE; i++) {
      // A new instance knows what the connection remembers.
      expect(new MemberLimits().takePerMinute(ada, 'switch', 1_000 + i)).toBe(true);
    }
    const limits = new MemberLimits();
    expect(limits.takePerMinute(ada, 'switch', 60_999)).toBe(false);
    expect(limits.takePerMinute(ada, 'chat', 60_999)).toBe(true);
    expect(limits.takePerMinute(ada, 'switch', 61_000)).toBe(true);
    expect(limits.takePerMinute(ada, 'switch', 61_000)).toBe(false);
  });
});

describe('what the code is', () => {
  const entry = (content: string): BroughtEntry => ({
    id: 'e',
    role: 'user',
    content,
    isCodeResponse: false,
    createdAtMs: 1,
  });

  it('is known to the next instance', async () => {
    const storage = makeStorage() as unknown as ConstructorParameters<typeof StrudelContext>[0];
    const context = new StrudelContext(storage);
    await context.load();
    expect([context.strudelId, context.brought]).toEqual([null, []]);
    context.switchTo('s1', [entry('hi')]);
    const next = new StrudelContext(storage);
    await next.load();
    expect(next.strudelId).toBe('s1');
    expect(next.entries).toEqual([{ role: 'user', content: 'hi' }]);
    expect(next.brought).toEqual([
      { id: 'e', role: 'user', content: 'hi', is_code_response: false, display_name: null, timestamp: 1 },
    ]);
  });

  it('keeps the end of a long conversation, as much as fits into storage', () => {
    const many = Array.from({ length: 60 }, (_, i) => entry(`${i}`));
    expect(newestThatFit(many).map(({ content }) => content)).toEqual(
      many.slice(10).map(({ content }) => content),
    );
    const kb = (n: number) => 'x'.repeat(n * 1024);
    expect(newestThatFit([entry('old'), entry(kb(40)), entry(kb(8))])).toHaveLength(2);
    expect(newestThatFit([entry('old'), entry(kb(41)), entry(kb(8))])).toHaveLength(1);
    expect(newestThatFit([entry(kb(49))])).toEqual([]);
  });
});

describe('waiting with an end', () => {
  it('gives the result, the failure, or up', async () => {
    expect(await within(1_000, Promise.resolve(1))).toBe(1);
    await expect(within(1_000, Promise.reject(new RangeError('no')))).rejects.toThrow(RangeError);
    await expect(within(1, new Promise(() => {}))).rejects.toThrow(TimeoutError);
  });
});
