/** A process full of people who are thrown out, and come back: by the client that the page has. */
import { setTimeout as delay } from 'node:timers/promises';
import { ChangeSet } from '@codemirror/state';
import ReconnectingWebSocket from 'partysocket/ws';
import { WebSocket } from 'ws';
import { SessionClient } from '../../src/client/sdk/session-client.ts';
import { type Command, commandSchema, type PeopleEvent, type Returned } from './protocol.ts';

/** As the client's own defaults. */
const MIN_RECONNECT_MS = 300;
const MAX_RECONNECT_MS = 4_000;
const RECONNECT_GROWTH = 1.7;
/** So many enter at a time. */
const ENTERING = 100;
const POLL_MS = 20;
const ACK_WAIT_MS = 30_000;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** One person's way back. */
interface Person {
  /** In the room, and who types has had an edit acknowledged. */
  readonly isIn: boolean;
  /** Sockets opened so far. */
  readonly attempts: number;
  /** Questions why the room doesn't let them in, so far. */
  readonly asked: number;
  /** Presses a key, if they type. */
  type(): void;
  leave(): void;
}

let people = 0;

/** Everybody is at home: limits of one address aren't what is measured. */
function socketsOfNextAddress(onOpen: () => void) {
  people += 1;
  const address = `10.${(people >> 16) & 255}.${(people >> 8) & 255}.${people & 255}`;
  const headers = { 'cf-connecting-ip': address };
  const Socket = class extends WebSocket {
    constructor(url: string) {
      super(url, { perMessageDeflate: false, headers });
      onOpen();
    }
  };
  return { Socket, headers };
}

class ProductPerson implements Person {
  readonly client: SessionClient;
  /** The line that they type in; null: they watch. */
  readonly #line: number | null;
  attempts = 0;
  asked = 0;
  typed = '';
  #isAcknowledged = false;

  constructor(url: string, sessionId: string, token: string, line: number | null) {
    this.#line = line;
    const { Socket, headers } = socketsOfNextAddress(() => {
      this.attempts += 1;
    });
    this.client = new SessionClient({
      url,
      sessionId,
      token,
      WebSocket: Socket,
      fetch: (input, init) => {
        this.asked += 1;
        return fetch(input, { ...init, headers });
      },
    });
    this.client.on('edit', ({ status }) => {
      if (status === 'saved' || status === 'flushed') this.#isAcknowledged = this.#isOpen;
    });
  }

  get #isOpen(): boolean {
    return this.client.snapshot.connection.state === 'open';
  }

  get isIn(): boolean {
    if (!this.#isOpen) this.#isAcknowledged = false;
    return this.#isOpen && (this.#line === null || this.#isAcknowledged);
  }

  get isDone(): boolean {
    return this.client.snapshot.edits.every(({ status }) => status !== 'pending');
  }

  type(): void {
    if (this.#line === null || this.client.snapshot.role === null) return;
    const { text } = this.client;
    const at = text.line(this.#line).to;
    const letter = LETTERS[this.typed.length % LETTERS.length] ?? '';
    this.client.change(ChangeSet.of({ from: at, insert: letter }, text.length));
    this.typed += letter;
  }

  leave(): void {
    this.client.close();
  }
}

class FloorPerson implements Person {
  readonly #socket: ReconnectingWebSocket;
  attempts = 0;
  readonly asked = 0;
  isIn = false;

  constructor(url: string, sessionId: string) {
    const { Socket } = socketsOfNextAddress(() => {
      this.attempts += 1;
    });
    const address = `${url.replace(/^http/, 'ws').replace(/\/$/, '')}/parties/main/${sessionId}`;
    this.#socket = new ReconnectingWebSocket(address, null, {
      WebSocket: Socket,
      minReconnectionDelay: MIN_RECONNECT_MS * (1 + Math.random()),
      maxReconnectionDelay: MAX_RECONNECT_MS,
      reconnectionDelayGrowFactor: RECONNECT_GROWTH,
      maxEnqueuedMessages: 0,
    });
    this.#socket.onmessage = () => {
      this.isIn = true;
    };
    this.#socket.onclose = () => {
      this.isIn = false;
    };
  }

  type(): void {}

  leave(): void {
    this.#socket.close();
  }
}

