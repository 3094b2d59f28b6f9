/**
 * What changes under a running system: everything restarts, clocks disagree, a room is
 * replaced while it lives on.
 */
import { SupersededError } from '../../../src/domain/errors.ts';
import { numberIn, termOf } from '../../../src/domain/revision.ts';
import type { CodeWrite, SessionMessage } from '../../../src/domain/types.ts';
import { makeCommit } from '../../support/commits.ts';
import { makeMessage } from '../../support/messages.ts';
import type { PartName } from '../../support/stack.ts';
import type { Fault, Scene } from '../fault.ts';
import { holdOne } from '../hold.ts';
import type { Ledger } from '../ledger.ts';
import { patiently, until } from '../until.ts';

/** In the order in which each needs the one before it. */
const ALL: readonly PartName[] = ['redis', 'postgres', 'redisRest', 'neonHttp', 'worker'];
const SKEW_MS = 10 * 60_000;
/** Edits acknowledged under wrong clocks before they are set again. */
const WRONG_FOR_EDITS = 20;
/** Sessions that get a second room. */
const ZOMBIES = 10;
const MAX_TAIL_BYTES = 1_000_000;

export const deployFaults: readonly Fault[] = [
  {
    name: 'deploy',
    what: 'everything is restarted under load, asked to end or killed',
    parts: ALL,
    loses: 'room',
    async run({ world: { stack }, random }) {
      const end = random.chance(0.5) ? stack.control.stop : stack.control.kill;
      for (const part of [...ALL].reverse()) await end(part);
      for (const part of ALL) await stack.control.start(part);
    },
  },
  {
    name: 'clocks',
    what: 'the Worker restarts with a clock that is 10 minutes wrong, one way and then the other',
    parts: ['worker'],
    loses: 'room',
    async run({ world: { stack }, random, sessions }) {
      const acked = () => sessions.reduce((sum, { ledger }) => sum + ledger.ackedEdits.length, 0);
      const first = random.pick([-SKEW_MS, SKEW_MS]);
      for (const skewMs of [first, -first, 0]) {
        await stack.control.setClock(skewMs);
        await stack.control.kill('worker');
        await stack.control.start('worker');
        const before = acked();
        if (skewMs !== 0)
          await until('edits are acknowledged under wrong clocks', () => acked() >= before + WRONG_FOR_EDITS);
      }
    },
  },
  {
    name: 'zombie',
    what: 'a second room takes sessions over and commits, while the first goes on with commits on their way',
    parts: [],
    // The second room is gone as soon as it has committed.
    loses: 'room',
    async run(scene) {
      const replaced = scene.random.some(scene.sessions, ZOMBIES);
      const held = holdOne(
        scene.world.proxy,
        'before',
        ({ does, mentions }) =>
          does.has('commit') && replaced.some(({ ledger }) => mentions(ledger.sessionId)),
      );
      await held.reached;
      await Promise.all(replaced.map(({ ledger }) => succeed(scene, ledger)));
      // The first rooms go on: by this each learns that it has been replaced.
      for (const { clients } of replaced) clients[0]?.edit('after the second room');
      held.release('arrive');
    },
  },
];

/**
 * What a room does that starts elsewhere: opens the session in the next term, and commits
 * an edit and a message.
 */
async function succeed({ world, takenOver }: Scene, ledger: Ledger): Promise<void> {
  const { sessionId } = ledger;
  const storedRev = await patiently('a second room loads', () => world.storedRev(sessionId));
  const text = `// the second room of ${sessionId}`;
  const message = chat(`said in the second room of ${sessionId}`);
  let term = termOf(storedRev) + 1;
  let found: Pick<CodeWrite, 'code' | 'receipts'> | null = null;
  for (;;) {
    const opened = await patiently('a second room opens the session', () =>
      world.buffer.open(sessionId, term, MAX_TAIL_BYTES),
    );
    if (opened.outcome === 'opened') {
      found = opened.code;
      break;
    }
    term = opened.term + 1;
  }
  // It goes on from what the first room had.
  found ??= await patiently('a second room reads Postgres', () => world.storedCode(sessionId));
  const rev = numberIn(term, 1);
  const commit = makeCommit({
    sessionId,
    term,
    text: `${text}\n${found.code}`,
    code: { receipts: found.receipts, replacesReceipts: true },
    messages: [{ ...message, position: numberIn(term, 1) }],
    flushedRev: storedRev,
  });
  ledger.edits.add(text);
  ledger.messages.set(message.id, { text: message.content, by: 'the second room' });
  const result = await patiently('a second room commits', () =>
    world.buffer.commit(commit).catch((error: unknown) => {
      if (error instanceof SupersededError) return null;
      throw error;
    }),
  );
  // The first room may have come back already and taken it over in turn; then nothing was committed here.
  if (!result) {
    ledger.edits.delete(text);
    ledger.messages.delete(message.id);
    return;
  }
  takenOver.push({ ledger, text, rev, messageId: message.id });
}

export function chat(content: string, atMs = Date.now()): SessionMessage {
  return makeMessage({ content, createdAtMs: atMs });
}
