/**
 * What watchers are sent, in a whole room: a few each edit, an audience what has changed since the last
 * frame.
 */
import { ChangeSet } from '@codemirror/state';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FakeConnection, makeGrant, makeRoom, type RoomFixture } from '../../../test/support/room.ts';
import { SharedDocument } from '../../client/sdk/shared-document.ts';
import { textOf } from '../../merging/index.ts';
import {
  AUDIENCE_FRAMES_PER_SECOND,
  MAX_LISTED_PARTICIPANTS,
  MAX_UNPACED_WATCHERS,
  type ServerMessage,
} from '../../protocol/index.ts';
import type { AdmissionGrant } from '../connections/grant.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A client that follows the text as the page does. */
class Follower {
  readonly connection: FakeConnection;
  readonly participantId: string;
  readonly #fixture: RoomFixture;
  #read = 0;
  #document = new SharedDocument(null);
  #whole = '';
  readonly #isWhole: boolean;
  readonly selections = new Map<string, number>();

  private constructor(fixture: RoomFixture, connection: FakeConnection, grant: AdmissionGrant) {
    this.#fixture = fixture;
    this.connection = connection;
    this.participantId = grant.participantId;
    this.#isWhole = grant.edits === 'whole';
  }

  static async join(fixture: RoomFixture, over: Partial<AdmissionGrant> = {}): Promise<Follower> {
    const grant = makeGrant({ role: 'viewer', edits: 'changes', ...over });
    const connection = await fixture.connect(await fixture.reserved(grant), grant.connectionId);
    return new Follower(fixture, connection, grant);
  }

  /** Takes in what has arrived; throws where a change doesn't fit the text that it has. */
  get text(): string {
    const { received } = this.connection;
    for (; this.#read < received.length; this.#read += 1) {
      const message = received[this.#read];
      if (message) this.#take(message);
    }
    return this.#isWhole ? this.#whole : this.#document.code;
  }

  #take({ type, payload }: ServerMessage): void {
    if (type === 'session_state') {
      const { code, rev, sync = 0, client_seq: clientSeq = null } = payload;
      this.#document.start({ code, rev, sync, clientSeq });
      this.#whole = code;
      this.#show(payload.selections ?? []);
    }
    if (type === 'cursor_position' && payload.client_seq !== undefined) {
      this.#document.confirmed(payload.client_seq);
    }
    if (type === 'out_of_step') throw new Error('out of step');
    if (type === 'code_update') {
      if (payload.changes) this.#document.remote(payload.changes, payload.rev, payload.client_seq);
      this.#whole = payload.code ?? this.#whole;
    }
    if (type === 'code_update' || type === 'selections') this.#show(payload.selections ?? []);
  }

  #show(selections: readonly { participant_id: string; head: number }[]): void {
    for (const { participant_id, head } of selections) this.selections.set(participant_id, head);
  }

  type(at: number, insert: string): Promise<void> {
    const length = textOf(this.text).length;
    this.#document.edit(ChangeSet.of({ from: Math.min(at, length), insert }, length), {});
    return this.#send();
  }

  async #send(): Promise<void> {
    for (let edit = this.#document.nextToSend(); edit; edit = this.#document.nextToSend()) {
      const { changes, baseRev: base_rev, clientSeq: client_seq, sync } = edit;
      this.#document.sent(client_seq);
      await this.say('code_update', { changes, base_rev, client_seq, sync });
    }
  }

  say(type: string, payload: object): Promise<void> {
    return this.#fixture.room.onMessage(this.connection, JSON.stringify({ type, payload }));
  }

  updates() {
    return this.connection.all('code_update');
  }
}

/** A room with an audience, most of whom nothing is asked. */
async function withAudience(watchers: number) {
  const room = makeRoom();
  const [ada, ben] = [
    await Follower.join(room, { role: 'co-author', displayName: 'Ada' }),
    await Follower.join(room, { role: 'co-author', displayName: 'Ben' }),
  ];
  const audience: Follower[] = [];
  for (let n = 0; n < watchers; n += 1) audience.push(await Follower.join(room));
  return { room, ada, ben, audience };
}

const PACED = MAX_UNPACED_WATCHERS + 1;
/** How long until an audience of this size has been sent everything. */
const intervalMs = (watchers: number) => (watchers * 1_000) / AUDIENCE_FRAMES_PER_SECOND;

describe('a few watchers', () => {
  it('are sent each edit and each cursor as the writers are', async () => {
    const { ada, ben, audience } = await withAudience(MAX_UNPACED_WATCHERS);
    await ada.type(0, 'a');
    await ada.type(1, 'b');
    await ada.say('cursor_position', { line: 1, col: 2 });
    expect(ben.updates()).toHaveLength(2);
    for (const each of audience) {
      expect(each.updates()).toEqual(ben.updates());
      expect(each.connection.all('cursor_position')).toHaveLength(1);
    }
  });
});

