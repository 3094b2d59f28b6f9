/**
 * The load: people in sessions who edit, chat and now and then lose their connection, at random moments
 * that a seed repeats.
 */
import { FaultClient } from './client.ts';
import { Ledger } from './ledger.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** Below the room's limit of 20 a minute, whatever the run's length. */
const MAX_CHATS = 15;
const CHAT_SHARE = 0.25;
const DROP_SHARE = 0.02;
const MEAN_GAP_MS = 900;
const LARGE_SHARE = 0.03;
const LARGE_CHARS = 8_000;
const SMALL_CHARS = 60;
/** Sessions in three that somebody watches. */
const VIEWER_SHARE = 1 / 3;

export interface LoadedSession {
  ledger: Ledger;
  clients: FaultClient[];
}

export class Load {
  readonly sessions: LoadedSession[] = [];
  readonly #world: World;
  readonly #random: Random;
  #isRunning = false;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Makes sessions and has people enter them: two writers, and sometimes a viewer. */
  async enter(count: number): Promise<void> {
    for (const id of await this.#world.makeSessions(count)) {
      const ledger = new Ledger(id);
      const clients: FaultClient[] = [];
      const enter = async (role: 'host' | 'co-author' | 'viewer') => {
        const name = `${role} of ${id.slice(0, 8)}`;
        const token = await this.#world.token(id, role, name);
        clients.push(new FaultClient({ roomUrl: this.#world.stack.roomUrl, token, name, ledger }));
      };
      await enter('host');
      await enter('co-author');
      if (this.#random.chance(VIEWER_SHARE)) await enter('viewer');
      this.sessions.push({ ledger, clients });
    }
  }

  get clients(): FaultClient[] {
    return this.sessions.flatMap(({ clients }) => clients);
  }

  start(): void {
    this.#isRunning = true;
    for (const client of this.clients) this.#play(client, this.#random.fork());
  }

  stop(): void {
    this.#isRunning = false;
  }

  close(): void {
    for (const client of this.clients) client.close();
  }

  #play(client: FaultClient, random: Random): void {
    let chats = 0;
    const isViewer = client.name.startsWith('viewer');
    const act = () => {
      if (!this.#isRunning) return;
      if (random.chance(DROP_SHARE)) client.drop();
      else if (isViewer || random.chance(CHAT_SHARE)) {
        if (chats++ < MAX_CHATS) client.chat('x'.repeat(random.int(1, SMALL_CHARS)));
      } else {
        client.edit('x'.repeat(random.int(1, random.chance(LARGE_SHARE) ? LARGE_CHARS : SMALL_CHARS)));
      }
      setTimeout(act, random.gapMs(MEAN_GAP_MS));
    };
    setTimeout(act, random.gapMs(MEAN_GAP_MS));
  }
}
