/** `src/hosts/partyserver.ts`, whose rooms say what they are called for. For tests of the host. */
import type { DurableObjectState } from 'cloudflare:workers';
import type { Connection, ConnectionContext, WSMessage } from 'partyserver';
import host, { SessionRoom as Room, Sweeper } from '../../../src/hosts/partyserver.ts';
import type { ConnectionState } from '../../../src/room/connection.ts';
import { type RoomEvent, tellRoomEvent, UNRESERVED } from './room-event.ts';

export { Sweeper };
export default host;

export class SessionRoom extends Room {
  readonly #instance = crypto.randomUUID();
  readonly #object: string;

  constructor(ctx: DurableObjectState & { id: object }, env: ConstructorParameters<typeof Room>[1]) {
    super(ctx, env);
    this.#object = String(ctx.id);
  }

  override onRequest(request: Request): Promise<Response> {
    this.#tell('request', new URL(request.url).pathname);
    return super.onRequest(request);
  }

  override onConnect(connection: Connection<ConnectionState>, context: ConnectionContext): Promise<void> {
    this.#tell('connect');
    const isReserved = !connection.id.startsWith(UNRESERVED);
    return super.onConnect(
      connection,
      isReserved ? context : { request: new Request(context.request, { headers: {} }) },
    );
  }

  override onMessage(connection: Connection<ConnectionState>, frame: WSMessage): Promise<void> {
    this.#tell('message');
    return super.onMessage(connection, frame);
  }

  override onClose(connection: Connection<ConnectionState>): Promise<void> {
    this.#tell('close');
    return super.onClose(connection);
  }

  override onAlarm(): Promise<void> {
    this.#tell('alarm');
    return super.onAlarm();
  }

  #tell(event: RoomEvent['event'], path?: string): void {
    tellRoomEvent({ object: this.#object, instance: this.#instance, event, path });
  }
}
