/**
 * Backbeat on a Cloudflare Worker: what `wrangler deploy` puts online. Rooms are Durable Objects by
 * PartyServer; the sweeper is one more, and so are those that ask the AI. No other file knows Cloudflare or
 * PartyServer.
 */
import { DurableObject, type DurableObjectNamespace, type ScheduledController } from 'cloudflare:workers';
import type { ExecutionContext } from 'hono';
import { type Connection, type ConnectionContext, Server, type WSMessage } from 'partyserver';
import { app, createRoom, handleDeskRequest, handleSweeperRequest, runCron } from '../compose.ts';
import type { ConnectionState } from '../room/connections/connection-state.ts';
import type { RoomHost } from '../room/host.ts';
import type { Room } from '../room/server.ts';
import type { Platform, RoomStubs } from '../worker/platform.ts';

/** The bindings of wrangler.toml, beside variables and secrets. */
interface Bindings {
  ROOM: DurableObjectNamespace;
  SWEEPER: DurableObjectNamespace;
  DESK: DurableObjectNamespace;
  ASSETS: { fetch(address: string): Promise<Response> };
  [variable: string]: unknown;
}

/** There is one sweeper. */
const SWEEPER_NAME = 'sweeper';
/** Close codes: a client that closed without any, as `close()` does in browsers, and the answer to it. */
const NO_STATUS = 1005;
const NORMAL = 1000;
/** A request to an object needs a host name; which one doesn't matter. */
const ORIGIN = 'https://object.internal';

function roomsOf({ ROOM }: Bindings): RoomStubs {
  return { fetch: (sessionId, path, init) => ROOM.getByName(sessionId).fetch(ORIGIN + path, init) };
}

function platformOf(env: Bindings): Platform {
  return {
    rooms: roomsOf(env),
    desks: { fetch: (name, path, init) => env.DESK.getByName(name).fetch(ORIGIN + path, init) },
    sweeper: { fetch: (path, init) => env.SWEEPER.getByName(SWEEPER_NAME).fetch(ORIGIN + path, init) },
    assets: { fetch: (path) => env.ASSETS.fetch(ORIGIN + path) },
  };
}

export class SessionRoom extends Server<Bindings> {
  static override readonly options = { hibernate: true };
  #started: Room | null = null;
  /** Sockets that PartyServer has made connections of. */
  readonly #connections = new WeakMap<WebSocket, Connection<ConnectionState>>();

  /**
   * Called before any other event. The constructor would be too early: when an alarm of an earlier process
   * wakes the object, the runtime doesn't know its name, and PartyServer has to read it from storage first.
   */
  override onStart(): void {
    const host: RoomHost = {
      // The Worker reaches a room only by its name, which is its session's id.
      id: this.name,
      storage: this.ctx.storage,
      connections: (connectionId) => this.getConnections<ConnectionState>(connectionId),
    };
    this.#started = createRoom(host, this.env);
  }

  override onRequest(request: Request): Promise<Response> {
    return this.#room().onRequest(request);
  }

  override onConnect(connection: Connection<ConnectionState>, { request }: ConnectionContext): Promise<void> {
    return this.#room().onConnect(connection, request);
  }

  /** For each frame, PartyServer would read the connection's whole state again, to find that it is one. */
  override webSocketMessage(socket: WebSocket, frame: WSMessage): Promise<void> {
    const known = this.#connections.get(socket);
    return known ? this.onMessage(known, frame) : super.webSocketMessage(socket, frame);
  }

  override onMessage(connection: Connection<ConnectionState>, frame: WSMessage): Promise<void> {
    this.#connections.set(connection, connection);
    return this.#room().onMessage(connection, frame);
  }

  override onClose(connection: Connection<ConnectionState>, code?: number): Promise<void> {
    // PartyServer completes the handshake with the client's own code, and this one can't be sent: the client
    // would wait for half a minute, and hear that the connection broke.
    if (code === NO_STATUS) connection.close(NORMAL);
    return this.#room().onClose(connection);
  }

  override onError(connection: Connection<ConnectionState>): Promise<void> {
    return this.#room().onClose(connection);
  }

  override onAlarm(): Promise<void> {
    return this.#room().onAlarm();
  }

  #room(): Room {
    if (this.#started === null) throw new Error('a room was called before its start');
    return this.#started;
  }
}

export class Sweeper extends DurableObject<Bindings> {
  override fetch(request: Request): Promise<Response> {
    return handleSweeperRequest(request, this.env, roomsOf(this.env), this.ctx.storage);
  }
}

/** Asks the AI for one person, outside of any room. It keeps nothing. */
export class AiDesk extends DurableObject<Bindings> {
  override fetch(request: Request): Promise<Response> {
    return handleDeskRequest(request, this.env, roomsOf(this.env));
  }
}

export default {
  fetch: (request: Request, env: Bindings, ctx: ExecutionContext) =>
    app.fetch(request, { variables: env, platform: platformOf(env) }, ctx),

  /**
   * Returns the promise and doesn't use `waitUntil`, so that the platform counts a turn as failed when the
   * sweeper fails.
   */
  scheduled: ({ scheduledTime }: ScheduledController, env: Bindings) =>
    runCron(scheduledTime, { variables: env, platform: platformOf(env) }),
};
