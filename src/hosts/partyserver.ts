/**
 * Backbeat on a Cloudflare Worker: what `wrangler deploy` puts online. Rooms are Durable Objects by PartyServer, and the sweeper is one
 * more. This file is all that knows it.
 */
import { DurableObject, type DurableObjectNamespace, type ScheduledController } from 'cloudflare:workers';
import type { ExecutionContext } from 'hono';
import { type Connection, type ConnectionContext, Server, type WSMessage } from 'partyserver';
import { answerSweeper, app, createRoom, runCron } from '../compose.ts';
import type { ConnectionState } from '../room/connections/connection-state.ts';
import type { RoomHost } from '../room/host.ts';
import type { Room } from '../room/server.ts';
import type { Platform, RoomStubs } from '../worker/platform.ts';

/** The bindings of wrangler.toml, beside variables and secrets. */
interface Bindings {
  ROOM: DurableObjectNamespace;
  SWEEPER: DurableObjectNamespace;
  [variable: string]: unknown;
}

/** There is one. */
const SWEEPER_NAME = 'sweeper';
/** Requests between objects need a host name, and nobody looks at it. */
const ORIGIN = 'https://object.internal';

function roomsOf({ ROOM }: Bindings): RoomStubs {
  return { fetch: (sessionId, path, init) => ROOM.getByName(sessionId).fetch(ORIGIN + path, init) };
}

function platformOf(env: Bindings): Platform {
  return {
    rooms: roomsOf(env),
    sweeper: { fetch: (path, init) => env.SWEEPER.getByName(SWEEPER_NAME).fetch(ORIGIN + path, init) },
  };
}

export class SessionRoom extends Server<Bindings> {
  static override readonly options = { hibernate: true };
  #started: Room | null = null;

  /**
   * Called before anything else. The constructor would be too early: where an alarm was left behind by another process, the runtime
   * doesn't know the object's name, and PartyServer has just read it from storage.
   */
  override onStart(): void {
    const host: RoomHost = {
      // A room is only ever reached by its name, which is its session's id.
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

  override onMessage(connection: Connection<ConnectionState>, frame: WSMessage): Promise<void> {
    return this.#room().onMessage(connection, frame);
  }

  override onClose(connection: Connection<ConnectionState>): Promise<void> {
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
    return answerSweeper(request, this.env, roomsOf(this.env));
  }
}

export default {
  fetch: (request: Request, env: Bindings, ctx: ExecutionContext) =>
    app.fetch(request, { variables: env, platform: platformOf(env) }, ctx),

  /** Its promise, rather than `waitUntil`: the turn is over, or has failed, when the sweeper is done. */
  scheduled: ({ scheduledTime }: ScheduledController, env: Bindings) =>
    runCron(scheduledTime, { variables: env, platform: platformOf(env) }),
};
