import { describe, expect, it } from 'vitest';
import {
  MAX_CHARS_BEHIND,
  MAX_CHARS_BEHIND_IN_ROOM,
  MAX_UNACKNOWLEDGED_CHARS,
  PING_AFTER_CHARS,
} from '../../protocol/index.ts';
import { SlowConsumers } from './slow-consumers.ts';

interface Client {
  name: string;
}

function setUp(...names: string[]) {
  let nonces = 0;
  const slowConsumers = new SlowConsumers<Client>(() => `nonce ${++nonces}`);
  const clients = names.map((name) => ({ name }));
  const overLimit = () => slowConsumers.overLimit(() => clients).map(({ name }) => name);
  const [one = { name: '' }] = clients;
  return { slowConsumers, clients, one, overLimit };
}

describe('a connection that is sent much', () => {
  it('is kept while its client sends, up to what the client may have left unread', () => {
    const { slowConsumers, one, overLimit } = setUp('one');
    slowConsumers.countSent(one, MAX_CHARS_BEHIND);
    expect(overLimit()).toEqual([]);
    slowConsumers.seen(one);
    slowConsumers.countSent(one, MAX_CHARS_BEHIND);
    expect(overLimit()).toEqual([]);
    slowConsumers.countSent(one, 1);
    // Checked again only after so many characters.
    expect(overLimit()).toEqual([]);
    slowConsumers.countSent(one, 2 ** 20);
    expect(overLimit()).toEqual(['one']);
  });

  it('is closed when its client acknowledges nothing, whatever it sends', () => {
    const { slowConsumers, one, overLimit } = setUp('one');
    let sent = 0;
    while (overLimit().length === 0) {
      slowConsumers.seen(one);
      slowConsumers.pinged(one, 'guess');
      slowConsumers.countSent(one, 2 ** 20);
      sent += 2 ** 20;
      expect(sent).toBeLessThanOrEqual(MAX_UNACKNOWLEDGED_CHARS + 2 ** 20);
    }
    expect(sent).toBeGreaterThan(MAX_UNACKNOWLEDGED_CHARS);
  });

  it('is kept for ever when its client sends the nonces back', () => {
    const { slowConsumers, one, overLimit } = setUp('one');
    let nonce: string | undefined;
    for (let sent = 0; sent < 4 * MAX_UNACKNOWLEDGED_CHARS; sent += PING_AFTER_CHARS) {
      slowConsumers.countSent(one, PING_AFTER_CHARS);
      slowConsumers.seen(one);
      nonce = slowConsumers.pinged(one, nonce);
      expect(overLimit()).toEqual([]);
    }
  });

  it('has acknowledged what came before its nonce, and only once', () => {
    const { slowConsumers, one, overLimit } = setUp('one');
    const nonce = slowConsumers.pinged(one, undefined);
    slowConsumers.countSent(one, MAX_UNACKNOWLEDGED_CHARS + 1);
    slowConsumers.seen(one);
    slowConsumers.pinged(one, nonce);
    expect(overLimit()).toEqual(['one']);
    slowConsumers.countSent(one, 2 ** 20);
    slowConsumers.seen(one);
    slowConsumers.pinged(one, nonce);
    expect(overLimit()).toEqual(['one']);
  });

  it('is closed when all together have too much unread: the furthest behind first, and none that is nearly there', () => {
    const names = [...Array.from({ length: 10 }, (_, index) => `c${index}`), 'near', 'old'];
    const { slowConsumers, clients, overLimit } = setUp(...names);
    for (const client of clients) {
      if (client.name === 'old') {
        // Its client knows no nonces, and has sent something.
        slowConsumers.countSent(client, MAX_UNACKNOWLEDGED_CHARS - 2 ** 20);
        slowConsumers.seen(client);
      } else
        slowConsumers.countSent(client, client.name === 'near' ? 2 ** 20 : MAX_CHARS_BEHIND_IN_ROOM / 10);
    }
    expect(overLimit()).toEqual([]);
    const [, second] = clients;
    slowConsumers.countSent(second ?? { name: '' }, 2 ** 20);
    expect(overLimit()).toEqual(['c1']);
  });
});
