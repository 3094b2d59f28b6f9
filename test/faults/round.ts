/** One round: a load on fresh sessions, one or more faults in its middle, recovery, and the checks. */
import { setTimeout as delay } from 'node:timers/promises';
import { RawClient } from '../support/raw-client.ts';
import { clearAudit, readAudit } from './audit.ts';
import { checkSession, type StoredSession, type View } from './checks.ts';
import type { Fault, Scene } from './fault.ts';
import type { Ledger } from './ledger.ts';
import { Load } from './load.ts';
import { Random } from './random.ts';
import { LateError, until } from './until.ts';
import type { World } from './world.ts';

/** Generous: the machine may be busy with something else. What is waited for is an event each time. */
const ENTER_TIMEOUT_MS = 90_000;
const DRAIN_TIMEOUT_MS = 120_000;
const FIND_OUT_MS = 20_000;
/** A fault begins at a random moment of this span after the load does. */
const FAULT_WITHIN_MS: [number, number] = [300, 2_500];
/**
 * What a store in trouble is never the reason of: mistakes in the code, and our own errors where
 * nobody catches them.
 */
const UNEXPECTED =
  /unexpected_error|\b(Type|Range|Reference|Syntax|Zod)Error\b|Uncaught.*\b(StorageUnavailable|Superseded|SessionNotFound|WriteRefused)Error\b/;
/** The load goes on so long after everything is mended. */
const LOAD_AFTER_MS = 700;

export interface Figures {
  faults: number;
  edits: number;
  messages: number;
  ackedEdits: number;
  ackedMessages: number;
  lostEdits: number;
  lostMessages: number;
  doubled: number;
  /** Requests to the stores that a proxy rule touched. */
  requestsTouched: number;
}

export interface RoundResult {
  fault: string;
  seed: number;
  figures: Figures;
  /** From the end of the load until nothing was unacknowledged and nothing dirty, in milliseconds. */
  drainMs: number;
  problems: string[];
}

export const noFigures = (): Figures => ({
  faults: 0,
  edits: 0,
  messages: 0,
  ackedEdits: 0,
  ackedMessages: 0,
  lostEdits: 0,
  lostMessages: 0,
  doubled: 0,
  requestsTouched: 0,
});

/** Runs the faults, each at a moment of its own, and checks everything afterwards. */
export async function runRound(
  world: World,
  faults: readonly Fault[],
  options: { seed: number; sessions: number },
): Promise<RoundResult> {
  const random = new Random(options.seed);
  const load = new Load(world, random.fork());
  const figures = noFigures();
  const result: RoundResult = {
    fault: faults.map(({ name }) => name).join('+') || 'none',
    seed: options.seed,
    figures,
    drainMs: 0,
    problems: [],
  };
  const touchedBefore = world.proxy.touched;
  const loggedBefore = world.stack.logs().length;
  const scene: Scene = {
    world,
    random: random.fork(),
    sessions: load.sessions,
    extra: [],
    deleted: new Set(),
    letters: new Map(),
    gone: new Set(),
    takenOver: [],
  };
  try {
    await load.enter(options.sessions);
    await until('everybody has entered', () => load.clients.every((c) => c.isConnected), ENTER_TIMEOUT_MS);
    world.noteProcesses();
    load.start();
    await Promise.all(
      faults.map(async (fault) => {
        const atMs = random.int(...FAULT_WITHIN_MS);
        const own: Scene = { ...scene, random: random.fork() };
        await delay(atMs);
        await fault.run(own);
        figures.faults += 1;
      }),
    );
    await delay(LOAD_AFTER_MS);
    load.stop();
    const stoppedAtMs = Date.now();
    await drain(world, load, scene);
    result.drainMs = Date.now() - stoppedAtMs;
    const news = world.stack.logs().slice(loggedBefore).split('\n');
    await check(world, load, scene, result, news);
    for (const line of news.filter((text) => UNEXPECTED.test(text)))
      result.problems.push(`the log says: ${line}`);
  } catch (error) {
    result.problems.push(error instanceof Error ? String(error.stack) : String(error));
  } finally {
    load.stop();
    load.close();
    count(load, scene, figures);
    figures.requestsTouched = world.proxy.touched - touchedBefore;
  }
  return result;
}

