/**
 * A spike: a room that only passes on. It is one watcher of the session's room, over one connection, and has
 * a thousand watchers of its own, to whom it sends what has changed at its own pace, as one frame. It passes
 * on the text alone.
 */
import type { ChangeSet, Text } from '@codemirror/state';
import { readChanges, textOf, writeChanges } from '../../src/merging/index.ts';
import { PING_AFTER_CHARS, parseServerMessage, type ServerMessage } from '../../src/protocol/index.ts';

/** The part of the runtime that it needs. */
interface RelaySocket {
  accept(): void;
  send(frame: string): void;
  addEventListener(type: 'message', listener: (event: { data: string }) => void): void;
}
declare const WebSocketPair: new () => { 0: RelaySocket; 1: RelaySocket };

interface Env {
  ROOMS: {
    idFromName(name: string): unknown;
    get(id: unknown): { fetch(request: Request): Promise<Response> };
  };
  /** Where the session's room is. */
  UPSTREAM_URL: string;
  /** How many relays a session has. */
  RELAYS: string;
  /** Least time between two frames to a watcher, in milliseconds. */
  PACE_MS: string;
}

interface RelayState {
  acceptWebSocket(socket: RelaySocket): void;
  getWebSockets(): RelaySocket[];
}

type MessageOf<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

const PING_INTERVAL_MS = 20_000;

export class RelayRoom {
  readonly #ctx: RelayState;
  readonly #env: Env;
  #room: Promise<RelaySocket> | null = null;
  /** The room's first one: what a watcher is told, but for the text. */
  #state: MessageOf<'session_state'> | null = null;
  /** The watchers' text and its revision. */
  #text: Text = textOf('');
  #rev = 0;
  /** What has happened since. */
  #behind: { change: ChangeSet; update: MessageOf<'code_update'> } | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #mark: string | undefined;
  #charsSincePing = 0;

  constructor(ctx: RelayState, env: Env) {
    this.#ctx = ctx;
    this.#env = env;
  }

  async fetch(request: Request): Promise<Response> {
    this.#room ??= this.#enter(request);
    await this.#room;
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server);
    const payload = { ...this.#state?.payload, code: this.#text.toString(), rev: this.#rev };
    server.send(JSON.stringify({ ...this.#state, payload }));
    const init: ResponseInit & { webSocket: RelaySocket } = { status: 101, webSocket: client };
    return new Response(null, init);
  }

  webSocketMessage(socket: RelaySocket, frame: string): void {
    if (JSON.parse(frame).type === 'ping') socket.send('{"type":"pong","payload":{}}');
  }

  /** Becomes a watcher of the session's room, with the first watcher's token. */
  async #enter(request: Request): Promise<RelaySocket> {
    const { pathname, search } = new URL(request.url);
    const address = request.headers.get('cf-connecting-ip') ?? '';
    const response: Response & { webSocket?: RelaySocket } = await fetch(
      new URL(pathname + search, this.#env.UPSTREAM_URL),
      { headers: { upgrade: 'websocket', 'cf-connecting-ip': address } },
    );
    const socket = response.webSocket;
    if (!socket) throw new Error(`the room answered ${response.status}`);
    const hasState = new Promise<void>((resolve) => {
      socket.addEventListener('message', ({ data }) => {
        this.#onFrame(data);
        if (this.#state) resolve();
        this.#charsSincePing += data.length;
        if (this.#charsSincePing > PING_AFTER_CHARS) this.#ping(socket);
      });
    });
    socket.accept();
    setInterval(() => this.#ping(socket), PING_INTERVAL_MS);
    await hasState;
    return socket;
  }

  #ping(socket: RelaySocket): void {
    this.#charsSincePing = 0;
    const payload = this.#mark === undefined ? {} : { mark: this.#mark };
    socket.send(JSON.stringify({ type: 'ping', payload }));
  }

  #onFrame(data: string): void {
    const message = parseServerMessage(data);
    if (message?.type === 'pong') this.#mark = message.payload.mark ?? this.#mark;
    else if (message?.type === 'session_state') {
      this.#state = message;
      this.#text = textOf(message.payload.code);
      this.#rev = message.payload.rev;
    } else if (message?.type === 'code_update') {
      // Its own connection is sent nothing but changes.
      const change = message.payload.changes && readChanges(message.payload.changes);
      if (!change) return;
      const behind = this.#behind?.change.compose(change) ?? change;
      this.#behind = { change: behind, update: message };
      this.#timer ??= setTimeout(() => this.#sendOn(), Number(this.#env.PACE_MS));
    }
  }

  #sendOn(): void {
    this.#timer = null;
    if (!this.#behind) return;
    const { change, update } = this.#behind;
    this.#behind = null;
    this.#text = change.apply(this.#text);
    this.#rev = update.payload.rev;
    // It holds several people's edits, so it has no author.
    const { client_seq: _, participant_id: __, ...about } = update.payload;
    const payload = { ...about, changes: writeChanges(change) };
    const frame = JSON.stringify({ ...update, payload });
    for (const socket of this.#ctx.getWebSockets()) socket.send(frame);
  }
}

let watchers = 0;

export default {
  fetch(request: Request, env: Env): Promise<Response> | Response {
    const [, room] = /^\/parties\/main\/([^/]+)$/.exec(new URL(request.url).pathname) ?? [];
    if (room === undefined) return new Response('ok');
    watchers += 1;
    return env.ROOMS.get(env.ROOMS.idFromName(`${room}:${watchers % Number(env.RELAYS)}`)).fetch(request);
  },
};
