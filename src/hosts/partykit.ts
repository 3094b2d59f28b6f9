/**
 * Backbeat on PartyKit: `npx partykit dev` runs the whole product with it. No other file knows PartyKit and
 * its quirks:
 * - While an alarm is handled, `room.id` can't be read, not even by other events that run meanwhile: it is
 *   kept in storage.
 * - The path of a stub's request begins with the room's own address, `/parties/main/<id>`.
 * - The room has to complete a closing handshake.
 * - Its files are found by their whole names: a page isn't one without its `.html`.
 * - The bundler replaces `performance` by a module namespace without its functions.
 */
import type * as Party from 'partykit/server';
import { z } from 'zod';
import { app, createRoom, handleDeskRequest, handleSweeperRequest, runCron } from '../compose.ts';
import type { ConnectionState } from '../room/connections/connection-state.ts';
import type { Room } from '../room/server.ts';
import type { Env } from '../worker/env.ts';
import type { RoomStubs, SweeperStorage } from '../worker/platform.ts';

if (typeof globalThis.performance?.now !== 'function') {
  Object.defineProperty(globalThis, 'performance', {
    value: { timeOrigin: 0, now: () => Date.now() },
    writable: true,
    configurable: true,
  });
}

type Connection = Party.Connection<ConnectionState>;

const ORIGIN = 'https://object.internal';
const ROOM_ADDRESS = /^\/parties\/main\/[^/]+/;

/** So an alert is told again after the isolate is replaced. */
const remembered = new Map<string, unknown>();
const sweeperStorage: SweeperStorage = {
  get: async (key) => remembered.get(key),
  put: async (key, value) => {
    remembered.set(key, value);
  },
};

type Lobby = Pick<Party.FetchLobby, 'env' | 'parties' | 'assets'>;

function environmentOf({ env, parties, assets }: Lobby): Env {
  const rooms: RoomStubs = {
    fetch(sessionId, path, init) {
      if (!parties.main) throw new Error('PartyKit knows no main party');
      return parties.main.get(sessionId).fetch(path, init);
    },
  };
  return {
    variables: env,
    platform: {
      rooms,
      // Not objects of their own: PartyKit's requests have enough CPU time.
      desks: {
        fetch: (_name, path, init) => handleDeskRequest(new Request(ORIGIN + path, init), env, rooms),
      },
      // Not an object of its own: PartyKit's cron has enough CPU time, and two sweepers at once do no harm.
      sweeper: {
        fetch: (path, init) =>
          handleSweeperRequest(new Request(ORIGIN + path, init), env, rooms, sweeperStorage),
      },
      assets: { fetch: (path) => assets.fetch(path === '/' ? '/index.html' : `${path}.html`) },
    },
  };
}

/** PartyKit's requests are standard requests with a type of PartyKit's own. */
const answer = async (request: Party.Request, lobby: Lobby) =>
  app.fetch(request as unknown as Request, environmentOf(lobby));

export default class SessionRoom implements Party.Server {
  readonly options: Party.ServerOptions = { hibernate: true };
  readonly #party: Party.Room;
  #opening: Promise<Room> | null = null;

  constructor(party: Party.Room) {
    this.#party = party;
  }

  // ---- at the edge ----------------------------------------------------------------------------------------

  static onFetch(request: Party.Request, lobby: Party.FetchLobby): Promise<Response> {
    return answer(request, lobby);
  }

  /** The app decides who gets into a room, as on every host. */
  static onBeforeConnect(request: Party.Request, lobby: Party.Lobby): Promise<Response> {
    return answer(request, lobby);
  }

  static onBeforeRequest(request: Party.Request, lobby: Party.Lobby): Promise<Response> {
    return answer(request, lobby);
  }

  static onCron({ scheduledTime }: Party.Cron, lobby: Party.CronLobby): Promise<void> {
    return runCron(scheduledTime, environmentOf(lobby));
  }

  // ---- the room -------------------------------------------------------------------------------------------

  async onRequest(request: Party.Request): Promise<Response> {
    const path = new URL(request.url).pathname.replace(ROOM_ADDRESS, '');
    const own = new Request(ORIGIN + path, request as unknown as Request);
    return (await this.#room()).onRequest(own);
  }

  async onConnect(connection: Connection, { request }: Party.ConnectionContext): Promise<void> {
    await (await this.#room()).onConnect(connection, request as unknown as Request);
  }

  async onMessage(frame: string | ArrayBuffer | ArrayBufferView, connection: Connection): Promise<void> {
    await (await this.#room()).onMessage(connection, frame);
  }

  async onClose(connection: Connection): Promise<void> {
    try {
      connection.close(1000);
    } catch {
      // The handshake was complete already.
    }
    await (await this.#room()).onClose(connection);
  }

  async onError(connection: Connection): Promise<void> {
    await this.onClose(connection);
  }

  async onAlarm(): Promise<void> {
    await (await this.#room()).onAlarm();
  }

  #room(): Promise<Room> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  async #open(): Promise<Room> {
    const party = this.#party;
    const stored = z.string().safeParse(await party.storage.get('id'));
    const id = stored.success ? stored.data : party.id;
    if (!stored.success) await party.storage.put('id', id);
    const connections = (connectionId?: string) => party.getConnections<ConnectionState>(connectionId);
    return createRoom({ id, storage: party.storage, connections }, party.env);
  }
}
