/** How far connections may be behind, and floods: the rules alone. */
import { describe, expect, it } from 'vitest';
import { BanList } from '../../access/ban-list.ts';
import {
  FLOOD_BAN_MS,
  MAX_CHARS_PER_SECOND,
  MAX_CODE_UPDATES_PER_SECOND,
  MAX_SIGNALS_PER_SECOND,
  MAX_UNHEARD_CHARS,
  MAX_UNHEARD_CHARS_IN_ROOM,
  MAX_UNPROVEN_CHARS,
  MAX_UNREAD_FRAMES,
  PING_AFTER_CHARS,
  UNREAD_FRAMES_WINDOW_MS,
} from '../../protocol/index.ts';
import { Backlog } from './backlog.ts';
import { Flood } from './flood.ts';

interface Client {
  name: string;
}

function makeBacklog(...names: string[]) {
  let marks = 0;
  const backlog = new Backlog<Client>(() => `mark ${++marks}`);
  const clients = names.map((name) => ({ name }));
  const tooFar = () => backlog.tooFar(() => clients).map(({ name }) => name);
  const [one = { name: '' }] = clients;
  return { backlog, clients, one, tooFar };
}

describe('a connection that is sent much', () => {
  it('is kept while it shows signs of life, up to what it may have left unread', () => {
    const { backlog, one, tooFar } = makeBacklog('one');
    backlog.sent(one, MAX_UNHEARD_CHARS);
    expect(tooFar()).toEqual([]);
    backlog.heard(one);
    backlog.sent(one, MAX_UNHEARD_CHARS);
    expect(tooFar()).toEqual([]);
    backlog.sent(one, 1);
    // Looked at again only when there is enough to look at.
    expect(tooFar()).toEqual([]);
    backlog.sent(one, 2 ** 20);
    expect(tooFar()).toEqual(['one']);
  });

  it('that never proves that it reads is closed, whatever it sends', () => {
    const { backlog, one, tooFar } = makeBacklog('one');
    let sent = 0;
    while (tooFar().length === 0) {
      backlog.heard(one);
      backlog.pinged(one, 'guess');
      backlog.sent(one, 2 ** 20);
      sent += 2 ** 20;
      expect(sent).toBeLessThanOrEqual(MAX_UNPROVEN_CHARS + 2 ** 20);
    }
    expect(sent).toBeGreaterThan(MAX_UNPROVEN_CHARS);
  });

  it('that sends back the marks is kept for ever', () => {
    const { backlog, one, tooFar } = makeBacklog('one');
    let mark: string | undefined;
    for (let sent = 0; sent < 4 * MAX_UNPROVEN_CHARS; sent += PING_AFTER_CHARS) {
      backlog.sent(one, PING_AFTER_CHARS);
      backlog.heard(one);
      mark = backlog.pinged(one, mark);
      expect(tooFar()).toEqual([]);
    }
  });

  it('proves only what came before its mark, and only once', () => {
    const { backlog, one, tooFar } = makeBacklog('one');
    const mark = backlog.pinged(one, undefined);
    backlog.sent(one, MAX_UNPROVEN_CHARS + 1);
    backlog.heard(one);
    backlog.pinged(one, mark);
    expect(tooFar()).toEqual(['one']);
    backlog.sent(one, 2 ** 20);
    backlog.heard(one);
    backlog.pinged(one, mark);
    expect(tooFar()).toEqual(['one']);
  });

  it('goes when all of them together are silent for too long: the furthest first, and none that is nearly there', () => {
    const names = [...Array.from({ length: 10 }, (_, index) => `c${index}`), 'near', 'old'];
    const { backlog, clients, tooFar } = makeBacklog(...names);
    for (const client of clients) {
      if (client.name === 'old') {
        // Knows nothing of marks, and has shown a sign of life.
        backlog.sent(client, MAX_UNPROVEN_CHARS - 2 ** 20);
        backlog.heard(client);
      } else backlog.sent(client, client.name === 'near' ? 2 ** 20 : MAX_UNHEARD_CHARS_IN_ROOM / 10);
    }
    expect(tooFar()).toEqual([]);
    const [, second] = clients;
    backlog.sent(second ?? { name: '' }, 2 ** 20);
    expect(tooFar()).toEqual(['c1']);
  });
});

describe('a flood', () => {
  const each = MAX_CODE_UPDATES_PER_SECOND + MAX_SIGNALS_PER_SECOND;

  it('is not read beyond all limits together, and then is one', () => {
    const flood = new Flood();
    const client = {};
    const verdicts = Array.from({ length: each + MAX_UNREAD_FRAMES + 1 }, () => flood.take(client, 10, 0));
    expect(verdicts.filter((verdict) => verdict === 'read')).toHaveLength(each);
    expect(verdicts.filter((verdict) => verdict === 'unread')).toHaveLength(MAX_UNREAD_FRAMES);
    expect(verdicts.at(-1)).toBe('flood');
    expect(flood.take({}, 10, 0)).toBe('read');
  });

  it('may be of few large frames too', () => {
    const flood = new Flood();
    const client = {};
    expect(flood.take(client, MAX_CHARS_PER_SECOND, 0)).toBe('read');
    expect(flood.take(client, 1, 999)).toBe('unread');
    expect(flood.take(client, 1, 1_000)).toBe('read');
  });

  it('is one the sooner the larger its frames are', () => {
    const flood = new Flood();
    const client = {};
    const large = 100 * 1024;
    const verdicts: string[] = [];
    while (verdicts.at(-1) !== 'flood') verdicts.push(flood.take(client, large, 0));
    expect(verdicts.filter((verdict) => verdict === 'read')).toHaveLength(40);
    expect(verdicts.filter((verdict) => verdict === 'unread')).toHaveLength(
      Math.floor(MAX_UNREAD_FRAMES / 7),
    );
  });

  it('is forgotten by who stops', () => {
    const flood = new Flood();
    const client = {};
    for (let i = 0; i < each + MAX_UNREAD_FRAMES; i++) flood.take(client, 1, 0);
    expect(flood.take(client, 1, 1_000)).toBe('read');
    for (let i = 0; i < each; i++) flood.take(client, 1, UNREAD_FRAMES_WINDOW_MS);
    expect(flood.take(client, 1, UNREAD_FRAMES_WINDOW_MS)).toBe('unread');
  });

  it('keeps its sender out for a while, and nobody else', () => {
    const flood = new Flood();
    flood.ban('eve', 0);
    expect(flood.banLeftMs('eve', 0)).toBe(FLOOD_BAN_MS);
    expect(flood.banLeftMs('eve', FLOOD_BAN_MS - 1)).toBe(1);
    expect(flood.banLeftMs('ada', 0)).toBe(0);
    expect(flood.banLeftMs('eve', FLOOD_BAN_MS)).toBe(0);
  });

  it('is known to the Worker as long, of a bounded number', () => {
    const out = new BanList();
    out.add('first', 100);
    expect([out.has('first', 99), out.has('other', 99), out.has('first', 100)]).toEqual([true, false, false]);
    out.add('first', 100);
    for (let i = 0; i < 1_000; i++) out.add(`t${i}`, 100);
    expect([out.has('first', 0), out.has('t0', 0), out.has('t999', 0)]).toEqual([false, true, true]);
  });
});
