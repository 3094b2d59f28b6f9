/** A page with nothing but a player, for `player.ts`: what the player said is kept, in order. */
import { Player } from '../../src/client/player/player.ts';

/** What the test finds on the page. */
export interface PlayerWindow {
  player: Player;
  said: { name: string; event: unknown }[];
}

const player = new Player();
const said: PlayerWindow['said'] = [];
const EVENTS = ['started', 'stopped', 'error', 'sounding', 'unheard', 'interrupted', 'names'] as const;
for (const name of EVENTS) {
  player.on(name, (event: unknown) => said.push({ name, event }));
}
Object.assign(window, { player, said } satisfies PlayerWindow);
