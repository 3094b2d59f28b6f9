/**
 * The player's page: a frame of opaque origin in a page of this site. It listens to its parent only. The
 * patterns that it runs can reach neither the page nor anything stored.
 */
import { toPlayerSchema } from '../protocol/player.ts';
import { Player } from './player.ts';

/** In a sandbox without `allow-same-origin`, a page has no origin. */
const isSandboxed = () => self.origin === 'null';

function start(parent: Window): void {
  // Whatever a pattern does to the window's own functions, these are kept.
  const say = parent.postMessage.bind(parent);
  const player = new Player((message) => say(message, '*'));
  window.addEventListener('message', ({ source, data }) => {
    if (source !== parent) return;
    const message = toPlayerSchema.safeParse(data);
    if (message.success) player.handle(message.data);
  });
  void player.announce();
}

const isFramed = window.parent !== window;
if (isSandboxed() && isFramed) start(window.parent);
document.body.dataset.state = isSandboxed() && isFramed ? 'running' : 'idle';
