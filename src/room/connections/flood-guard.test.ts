import { describe, expect, it } from 'vitest';
import {
  MAX_CHARS_PER_SECOND,
  MAX_CODE_UPDATES_PER_SECOND,
  MAX_SIGNALS_PER_SECOND,
  MAX_UNREAD_FRAMES,
  UNREAD_FRAMES_WINDOW_MS,
} from '../../protocol/index.ts';
import { FloodGuard } from './flood-guard.ts';

describe('a flood', () => {
  const each = MAX_CODE_UPDATES_PER_SECOND + MAX_SIGNALS_PER_SECOND;

  it('is dropped beyond all limits together, and then its sender is disconnected', () => {
    const guard = new FloodGuard();
    const client = {};
    const verdicts = Array.from({ length: each + MAX_UNREAD_FRAMES + 1 }, () => guard.take(client, 10, 0));
    expect(verdicts.filter((verdict) => verdict === 'accept')).toHaveLength(each);
    expect(verdicts.filter((verdict) => verdict === 'drop')).toHaveLength(MAX_UNREAD_FRAMES);
    expect(verdicts.at(-1)).toBe('disconnect');
    expect(guard.take({}, 10, 0)).toBe('accept');
  });

  it('may have few large frames, too', () => {
    const guard = new FloodGuard();
    const client = {};
    expect(guard.take(client, MAX_CHARS_PER_SECOND, 0)).toBe('accept');
    expect(guard.take(client, 1, 999)).toBe('drop');
    expect(guard.take(client, 1, 1_000)).toBe('accept');
  });

  it('may send no more characters around the turn of a second than within one', () => {
    const guard = new FloodGuard();
    const client = {};
    expect(guard.take(client, 1, 0)).toBe('accept');
    expect(guard.take(client, MAX_CHARS_PER_SECOND - 1, 900)).toBe('accept');
    expect(guard.take(client, 2, 1_000)).toBe('drop');
    expect(guard.take(client, 1, 1_000)).toBe('accept');
    // What comes at once was sent over three seconds.
    const late = {};
    const verdicts = Array.from({ length: 4 }, () => guard.take(late, MAX_CHARS_PER_SECOND, 5_000, 2_000));
    expect(verdicts).toEqual(['accept', 'accept', 'accept', 'drop']);
  });

  it('disconnects its sender the sooner the larger the frames are', () => {
    const guard = new FloodGuard();
    const client = {};
    const large = 100 * 1024;
    const verdicts: string[] = [];
    while (verdicts.at(-1) !== 'disconnect') verdicts.push(guard.take(client, large, 0));
    expect(verdicts.filter((verdict) => verdict === 'accept')).toHaveLength(40);
    expect(verdicts.filter((verdict) => verdict === 'drop')).toHaveLength(Math.floor(MAX_UNREAD_FRAMES / 7));
  });

  it('is forgotten once its sender stops', () => {
    const guard = new FloodGuard();
    const client = {};
    for (let i = 0; i < each + MAX_UNREAD_FRAMES; i++) guard.take(client, 1, 0);
    expect(guard.take(client, 1, 1_000)).toBe('accept');
    for (let i = 0; i < each; i++) guard.take(client, 1, UNREAD_FRAMES_WINDOW_MS);
    expect(guard.take(client, 1, UNREAD_FRAMES_WINDOW_MS)).toBe('drop');
  });
});
