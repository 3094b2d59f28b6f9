/** What plays for all, brought to one participant's player, and back. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WireTransport } from '../../protocol/index.ts';
import type { Anchor } from '../../protocol/player.ts';
import { Emitter } from '../sdk/emitter.ts';
import type { SessionClient } from '../sdk/session-client.ts';
import type { Evaluation, Player, PlayerEvents } from './player.ts';
import { SharedPlayback } from './shared-playback.ts';

const NOW = 1_000_000;
/** The room's clock is so far ahead. */
const AHEAD = 5_000;

/** A player without a frame: it runs what doesn't say `bad`. */
class FakePlayer extends Emitter<PlayerEvents> {
  evaluated: { code: string; at: Anchor | undefined }[] = [];
  stops = 0;
  /** Evaluations wait until the test answers them. */
  isSlow = false;
  #waiting: (() => void)[] = [];
  answer() {
    this.#waiting.shift()?.();
  }
  async evaluate(code: string, at?: Anchor): Promise<Evaluation> {
    this.evaluated.push({ code, at });
    if (this.isSlow) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (code.includes('blocked')) return failure('audio_blocked');
    if (code.includes('bad')) return failure('runtime');
    return { ok: true, at: at ?? { room_ms: NOW + AHEAD + 120, cycle: 0 }, cyclesPerSecond: 2 };
  }
  stop() {
    this.stops += 1;
    this.emit('stopped', undefined);
  }
  setVolume() {}
  setClock = vi.fn();
  preview() {}
  dispose() {}
}

function failure(kind: 'audio_blocked' | 'runtime'): Evaluation {
  return { ok: false, error: { kind, message: 'no', line: 1, column: 1 } };
}

function setUp() {
  const events = new Emitter<{ transport: WireTransport | null }>();
  const client = {
    snapshot: { transport: null as WireTransport | null },
    on: events.on.bind(events),
    isOpen: true,
    played: [] as unknown[],
    stops: 0,
    play(what: unknown) {
      if (client.isOpen) client.played.push(what);
      return client.isOpen;
    },
    stop() {
      client.stops += 1;
      return client.isOpen;
    },
    roomNow: () => NOW + AHEAD,
    askRoomClock: vi.fn(),
  };
  const player = new FakePlayer();
  const playback = new SharedPlayback(client as unknown as SessionClient, player as unknown as Player);
  const problems: unknown[] = [];
  const unheard: string[] = [];
  playback.on('unheard', (sounds) => unheard.push(sounds.map(({ message }) => message).join()));
  playback.on('problem', (problem) => problems.push(problem?.error.kind ?? null));
  const say = async (transport: WireTransport | null) => {
    client.snapshot.transport = transport;
    events.emit('transport', transport);
    await Promise.resolve();
    await Promise.resolve();
  };
  return { client, player, playback, problems, unheard, say };
}

const beat: WireTransport = {
  playing: true,
  code: 'beat',
  rev: 1,
  by: 'Ben',
  since: NOW + AHEAD - 4_000,
  cycle: 3,
  cps: 2,
};

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('playing for all', () => {
  it('evaluates here first, and tells the room when it began', async () => {
    const { client, player, playback } = setUp();
    expect(await playback.play('code')).toBe('played');
    expect(player.evaluated).toEqual([{ code: 'code', at: undefined }]);
    expect(client.played).toEqual([{ code: 'code', cps: 2, since: NOW + AHEAD + 120 }]);
    expect(player.setClock).toHaveBeenLastCalledWith(AHEAD);
    expect(playback.isListening).toBe(true);
  });

  it('goes on in the cycle that what plays has come to', async () => {
    const { client, player, playback } = setUp();
    client.snapshot.transport = beat;
    await playback.play('code');
    expect(player.evaluated).toEqual([{ code: 'code', at: { room_ms: NOW + AHEAD, cycle: 3 + 4 * 2 } }]);
    expect(client.played).toEqual([{ code: 'code', cps: 2, since: NOW + AHEAD }]);
  });

  it('doesn’t tell the room of what doesn’t run', async () => {
    const { client, playback, problems } = setUp();
    expect(await playback.play('bad')).toBe('failed');
    expect(client.played).toEqual([]);
    expect(problems).toEqual(['runtime']);
  });

  it('says that the room could not be told', async () => {
    const { client, playback } = setUp();
    client.isOpen = false;
    expect(await playback.play('code')).toBe('offline');
  });

  it('isn’t started anew when the room says what is heard already', async () => {
    const { player, playback, say } = setUp();
    await playback.play('code');
    await say({ ...beat, code: 'code', since: NOW + AHEAD + 123, cycle: 0 });
    expect(player.evaluated).toHaveLength(1);
    // The room has another beat.
    await say({ ...beat, code: 'code', since: NOW + AHEAD - 900, cycle: 0 });
    expect(player.evaluated.at(-1)).toEqual({ code: 'code', at: { room_ms: NOW + AHEAD - 900, cycle: 0 } });
  });
});