describe('an audience', () => {
  it('is sent the first edit at once, and what follows as one frame; writers get each', async () => {
    const { ada, ben, audience } = await withAudience(PACED);
    for (const letter of ['a', 'b', 'c']) await ada.type(0, letter);
    await ben.type(0, 'x');
    expect(ben.updates()).toHaveLength(3);
    for (const each of audience) expect(each.text).toBe('astart');
    await vi.advanceTimersByTimeAsync(intervalMs(PACED) + 1);
    for (const each of audience) {
      expect(each.text).toBe('xcbastart');
      expect(each.updates().map(({ display_name }) => display_name)).toEqual(['Ada', 'Ben']);
      // Of two authors none is named as the one who did all of it.
      expect(each.updates().map(({ participant_id }) => participant_id)).toEqual([
        ada.participantId,
        undefined,
      ]);
    }
    expect(ada.text).toBe('xcbastart');
    const seqs = ben.connection.received.flatMap(({ seq }) => seq ?? []);
    expect(seqs).toEqual([...seqs].sort((one, other) => one - other));
  });

  it('grows by a watcher who comes in between two frames, and by one who knows whole texts only', async () => {
    const { room, ada, audience } = await withAudience(PACED);
    await ada.type(0, 'a');
    await ada.type(0, 'b');
    const [late, old] = [await Follower.join(room), await Follower.join(room, { edits: 'whole' })];
    const writer = await Follower.join(room, { role: 'co-author' });
    expect([late.text, old.text, writer.text]).toEqual(['astart', 'astart', 'bastart']);
    await ada.type(0, 'c');
    await vi.advanceTimersByTimeAsync(intervalMs(PACED + 2) + 1);
    for (const each of [...audience, late, old, writer]) expect(each.text).toBe('cbastart');
  });

  it('loses one who may edit from now on, and gains one who no longer may, without a gap', async () => {
    const { room, ada, ben, audience } = await withAudience(PACED + 1);
    const [first] = audience;
    if (!first) throw new Error('no audience');
    for (const letter of ['a', 'b']) await ada.type(0, letter);
    await room.command({
      kind: 'participant_changed',
      participant_id: first.participantId,
      role: 'co-author',
    });
    await ada.type(0, 'c');
    expect(first.text).toBe('cbastart');
    await first.type(0, '1');
    await room.command({ kind: 'participant_changed', participant_id: ben.participantId, role: 'viewer' });
    await ada.type(0, 'd');
    await ada.type(0, 'e');
    await vi.advanceTimersByTimeAsync(intervalMs(PACED + 2) + 1);
    for (const each of [...audience, ada, ben]) expect(each.text).toBe('edc1bastart'.replace('c1', '1c'));
  });

  it('is sent a frame a few at a time; who starts anew meanwhile, or may edit, isn’t sent it twice', async () => {
    const { room, ada, audience } = await withAudience(230);
    await ada.type(0, 'a');
    const sent = () => audience.filter((each) => each.updates().length > 0).length;
    expect(sent()).toBe(100);
    const [, middle, last] = [audience[0], audience[150], audience[229]];
    if (!middle || !last) throw new Error('no audience');
    await middle.say('resync', {});
    await room.command({
      kind: 'participant_changed',
      participant_id: last.participantId,
      role: 'co-author',
    });
    expect(sent()).toBe(229);
    for (const each of audience) expect(each.text).toBe('astart');
    await last.type(0, 'z');
    await ada.type(0, 'b');
    await vi.advanceTimersByTimeAsync(intervalMs(230) + 20);
    for (const each of [...audience, ada]) expect(each.text).toBe('bzastart');
  });

  it('is shown the writers’ selections with the text that they are in', async () => {
    const { room, ada, ben, audience } = await withAudience(PACED);
    await ada.type(0, 'a');
    const { rev } = ben.connection.all('code_update')[0] ?? { rev: 0 };
    await ben.say('cursor_position', { line: 1, col: 6, anchor: 6, head: 6, rev });
    await ada.type(0, 'bc');
    const late = await Follower.join(room);
    await vi.advanceTimersByTimeAsync(intervalMs(PACED + 1) + 1);
    for (const each of [...audience, late]) {
      expect(each.text).toBe('bcastart');
      expect(each.selections.get(ben.participantId)).toBe(8);
      expect(each.connection.all('cursor_position')).toEqual([]);
    }
    await ben.say('cursor_position', {
      line: 1,
      col: 0,
      anchor: 0,
      head: 0,
      rev: ben.connection.all('code_update').at(-1)?.rev,
    });
    await vi.advanceTimersByTimeAsync(intervalMs(PACED + 1) + 1);
    for (const each of [...audience, late]) {
      expect([each.text, each.selections.get(ben.participantId)]).toEqual(['bcastart', 0]);
    }
  });

  it('is named up to a number, and counted beyond it', async () => {
    const { room, ada, audience } = await withAudience(MAX_LISTED_PARTICIPANTS - 2);
    const [last] = audience.slice(-1);
    const joined = () => ada.connection.all('user_joined').length;
    // Ben and all of the audience.
    expect(joined()).toBe(MAX_LISTED_PARTICIPANTS - 1);
    const late = await Follower.join(room);
    const state = late.connection.all('session_state')[0];
    expect([state?.participants.length, state?.watching]).toEqual([MAX_LISTED_PARTICIPANTS, 1]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect([joined(), ada.connection.all('audience')]).toEqual([
      MAX_LISTED_PARTICIPANTS - 1,
      [{ watching: 1 }],
    ]);
    if (!last) throw new Error('no audience');
    await room.room.onClose(last.connection);
    await room.room.onClose(late.connection);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(ada.connection.all('user_left')).toHaveLength(1);
    expect(ada.connection.all('audience').at(-1)).toEqual({ watching: 0 });
  });

  it('has the room’s text in the end, whoever types, comes, goes, or may edit from now on', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('type' as const), who: fc.nat(2), at: fc.nat(40) }),
      fc.record({
        kind: fc.constant('come' as const),
        edits: fc.constantFrom('changes' as const, 'whole' as const),
      }),
      fc.record({ kind: fc.constant('cursor' as const), who: fc.nat(2), at: fc.nat(5) }),
      fc.record({ kind: fc.constant('role' as const), who: fc.nat(40) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(8) }),
      fc.record({ kind: fc.constant('replace' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.constantFrom(3, 100), async (steps, extra) => {
        const { room, ada, ben, audience } = await withAudience(PACED + extra);
        const writers = [ada, ben];
        const all = [...writers, ...audience];
        for (const [n, each] of steps.entries()) {
          if (each.kind === 'wait') await vi.advanceTimersByTimeAsync(each.ms);
          if (each.kind === 'come') all.push(await Follower.join(room, { edits: each.edits }));
          if (each.kind === 'type') await writers[each.who % writers.length]?.type(each.at, `${n % 10}`);
          if (each.kind === 'cursor') {
            await writers[each.who % writers.length]?.say('cursor_position', { line: 1, col: each.at });
          }
          if (each.kind === 'replace') {
            const by = { user_id: null, display_name: 'Ada', role: 'host' as const };
            // It is answered when the code is committed, which isn't waited for here.
            void room.command({ kind: 'set_code', code: `new ${n}`, ...by });
            await vi.advanceTimersByTimeAsync(0);
          }
          if (each.kind === 'role') {
            const promoted = audience[each.who % audience.length];
            if (!promoted || writers.includes(promoted)) continue;
            await room.command({
              kind: 'participant_changed',
              participant_id: promoted.participantId,
              role: 'co-author',
            });
            writers.push(promoted);
          }
        }
        await vi.advanceTimersByTimeAsync(intervalMs(all.length) + 20);
        const now = await Follower.join(room, { role: 'co-author' });
        for (const each of all) expect(each.text).toBe(now.text);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

it('a watcher may not write in the chat as often as all of a great audience would', async () => {
  const { ada, audience } = await withAudience(400);
  const [first] = audience;
  let sent = 0;
  for (const each of audience.slice(0, 60)) {
    await each.say('chat_message', { message: 'hi', id: crypto.randomUUID(), request_id: 'r' });
    sent += 1;
  }
  const refused = audience.flatMap(({ connection }) => connection.all('error'));
  expect(new Set(refused.map(({ error, request_id }) => `${error} ${request_id}`))).toEqual(
    new Set(['too_many_requests r']),
  );
  // 12,000 frames at once, of 402 each.
  expect(sent - refused.length).toBe(29);
  expect(ada.connection.all('chat_message')).toHaveLength(29);
  // Those who may edit always may.
  await ada.say('chat_message', { message: 'hello', id: crypto.randomUUID() });
  expect(first?.connection.all('chat_message')).toHaveLength(30);
  await vi.advanceTimersByTimeAsync(200);
  await audience[70]?.say('chat_message', { message: 'later', id: crypto.randomUUID() });
  expect(ada.connection.all('chat_message')).toHaveLength(31);
});
