/** Runs a load process: connects, sends at the planned pace whatever comes back, and reports. */
import { setTimeout as delay } from 'node:timers/promises';
import { commandSchema, type LoadEvent, type LoadPlan } from './plan.ts';
import type { LoadRoom, MakeLoadRoom } from './protocol.ts';
import { Recorder } from './recorder.ts';
import { EvenSchedule } from './schedule.ts';

/** Rooms that are entered at once. */
const CONNECTING = 24;
const ATTEMPTS = 5;
const RETRY_MS = 500;
const TICK_MS = 1;
/** Edits sent before sockets are read again, so that a burst after a pause doesn't delay what has arrived. */
const PER_TICK = 200;
const PROGRESS_MS = 1_000;
/** A room closes a connection that is silent for a minute. */
const PING_MS = 25_000;
const POLL_MS = 20;
/** Who types on a text that others type on, too, doesn't make up for a pause of the machine. */
const MAX_LATE_MS = 50;
/** Rooms woken a second in the warm-up, and how long it waits for the last of them. */
const WARM_UP_PER_S = 250;
const WARM_UP_WAIT_MS = 10_000;

/** Obeys the process that started this one, until it is gone. */
export function serveLoad(makeRoom: MakeLoadRoom): void {
  const recorder = new Recorder();
  let rooms: LoadRoom[] = [];
  let plan: LoadPlan | null = null;

  const obey = async (raw: unknown): Promise<void> => {
    const command = commandSchema.parse(raw);
    if (command.type === 'connect') {
      const given = command.plan;
      plan = given;
      rooms = given.rooms.map((room) => makeRoom(room, given, recorder));
      await connectAll(rooms);
      keepAlive(rooms);
      tell({ type: 'ready' });
    } else if (command.type === 'warm-up' && plan) {
      await warmUp(rooms, plan, recorder);
      tell({ type: 'warm' });
    } else if (command.type === 'start' && plan) {
      await drive(rooms, plan, recorder);
    } else if (command.type === 'leave') {
      for (const room of rooms) room.leave();
      // Nothing else holds the process once the last socket is closed.
      process.disconnect();
      await delay(2_000);
      process.exit(0);
    }
  };
  process.on('message', (raw) => {
    obey(raw).catch((error: unknown) =>
      tell({ type: 'failed', reason: error instanceof Error ? error.message : String(error) }),
    );
  });
  process.on('disconnect', () => {
    setTimeout(() => process.exit(0), 2_500).unref();
  });
}

function tell(event: LoadEvent): void {
  process.send?.(event);
}

async function connectAll(rooms: readonly LoadRoom[]): Promise<void> {
  let next = 0;
  let connected = 0;
  let toldAtMs = Date.now();
  const worker = async () => {
    for (let room = rooms[next++]; room; room = rooms[next++]) {
      await enter(room);
      connected += 1;
      if (Date.now() - toldAtMs < PROGRESS_MS) continue;
      toldAtMs = Date.now();
      tell({ type: 'connecting', connected });
    }
  };
  await Promise.all(Array.from({ length: CONNECTING }, worker));
}

/** A room may answer 503 in the rush of everybody entering at once; people come again. */
async function enter(room: LoadRoom): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await room.connect();
      return;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await delay(RETRY_MS);
    }
  }
}

/** Everybody pings, a part of them at a time. */
function keepAlive(rooms: readonly LoadRoom[]): void {
  const parts = 25;
  let part = 0;
  setInterval(() => {
    for (let i = part; i < rooms.length; i += parts) rooms[i]?.ping();
    part = (part + 1) % parts;
  }, PING_MS / parts);
}

/**
 * Rooms that have waited for the last to be entered hibernate by now. People who come back one after the
 * other wake them; that thousands do in one instant measures something else.
 */
async function warmUp(rooms: readonly LoadRoom[], plan: LoadPlan, recorder: Recorder): Promise<void> {
  const schedule = new EvenSchedule(rooms.length, WARM_UP_PER_S / rooms.length, rooms.length / WARM_UP_PER_S);
  const startedAt = performance.now();
  while (!schedule.isOver) {
    for (
      let due = schedule.take(performance.now() - startedAt);
      due;
      due = schedule.take(performance.now() - startedAt)
    ) {
      for (let who = 0; who < plan.typists; who++) rooms[due.turn]?.edit(who, 0);
    }
    await delay(POLL_MS);
  }
  await untilAcknowledged(rooms, WARM_UP_WAIT_MS);
  recorder.reset();
}

async function untilAcknowledged(rooms: readonly LoadRoom[], waitMs: number): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (performance.now() < deadline && rooms.some((room) => room.waiting > 0)) await delay(POLL_MS);
}

async function drive(rooms: readonly LoadRoom[], plan: LoadPlan, recorder: Recorder): Promise<void> {
  const { typists, ratePerS, chatPerS, seconds, ackWaitMs } = plan;
  const maxLateMs = plan.edits === 'changes' ? MAX_LATE_MS : Number.POSITIVE_INFINITY;
  const edits = new EvenSchedule(rooms.length * typists, ratePerS, seconds, maxLateMs);
  const chats = new EvenSchedule(rooms.length, chatPerS, seconds);
  const progress = setInterval(() => tell({ type: 'progress', progress: recorder.progress() }), PROGRESS_MS);

  const acceptedBefore = acceptedBy(rooms);
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    const tick = () => {
      const elapsedMs = performance.now() - startedAt;
      for (let i = 0; i < PER_TICK; i++) {
        const due = edits.take(elapsedMs);
        if (!due) break;
        rooms[due.turn % rooms.length]?.edit(Math.floor(due.turn / rooms.length), due.lateMs);
      }
      for (let due = chats.take(elapsedMs); due; due = chats.take(elapsedMs)) rooms[due.turn]?.chat();
      // A rate of nothing never ends by itself: time does.
      if (elapsedMs >= seconds * 1000 && edits.isOver) resolve();
      else setTimeout(tick, TICK_MS);
    };
    tick();
  });
  const elapsedMs = performance.now() - startedAt;
  const ackedInTime = recorder.acked;

  await untilAcknowledged(rooms, ackWaitMs);
  clearInterval(progress);
  tell({ type: 'progress', progress: recorder.progress() });
  tell({
    type: 'report',
    report: recorder.report({
      accepted: acceptedBy(rooms) - acceptedBefore,
      ackedInTime,
      elapsedMs,
      rooms: rooms.map((room) => room.outcome()),
    }),
  });
}

function acceptedBy(rooms: readonly LoadRoom[]): number {
  return rooms.reduce((sum, room) => sum + room.accepted, 0);
}
