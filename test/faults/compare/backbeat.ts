/** This system, with its defaults: the rooms' process is what is killed. */
import { WebSocket } from 'ws';
import { SessionClient } from '../../../src/client/sdk/session-client.ts';
import { Random } from '../random.ts';
import { until } from '../until.ts';
import type { World } from '../world.ts';
import type { Contender } from './contender.ts';
import { Typist } from './typist.ts';

interface Writer {
  client: SessionClient;
  typist: Typist;
}

export class Backbeat implements Contender {
  readonly name = 'Backbeat';
  readonly savedMeans = 'the room sent its `ack`: committed to Redis';
  readonly #world: World;
  readonly #writers = new Map<string, Writer>();

  constructor(world: World) {
    this.#world = world;
  }

  async enter(count: number, seed: number): Promise<string[]> {
    const random = new Random(seed);
    const ids = await this.#world.makeSessions(count);
    for (const id of ids) {
      const token = await this.#world.token(id, 'host', 'somebody');
      this.#writers.set(id, this.#writer(id, token, random.fork()));
    }
    await until('everybody has entered', () => this.#clients.every(isConnected));
    return ids;
  }

  async type(): Promise<void> {
    for (const { typist } of this.#writers.values()) typist.start();
  }

  async kill(): Promise<void> {
    await this.#world.stack.control.kill('worker');
  }

  async stop(gone: readonly string[]) {
    const typed = new Map([...this.#writers].map(([id, { typist }]) => [id, structuredClone(typist.lines)]));
    for (const { typist } of this.#writers.values()) typist.stop();
    for (const id of gone) this.#forget(id);
    return typed;
  }

  async recover(): Promise<void> {
    const { stack } = this.#world;
    await stack.control.start('worker');
    await until('those who stayed have everything acknowledged', () =>
      this.#clients.every((client) => isConnected(client) && !client.hasUnacknowledged),
    );
    // What comes by itself: nobody enters the other sessions again. The cron takes what has been dirty for
    // longer than the rooms' alarms need.
    await until('nothing is dirty', async () => {
      await stack.control.cron();
      return (await this.#world.dirtySessions()) === 0;
    });
  }

  async stored(): Promise<Map<string, string>> {
    return new Map([...(await this.#world.stored())].map(([id, { code }]) => [id, code]));
  }

  async leave(): Promise<void> {
    for (const id of this.#writers.keys()) this.#forget(id);
  }

  async close(): Promise<void> {}

  get #clients(): SessionClient[] {
    return [...this.#writers.values()].map(({ client }) => client);
  }

  #writer(id: string, token: string, random: Random): Writer {
    const client = new SessionClient({ url: this.#world.stack.roomUrl, sessionId: id, token, WebSocket });
    const counts = new Map<number, number>();
    const typist = new Typist(random, () => {
      const clientSeq = client.edit(typist.lines.map(({ text }) => text).join('\n'));
      if (clientSeq !== null) counts.set(clientSeq, typist.lines.length);
    });
    client.on('message', (message) => {
      if (message.type !== 'ack' || message.payload.client_seq === undefined) return;
      // Each text holds the lines before it, and an edit may cover several.
      const covered = [...counts].filter(([seq]) => seq <= (message.payload.client_seq ?? 0));
      typist.saved(Math.max(0, ...covered.map(([, lines]) => lines)));
    });
    return { client, typist };
  }

  #forget(id: string): void {
    this.#writers.get(id)?.client.close();
    this.#writers.delete(id);
  }
}

function isConnected(client: SessionClient): boolean {
  return client.snapshot.connection.state === 'open';
}
