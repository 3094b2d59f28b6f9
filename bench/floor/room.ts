/**
 * The least that a room can do: it reads the frames, makes as many bare requests to the Redis front as ours
 * would for them, and acknowledges. It keeps nothing. What ours take beyond it is ours, and not the
 * runtime's.
 */

/** The part of the runtime that it needs. */
interface RoomSocket {
  send(frame: string): void;
}
declare const WebSocketPair: new () => { 0: RoomSocket; 1: RoomSocket };

interface Env {
  ROOMS: {
    idFromName(name: string): unknown;
    get(id: unknown): { fetch(request: Request): Promise<Response> };
  };
  FRONT_URL: string;
  FRONT_TOKEN: string;
  /** Least time between two requests of a room to the front, in milliseconds. */
  COMMIT_MS: string;
}

export class FloorRoom {
  readonly #ctx: { acceptWebSocket(socket: RoomSocket): void };
  readonly #env: Env;
  #rev = 0;
  #seq = 0;
  #ackedSeq = 0;
  #author: RoomSocket | null = null;
  #isCommitting = false;

  constructor(ctx: { acceptWebSocket(socket: RoomSocket): void }, env: Env) {
    this.#ctx = ctx;
    this.#env = env;
  }

  async fetch(): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server);
    server.send(`{"type":"session_state","payload":{"rev":${this.#rev}}}`);
    const init: ResponseInit & { webSocket: RoomSocket } = { status: 101, webSocket: client };
    return new Response(null, init);
  }

  webSocketMessage(socket: RoomSocket, frame: string): void {
    const { type, payload } = JSON.parse(frame);
    if (type === 'ping') socket.send('{"type":"pong","payload":{}}');
    if (type !== 'code_update') return;
    this.#rev += 1;
    this.#seq = payload.client_seq;
    this.#author = socket;
    if (!this.#isCommitting) void this.#commit();
  }

  async #commit(): Promise<void> {
    const { FRONT_URL, FRONT_TOKEN, COMMIT_MS } = this.#env;
    this.#isCommitting = true;
    while (this.#seq !== this.#ackedSeq) {
      const [seq, rev, startedAt] = [this.#seq, this.#rev, Date.now()];
      const headers = { authorization: `Bearer ${FRONT_TOKEN}` };
      const answer = await fetch(FRONT_URL, { method: 'POST', headers, body: '["PING"]' });
      await answer.text();
      this.#ackedSeq = seq;
      this.#author?.send(`{"type":"ack","payload":{"rev":${rev},"client_seq":${seq}}}`);
      const pauseMs = Number(COMMIT_MS) - (Date.now() - startedAt);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    this.#isCommitting = false;
  }
}

export default {
  fetch(request: Request, env: Env): Promise<Response> | Response {
    const [, room] = /^\/parties\/main\/([^/]+)$/.exec(new URL(request.url).pathname) ?? [];
    if (room === undefined) return new Response('ok');
    return env.ROOMS.get(env.ROOMS.idFromName(room)).fetch(request);
  },
};