/**
 * Waits until every client has everything acknowledged and knows the trouble to be over,
 * and nothing is dirty.
 */
async function drain(world: World, load: Load, scene: Scene): Promise<void> {
  const living = load.sessions.filter(({ ledger }) => !scene.deleted.has(ledger.sessionId));
  const clients = living.flatMap((session) => session.clients);
  const waiting = () => clients.filter((c) => !c.isConnected || c.client.hasUnacknowledged);
  await until(
    () =>
      `everything is acknowledged; waiting: ${waiting()
        .map((client) => client.state)
        .join('; ')}`,
    () => waiting().length === 0,
    DRAIN_TIMEOUT_MS,
  );
  await until(
    'clients are told that it is over',
    () => clients.every((c) => c.client.snapshot.degraded === null),
    DRAIN_TIMEOUT_MS,
  );
  let dirty = '';
  await until(
    () => `nothing is under way to a store, and nothing is dirty; dirty: ${dirty}`,
    async () => {
      dirty = await world.describeDirty();
      return world.proxy.pending === 0 && dirty === '';
    },
    DRAIN_TIMEOUT_MS,
  );
  // A Redis that has just lost everything calls nothing dirty either; rooms find out at their next alarm.
  // What hasn't come by the end of the wait, the checks name.
  const ledgers = [...living.map(({ ledger }) => ledger), ...scene.extra];
  await inTime('Postgres has everything', async () => hasAll(await world.stored(), ledgers, scene.gone));
  // Who entered while old messages were out of reach is told of them afterwards.
  await inTime('everybody sees all messages', async () => {
    const stored = await world.stored();
    return living.every(({ ledger, clients: people }) =>
      people.every(
        ({ client }) => client.snapshot.chat.length >= (stored.get(ledger.sessionId)?.messages.length ?? 0),
      ),
    );
  });
}

/** Waits for what should come, for a while: what hasn't come by then, the checks name. */
async function inTime(what: string, isSo: () => Promise<boolean>): Promise<void> {
  await until(what, isSo, FIND_OUT_MS).catch((error: unknown) => {
    if (!(error instanceof LateError)) throw error;
  });
}

/** Whether all that was acknowledged is there; whether it is right, the checks tell. */
function hasAll(
  stored: Map<string, StoredSession>,
  ledgers: readonly Ledger[],
  gone: ReadonlySet<string>,
): boolean {
  return ledgers.every(({ sessionId, last, ackedMessages }) => {
    const session = stored.get(sessionId);
    const ids = new Set(session?.messages.map(({ id }) => id));
    return (
      (session?.rev ?? 0) >= (last?.rev ?? 0) && [...ackedMessages].every((id) => ids.has(id) || gone.has(id))
    );
  });
}

