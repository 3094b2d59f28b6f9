/**
 * Data that is missing, refused, large or much. What is committed here for a session of the fault's own has
 * no room that could commit it again: that room is gone as soon as it has committed.
 */

import { numberIn } from '../../../src/domain/revision.ts';
import type { CodeWrite, SessionMessage } from '../../../src/domain/types.ts';
import { MAX_CODE_BYTES } from '../../../src/protocol/limits.ts';
import { makeCommit } from '../../support/commits.ts';
import type { Fault, Scene } from '../fault.ts';
import { Ledger } from '../ledger.ts';
import { patiently, until } from '../until.ts';
import { chat } from './deploy.ts';

const DELETED = 5;
/** Of the one room that these sessions ever have, and the revision that it commits. */
const TERM = 1;
const REV = numberIn(TERM, 1);
const MAX_TAIL_BYTES = 1_000_000;
const MANY_MESSAGES = 5_000;
const MESSAGES_A_COMMIT = 500;
const LARGE_EDITS = 12;
/** What the client writes in front of the filler. */
const ROOM_FOR_NAME = 200;

export const dataFaults: readonly Fault[] = [
  {
    name: 'session-deleted',
    what: 'sessions are deleted in Postgres while dirty, with people in them',
    parts: [],
    async run({ world, random, sessions, deleted }) {
      let dirty: string[] = [];
      await until('something is dirty', async () => {
        const all = new Set(await world.redis.zrange(world.keys.dirty, 0, -1));
        dirty = sessions.map(({ ledger }) => ledger.sessionId).filter((id) => all.has(id));
        return dirty.length > 0;
      });
      const ids = random.some(dirty, DELETED);
      for (const id of ids) deleted.add(id);
      await patiently('sessions are deleted', () =>
        world.database.query('delete from sessions where id = any($1::uuid[])', [ids]),
      );
    },
  },
  {
    name: 'refused-data',
    what: 'Postgres refuses some of what is dirty: it goes to the dead letters, and nothing else does',
    parts: [],
    loses: 'room',
    async run(scene) {
      const [nul, large, broken, said] = await patiently('sessions are made', () =>
        scene.world.makeSessions(4),
      );
      if (!nul || !large || !broken || !said) throw new Error('no sessions');
      const letter = (id: string, reason: string) => scene.letters.set(id, reason);
      await commit(scene, nul, 'a\u0000b', [chat('beside U+0000')]);
      letter(`${nul}:c:${REV}`, '22021');
      await commit(scene, large, 'x'.repeat(MAX_CODE_BYTES + 1), [chat('beside what is too large')]);
      letter(`${large}:c:${REV}`, '23514');
      const bad = chat('a\u0000b');
      await commit(scene, said, 'beside a bad message', [
        chat('before', bad.createdAtMs - 1),
        bad,
        chat('after', bad.createdAtMs + 1),
      ]);
      letter(`${said}:m:${bad.id}`, '22021');
      await commit(scene, broken, 'beside what is no message', [chat('beside what is no message')]);
      await patiently('what is no message is put in', async () => {
        const replies = await scene.world.redis
          .multi()
          .hset(scene.world.keys.messages(broken), 'odd', '{"not":"a message"}')
          .zadd(scene.world.keys.dirty, 'NX', Date.now(), broken)
          .exec();
        for (const [error] of replies ?? []) if (error) throw error;
      });
      letter(`${broken}:m:odd`, 'malformed');
    },
  },
  {
    name: 'large-documents',
    what: 'documents of 100 KB next to small ones',
    parts: [],
    async run({ random, sessions }) {
      const filler = 'x'.repeat(MAX_CODE_BYTES - ROOM_FOR_NAME);
      for (const { clients } of random.some(sessions, LARGE_EDITS)) clients[0]?.edit(filler);
    },
  },
  {
    name: 'many-messages',
    what: '5,000 messages in one session',
    parts: [],
    loses: 'room',
    async run(scene) {
      const [id] = await patiently('a session is made', () => scene.world.makeSessions(1));
      if (!id) throw new Error('no session');
      const nowMs = Date.now();
      const all = Array.from({ length: MANY_MESSAGES }, (_, i) => chat(`message ${i}`, nowMs + i));
      await commit(scene, id, 'with many messages', all);
    },
  },
];

/** Commits to a session of the fault's own, as its room would, and notes what is promised by that. */
async function commit(
  { world, extra }: Scene,
  sessionId: string,
  code: CodeWrite['code'],
  said: readonly SessionMessage[],
): Promise<void> {
  const ledger = new Ledger(sessionId);
  const messages = said.map((message, i) => ({ ...message, position: numberIn(TERM, i + 1) }));
  await patiently('a room starts', () => world.buffer.open(sessionId, TERM, MAX_TAIL_BYTES));
  for (let first = 0; first < messages.length; first += MESSAGES_A_COMMIT) {
    const part = messages.slice(first, first + MESSAGES_A_COMMIT);
    const commit = makeCommit({
      sessionId,
      term: TERM,
      text: first === 0 ? code : null,
      attempt: first + 1,
      messages: part,
    });
    await patiently('a room commits', () => world.buffer.commit(commit));
    for (const { id, content } of part) {
      ledger.messages.set(id, { text: content, by: 'the only one' });
      if (isStorable(content)) ledger.ackedMessages.add(id);
    }
  }
  ledger.edits.add(code);
  if (isStorable(code) && code.length <= MAX_CODE_BYTES) ledger.ackEdit(code, REV);
  extra.push(ledger);
}

const isStorable = (text: string) => !text.includes('\u0000');
