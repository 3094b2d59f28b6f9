/** A network between a page and the stack that is slow, uneven, silent or cut, as tests want it. */
import type { Page, WebSocketRoute } from 'playwright-core';

export interface Delay {
  /** One way, in milliseconds. */
  latencyMs: number;
  /** At most so much more, at random. */
  jitterMs: number;
}

export class SlowNetwork {
  #delay: Delay;
  /** Frames wait until this resolves. */
  #stall: Promise<void> = Promise.resolve();
  #isCut = false;
  readonly #open = new Set<{ close(): void }>();

  private constructor(delay: Delay) {
    this.#delay = delay;
  }

  /** From now on the page's WebSockets go through it. */
  static async between(page: Page, delay: Delay): Promise<SlowNetwork> {
    const network = new SlowNetwork(delay);
    await page.routeWebSocket(/\/parties\//, (route) => network.#connect(route));
    return network;
  }

  /** Cuts every connection, and lets none be made. */
  cut(): void {
    this.#isCut = true;
    for (const connection of this.#open) connection.close();
  }

  mend(): void {
    this.#isCut = false;
  }

  /** Nothing arrives, in either direction. @returns lets it all arrive. */
  stall(): () => void {
    let go = () => {};
    this.#stall = new Promise((resolve) => {
      go = resolve;
    });
    return go;
  }

  #connect(route: WebSocketRoute): void {
    if (this.#isCut) {
      void route.close({ code: 1011, reason: 'cut' });
      return;
    }
    const server = route.connectToServer();
    const connection = {
      close: () => {
        this.#open.delete(connection);
        void route.close({ code: 1011, reason: 'cut' });
        void server.close({ code: 1011, reason: 'cut' });
      },
    };
    this.#open.add(connection);
    const isOpen = () => this.#open.has(connection);
    const toServer = this.#line();
    const toPage = this.#line();
    route.onMessage((frame) => toServer(() => isOpen() && server.send(frame)));
    server.onMessage((frame) => toPage(() => isOpen() && route.send(frame)));
    server.onClose((code, reason) => toPage(() => void route.close(closing(code, reason))));
    route.onClose((code, reason) => {
      toServer(() => void server.close(closing(code, reason)));
    });
  }

  /** What is sent arrives in the order in which it was sent. */
  #line(): (deliver: () => void) => void {
    let last = Promise.resolve();
    return (deliver) => {
      const { latencyMs, jitterMs } = this.#delay;
      const arrival = new Promise<void>((resolve) =>
        setTimeout(resolve, latencyMs + Math.random() * jitterMs),
      );
      last = Promise.all([last, arrival])
        .then(() => this.#stall)
        .then(deliver);
    };
  }
}

/** Codes that a peer may not send stand for a connection that just ended. */
function closing(code: number | undefined, reason: string | undefined): { code: number; reason: string } {
  const isSendable = code !== undefined && (code === 1000 || (code >= 3000 && code < 5000));
  return { code: isSendable ? code : 3000, reason: reason ?? '' };
}
