import { expect, it } from 'vitest';
import { type FakeConnection, makeGrant, makeRoom } from '../../../test/support/room.ts';
import { SLOW_COMMIT_MS, StrangerPace } from './stranger-pace.ts';

const DAY_MS = 86_400_000;

/** A network that writes without pause, in a room whose commits are counted up to `max`. */
function writing(max: number) {
  let nowMs = 0;
  let counted = 0;
  const asked: number[] = [];
  const pace = new StrangerPace({
    commitMinMs: 250,
    commits: {
      async take(_address, commits) {
        asked.push(nowMs);
        counted += commits;
        const resetMs = DAY_MS - nowMs;
        if (counted > max) return { pace: 'none', resetMs };
        return { pace: max - counted < max / 4 ? 'slow' : 'normal', resetMs };
      },
    },
  });
  return {
    asked,
    counted: () => counted,
    /** Thirty writes a second. */
    async write(seconds: number, address: string | null = '203.0.113.1') {
      const paces = new Set<string>();
      for (let i = 0; i < seconds * 30; i++) {
        paces.add(pace.write(address, nowMs).pace);
        nowMs += 1_000 / 30;
        await Promise.resolve();
      }
      return [...paces];
    },
    one: (address: string) => pace.write(address, nowMs),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

it('is as ever, then slower, then nothing until the day is over', async () => {
  const network = writing(1_000);
  // Four commits a second: three quarters are used up in a little more than three minutes.
  expect(await network.write(150)).toEqual(['normal']);
  expect(await network.write(120)).toContain('slow');
  // One in five seconds from there on.
  expect(await network.write((300 * SLOW_COMMIT_MS) / 1_000)).toEqual(['slow', 'none']);
  expect(network.one('203.0.113.1')).toMatchObject({ pace: 'none', resetMs: expect.any(Number) });
  const asked = network.asked.length;
  expect(await network.write(60)).toEqual(['none']);
  expect(network.asked).toHaveLength(asked);
  network.pass(DAY_MS);
  expect(network.one('203.0.113.1')).toEqual({ pace: 'normal' });
});

it('asks once for a hundred commits, and for few at the beginning', async () => {
  const network = writing(1_000_000);
  expect(network.one('203.0.113.1').pace).toBe('normal');
  expect(network.counted()).toBe(10);
  await network.write(250);
  expect(network.asked.length).toBeLessThanOrEqual(15);
  expect(network.counted()).toBeLessThan(1_200);
});

it('is each network’s own', async () => {
  const network = writing(5);
  await network.write(1);
  expect(network.one('203.0.113.1').pace).toBe('none');
  expect(network.one('203.0.113.2').pace).toBe('normal');
});

it('refuses what a stranger writes, with the reason, and nothing that others do', async () => {
  const fixture = makeRoom();
  const join = async (over: Parameters<typeof makeGrant>[0]) => {
    const grant = makeGrant({ role: 'host', ...over });
    return fixture.connect(await fixture.reserved(grant), grant.connectionId);
  };
  const send = (to: FakeConnection, type: string, payload: object) =>
    fixture.room.onMessage(to, JSON.stringify({ type, payload }));
  const [stranger, user] = [await join({}), await join({ userId: crypto.randomUUID() })];
  fixture.script.strangerCommits = { pace: 'none', resetMs: 7_200_000 };
  await send(stranger, 'chat_message', { message: 'the first block is used before it is counted' });
  expect(stranger.all('error')).toEqual([]);
  await send(stranger, 'code_update', { code: 'more' });
  await send(stranger, 'chat_message', { message: 'more' });
  expect(stranger.all('error')).toEqual([
    { error: 'too_many_requests', message: expect.stringMatching(/without an account today.* 2 h/) },
    { error: 'too_many_requests', message: expect.stringMatching(/without an account today/) },
  ]);
  await send(stranger, 'ping', {});
  expect(stranger.all('pong')).toHaveLength(1);
  await send(user, 'code_update', { code: 'by a user' });
  expect([user.all('error'), stranger.all('code_update').map(({ code }) => code)]).toEqual([
    [],
    ['by a user'],
  ]);
});
