/** `src/hosts/partyserver.ts`, whose rooms say what they are called for. For tests of the host. */
import type { DurableObjectState } from 'cloudflare:workers';
import type { Connection, ConnectionContext, WSMessage } from 'partyserver';
import host, { AiDesk, SessionRoom as Room, Sweeper } from '../../../src/hosts/partyserver.ts';
import type { ConnectionState } from '../../../src/room/connections/connection-state.ts';
import { CRASHING, type RoomEvent, tellRoomEvent, UNRESERVED } from './room-event.ts';

type State = DurableObjectState & { id: object; abort(reason: string): void };

export { AiDesk, Sweeper };
export default host;

export class SessionRoom extends Room {
  readonly #instance = crypto.randomUUID();
  readonly #state: State;

  constructor(ctx: State, env: ConstructorParameters<typeof Room>[1]) {
    super(ctx, env);
    this.#state = ctx;
  }

  override onRequest(request: Request): Promise<Response> {
    this.#tell('request', new URL(request.url).pathname);
    return super.onRequest(request);
  }

  override onConnect(connection: Connection<ConnectionState>, context: ConnectionContext): Promise<void> {
    this.#tell('connect');
    if (connection.id.startsWith(CRASHING)) this.#state.abort('killed by a test');
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

  override onClose(connection: Connection<ConnectionState>, code?: number): Promise<void> {
    this.#tell('close');
    return super.onClose(connection, code);
  }

  override onAlarm(): Promise<void> {
    this.#tell('alarm');
    return super.onAlarm();
  }

  #tell(event: RoomEvent['event'], path?: string): void {
    tellRoomEvent({ object: String(this.#state.id), instance: this.#instance, event, path });
  }
}