const everybody: Person[] = [];
const rooms = new Map<string, ProductPerson[]>();
let typing: NodeJS.Timeout | undefined;

function tell(event: PeopleEvent): void {
  process.send?.(event);
}

async function enter(command: Extract<Command, { type: 'enter' }>): Promise<void> {
  const { url, as, ratePerS, firstLine } = command;
  const coming = command.rooms.flatMap(({ id, typistTokens, viewerTokens }) => [
    ...typistTokens.map((token, who) => ({ id, token, line: firstLine + who })),
    ...viewerTokens.map((token) => ({ id, token, line: null })),
  ]);
  // Who types has to hear of an acknowledgement to count as in: so they type from the first moment on.
  let turn = 0;
  const everyMs = 1_000 / ratePerS;
  const SLICES = 20;
  typing = setInterval(() => {
    for (let i = turn; i < everybody.length; i += SLICES) everybody[i]?.type();
    turn = (turn + 1) % SLICES;
  }, everyMs / SLICES);
  let next = 0;
  const letIn = async () => {
    for (let one = coming[next++]; one; one = coming[next++]) {
      const person = as === 'floor' ? new FloorPerson(url, one.id) : productPerson(url, one);
      everybody.push(person);
      while (!person.isIn) await delay(POLL_MS);
      tell({ type: 'entering', people: everybody.length });
    }
  };
  await Promise.all(Array.from({ length: ENTERING }, letIn));
}

function productPerson(
  url: string,
  { id, token, line }: { id: string; token: string; line: number | null },
): ProductPerson {
  const person = new ProductPerson(url, id, token, line);
  rooms.set(id, [...(rooms.get(id) ?? []), person]);
  return person;
}

/** Waits until everybody was lost and is back, and reports; those who aren't in time are counted. */
async function watch(limitMs: number): Promise<Returned> {
  const before = everybody.map(({ attempts, asked }) => ({ attempts, asked }));
  const lost = new Set<Person>();
  const back = new Map<Person, number>();
  const deadline = Date.now() + limitMs;
  while (back.size < everybody.length && Date.now() < deadline) {
    const nowMs = Date.now();
    for (const person of everybody) {
      if (!person.isIn) {
        lost.add(person);
        back.delete(person);
      } else if (lost.has(person) && !back.has(person)) {
        back.set(person, nowMs);
      }
    }
    await delay(POLL_MS);
  }
  return {
    backAtMs: [...back.values()],
    stillAway: everybody.length - back.size,
    attempts: everybody.map(({ attempts }, i) => attempts - (before[i]?.attempts ?? 0)),
    asked: everybody.reduce((sum, { asked }, i) => sum + asked - (before[i]?.asked ?? 0), 0),
  };
}

async function finish(): Promise<Extract<PeopleEvent, { type: 'finished' }>> {
  clearInterval(typing);
  const all = [...rooms.values()].flat();
  const isSettled = () =>
    all.every(({ isDone }) => isDone) &&
    [...rooms.values()].every(
      (inRoom) => new Set(inRoom.map(({ client }) => client.snapshot.code)).size <= 1,
    );
  const deadline = Date.now() + ACK_WAIT_MS;
  while (!isSettled() && Date.now() < deadline) await delay(POLL_MS * 10);
  const typed = Object.fromEntries(
    [...rooms].map(([id, inRoom]) => {
      const typists = inRoom.filter((person) => person.typed !== '');
      return [id, typists.every(({ isDone }) => isDone) ? typists.map((person) => person.typed) : null];
    }),
  );
  const diverged = [...rooms.values()].reduce((sum, inRoom) => {
    const code = inRoom[0]?.client.snapshot.code;
    return sum + inRoom.filter(({ client }) => client.snapshot.code !== code).length;
  }, 0);
  return { type: 'finished', typed, diverged };
}

async function obey(command: Command): Promise<PeopleEvent> {
  switch (command.type) {
    case 'enter':
      await enter(command);
      return { type: 'entered' };
    case 'watch':
      return { type: 'returned', returned: await watch(command.limitMs) };
    case 'finish':
      return finish();
  }
}

process.on('message', (raw) => {
  obey(commandSchema.parse(raw)).then(tell, (error: unknown) =>
    tell({ type: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => {
  for (const person of everybody) person.leave();
  setTimeout(() => process.exit(0), 2_000).unref();
});
