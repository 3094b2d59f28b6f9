/** `src/hosts/partykit.ts`, whose rooms say what they are called for. For tests of the host. */
import type * as Party from 'partykit/server';
import Room from '../../../src/hosts/partykit.ts';
import type { ConnectionState } from '../../../src/room/connections/connection-state.ts';
import { CRASHING, type RoomEvent, tellRoomEvent, UNRESERVED } from './room-event.ts';

type Connection = Party.Connection<ConnectionState>;

export default class SessionRoom extends Room {
  readonly #instance = crypto.randomUUID();
  readonly #watched: Party.Room;

  constructor(party: Party.Room) {
    super(party);
    this.#watched = party;
  }

  override onRequest(request: Party.Request): Promise<Response> {
    this.#tell('request', new URL(request.url).pathname.replace(/^\/parties\/main\/[^/]+/, ''));
    return super.onRequest(request);
  }

  override async onConnect(connection: Connection, context: Party.ConnectionContext): Promise<void> {
    this.#tell('connect');
    if (connection.id.startsWith(CRASHING)) {
      // PartyKit shows nothing that ends an object at once, but the platform resets one that fails in here.
      await this.#watched.blockConcurrencyWhile(() => Promise.reject(new Error('killed by a test')));
    }
    const { request } = context;
    const isReserved = !connection.id.startsWith(UNRESERVED);
    const bare = new Request(request.url) as unknown as Party.Request;
    return super.onConnect(connection, isReserved ? context : { request: bare });
  }

  override onMessage(frame: string | ArrayBuffer | ArrayBufferView, connection: Connection): Promise<void> {
    this.#tell('message');
    return super.onMessage(frame, connection);
  }

  override onClose(connection: Connection): Promise<void> {
    this.#tell('close');
    return super.onClose(connection);
  }

  override onAlarm(): Promise<void> {
    this.#tell('alarm');
    return super.onAlarm();
  }

  #tell(event: RoomEvent['event'], path?: string): void {
    tellRoomEvent({ object: this.#watched.internalID, instance: this.#instance, event, path });
  }
}