/** @param news what the stack has logged in this round. */
async function check(
  world: World,
  load: Load,
  scene: Scene,
  result: RoundResult,
  news: readonly string[],
): Promise<void> {
  const { figures, problems } = result;
  const [stored, audit, letters] = await Promise.all([
    world.stored(),
    readAudit(world.database),
    world.deadLetters(),
  ]);
  const sessions = [...load.sessions, ...scene.extra.map((ledger) => ({ ledger, clients: [] }))];
  // A room that stands on Postgres doesn't hear from Redis that it was replaced, nor does one that opens
  // without Redis learn what the second room wrote there. The platform's fence is the storage that all rooms
  // of a session share; here the second has none, and the session is that of two rooms. It happens on a busy
  // machine; models try it with the fence.
  const openedAlone = news.filter((line) => line.includes('"opened_without_buffer"')).join();
  const unfenced = scene.takenOver
    .map(({ ledger }) => ledger)
    .filter(({ stoodIn, sessionId }) => stoodIn || openedAlone.includes(sessionId));
  const isAlone = !result.fault.includes('+');
  if (isAlone && unfenced.length > 0 && unfenced.length === scene.takenOver.length)
    problems.push('every session that was taken over stood on Postgres: nothing was tried');
  for (const { ledger, text, rev, messageId } of scene.takenOver) {
    ledger.ackEdit(text, rev);
    ledger.ackedMessages.add(messageId);
  }
  // A flush that was under way when the backup was restored writes its messages once more: they aren't gone.
  const ids = new Set([...stored.values()].flatMap(({ messages }) => messages.map(({ id }) => id)));
  const writtenAgain = new Set([...scene.gone].filter((id) => ids.has(id)));
  for (const id of writtenAgain) scene.gone.delete(id);
  for (const { ledger, clients } of sessions) {
    if (unfenced.includes(ledger)) continue;
    for (const id of scene.gone) ledger.ackedMessages.delete(id);
    const isDeleted = scene.deleted.has(ledger.sessionId);
    const views: View[] = clients.map(({ name, client: { snapshot } }) => ({
      who: name,
      code: snapshot.code,
      chat: snapshot.chat.map(({ id }) => id).filter((id) => !scene.gone.has(id)),
      isWhole: true,
    }));
    // Refused code stays readable in the buffer for a while, though Postgres doesn't hold it.
    const isRefused = letters.some(
      (letter) => letter.session_id === ledger.sessionId && letter.kind === 'code',
    );
    if (!isDeleted && !isRefused) views.push(await freshView(world, ledger.sessionId, scene.gone));
    const found = checkSession(
      { ledger, stored: stored.get(ledger.sessionId) ?? null, views, audit, letters, writtenAgain },
      isDeleted,
    );
    problems.push(...found.problems);
    figures.lostEdits += found.lostEdits;
    figures.lostMessages += found.lostMessages;
    figures.doubled += found.doubled;
  }
  // A write that came late may be for a session of an earlier round, which is gone.
  const own = new Set(sessions.map(({ ledger }) => ledger.sessionId));
  const unexpected = letters.filter(({ id, session_id, reason }) => {
    const expected = scene.deleted.has(session_id) ? 'session_missing' : scene.letters.get(id);
    return own.has(session_id) && reason.code !== expected;
  });
  for (const { id, reason } of unexpected)
    problems.push(`dead letter ${id}: ${reason.code} ${reason.message}`);
  const letterIds = new Set(letters.map(({ id }) => id));
  for (const id of scene.letters.keys())
    if (!letterIds.has(id)) problems.push(`there is no dead letter ${id}`);
}

/** What somebody sees who enters now. */
async function freshView(world: World, sessionId: string, gone: ReadonlySet<string>): Promise<View> {
  const token = await world.token(sessionId, 'viewer', 'a late one');
  const late = await RawClient.join({ roomUrl: world.stack.roomUrl, sessionId, token });
  late.terminate();
  const { code, chat_history } = late.state.payload;
  // A room keeps what it was told in its memory.
  const chat = chat_history.map(({ id }) => id).filter((id) => !gone.has(id));
  return { who: 'who enters now', code, chat, isWhole: false };
}

/** Forgets a round's data, so that the next one begins with none. */
export async function clean(world: World): Promise<void> {
  await world.redis.del(world.keys.dead, world.keys.deadSizes);
  await clearAudit(world.database);
}

function count(load: Load, scene: Scene, figures: Figures): void {
  for (const ledger of [...load.sessions.map((session) => session.ledger), ...scene.extra]) {
    figures.edits += ledger.edits.size;
    figures.messages += ledger.messages.size;
    figures.ackedEdits += ledger.ackedEdits.length;
    figures.ackedMessages += ledger.ackedMessages.size;
  }
}