describe('listening', () => {
  it('follows what others play only once it is asked for', async () => {
    const { player, playback, say } = setUp();
    await say(beat);
    expect(player.evaluated).toEqual([]);
    playback.listen(true);
    expect(player.evaluated).toEqual([{ code: 'beat', at: { room_ms: beat.since, cycle: 3 } }]);
    await say({ ...beat, code: 'next' });
    expect(player.evaluated.at(-1)?.code).toBe('next');
    const before = player.stops;
    await say(null);
    expect(player.stops).toBe(before + 1);
    playback.listen(false);
    await say(beat);
    expect(player.evaluated).toHaveLength(2);
  });

  it('doesn’t start what was stopped while it was being evaluated', async () => {
    const { client, player, playback, say } = setUp();
    client.snapshot.transport = beat;
    player.isSlow = true;
    playback.listen(true);
    expect(playback.isStarting).toBe(true);
    await say(null);
    expect(player.stops).toBe(1);
  });

  it('is starting until the last of several evaluations has ended', async () => {
    const { player, playback, say } = setUp();
    playback.listen(true);
    player.isSlow = true;
    await say(beat);
    await say({ ...beat, code: 'next' });
    player.answer();
    await vi.advanceTimersByTimeAsync(0);
    expect(playback.isStarting).toBe(true);
    player.answer();
    await vi.advanceTimersByTimeAsync(0);
    expect(playback.isStarting).toBe(false);
  });

  it('is off again where the browser wants a click first, and says so', async () => {
    const { playback, problems, say } = setUp();
    playback.listen(true);
    await say({ ...beat, code: 'blocked' });
    expect(playback.isListening).toBe(false);
    expect(problems).toEqual(['audio_blocked']);
  });

  it('says what isn’t heard of what plays, and nothing of what played', async () => {
    const { player, playback, unheard, say } = setUp();
    const sounds = [{ kind: 'unknown' as const, message: 'no foo', places: [] }];
    playback.listen(true);
    await say(beat);
    player.emit('unheard', { type: 'unheard', id: 0, sounds });
    expect(unheard).toEqual(['no foo']);
    playback.listen(false);
    player.emit('unheard', { type: 'unheard', id: 0, sounds });
    expect(unheard).toEqual(['no foo']);
  });

  it('is off while the device takes the sound away, and on when it gives it back', async () => {
    const { player, playback, problems, say } = setUp();
    playback.listen(true);
    await say(beat);
    player.emit('interrupted', { type: 'interrupted', is_interrupted: true });
    expect(playback.isListening).toBe(false);
    expect(problems).toEqual([null, 'audio_blocked']);
    await say({ ...beat, code: 'next' });
    expect(player.evaluated).toHaveLength(1);
    player.emit('interrupted', { type: 'interrupted', is_interrupted: false });
    expect(playback.isListening).toBe(true);
    expect(player.evaluated.at(-1)?.code).toBe('next');
  });

  it('is asked for again by one press, though the same plays', async () => {
    const { player, playback, say } = setUp();
    playback.listen(true);
    await say(beat);
    player.emit('interrupted', { type: 'interrupted', is_interrupted: true });
    playback.listen(true);
    expect(player.evaluated.map(({ code }) => code)).toEqual(['beat', 'beat']);
    player.emit('interrupted', { type: 'interrupted', is_interrupted: false });
    expect(playback.isListening).toBe(true);
    expect(player.evaluated).toHaveLength(2);
  });

  it('isn’t on again after the interruption of what was stopped meanwhile', async () => {
    const { player, playback, say } = setUp();
    playback.listen(true);
    await say(beat);
    player.emit('interrupted', { type: 'interrupted', is_interrupted: true });
    playback.listen(false);
    player.emit('interrupted', { type: 'interrupted', is_interrupted: false });
    expect(playback.isListening).toBe(false);
  });

  it('tells a preview’s trouble also while nothing plays', () => {
    const { player, problems } = setUp();
    player.emit('error', { kind: 'sound', message: 'no', line: null, column: null });
    player.emit('error', { kind: 'runtime', message: 'late', line: null, column: null });
    expect(problems).toEqual(['sound']);
  });

  it('is off again when the player is lost', async () => {
    const { player, playback, problems, say } = setUp();
    playback.listen(true);
    await say(beat);
    player.emit('error', { kind: 'player_lost', message: 'lost', line: null, column: null });
    expect(playback.isListening).toBe(false);
    expect(problems).toEqual([null, 'player_lost']);
  });
});
