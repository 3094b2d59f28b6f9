/**
 * The interface between a room and the platform that hosts it. The room imports no platform: an adapter in
 * `src/hosts` implements {@link RoomHost}, and passes the platform's events on to {@link RoomEvents}.
 */
import type { ConnectionState } from './connections/connection-state.ts';

/** One client's WebSocket. */
export interface Connection {
  /**
   * The client's connection id. Two sockets have the same one while a client is back and its old socket isn't
   * closed yet.
   */
  readonly id: string;
  /** As `WebSocket.readyState`. */
  readonly readyState: number;
  /**
   * The room's state of it; null before it has joined and after it has left. It survives hibernation, and has
   * 2 KB at most.
   */
  readonly state: ConnectionState | null;
  setState(state: ConnectionState | null): void;
  /** @throws when the socket is closed. */
  send(text: string): void;
  /** Closes the socket; one that is closed already is no error. */
  close(code: number, reason: string): void;
}

/** The room's own durable storage. The platform lets only the current instance write to it. */
export interface RoomStorage {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
  /** Writes all entries, or none. */
  put(entries: Record<string, unknown>): Promise<void>;
  /** @param keys at most 128. */
  delete(keys: string[]): Promise<unknown>;
  list(options: { prefix: string }): Promise<Map<string, unknown>>;
  deleteAll(): Promise<void>;
  /**
   * Wakes the room at this time (milliseconds since the epoch), even if this instance is gone by then. A
   * later call replaces an earlier one.
   */
  setAlarm(atMs: number): Promise<void>;
  /** When that is; null: never, or it has come. */
  getAlarm(): Promise<number | null>;
}

export interface RoomHost {
  /** The session's id. */
  readonly id: string;
  readonly storage: RoomStorage;
  /** The connections whose sockets are open; only those with this connection id, if one is given. */
  connections(connectionId?: string): Iterable<Connection>;
}

/** What happens to a room. None of these rejects. */
export interface RoomEvents {
  /** A request of the Worker: for a reservation (`grant.ts`), or a command (`room-command.ts`). */
  onRequest(request: Request): Promise<Response>;
  /** A socket was accepted. Its client may send before this resolves. @param request the upgraded one. */
  onConnect(connection: Connection, request: Pick<Request, 'headers'>): Promise<void>;
  onMessage(connection: Connection, frame: string | ArrayBuffer | ArrayBufferView): Promise<void>;
  /** A socket is closed, or has failed. The host completes the closing handshake. */
  onClose(connection: Connection): Promise<void>;
  /** The time that {@link RoomStorage.setAlarm} was given has come, in this instance or a later one. */
  onAlarm(): Promise<void>;
}
