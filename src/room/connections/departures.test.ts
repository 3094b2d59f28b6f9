/** How connections leave a room, and what the others see of it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FakeConnection, makeGrant, makeRoom, type RoomFixture } from '../../../test/support/room.ts';
import { MAX_CHARS_BEHIND, MAX_FRAME_BYTES, PING_TIMEOUT_MS } from '../../protocol/index.ts';
import type { AdmissionGrant } from './grant.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const join = async (fixture: RoomFixture, grant: AdmissionGrant) =>
  fixture.connect(await fixture.reserved(grant), grant.connectionId);

const send = (fixture: RoomFixture, connection: FakeConnection, message: object) =>
  fixture.room.onMessage(connection, JSON.stringify(message));

/** A room with a watcher, who sees the others come and leave. */
async function setUp() {
  const fixture = makeRoom();
  const watcher = await join(fixture, makeGrant({ displayName: 'Watcher' }));
  const left = () => watcher.all('user_left').map(({ display_name }) => display_name);
  return { fixture, watcher, left };
}

describe('a leave', () => {
  it('is announced once, with the last connection of the participant', async () => {
    const { fixture, left } = await setUp();
    const ada = makeGrant({ displayName: 'Ada' });
    const [first, second] = [
      await join(fixture, { ...ada, connectionId: 'c1' }),
      await join(fixture, { ...ada, connectionId: 'c2' }),
    ];
    first.close(1000, 'bye');
    await fixture.room.onClose(first);
    expect(left()).toEqual([]);
    second.close(1000, 'bye');
    await fixture.room.onClose(second);
    await fixture.room.onClose(second);
    expect(left()).toEqual(['Ada']);
  });

  it('is not announced again for a connection that the room closed itself', async () => {
    const { fixture, left } = await setUp();
    const grant = makeGrant({ displayName: 'Ada' });
    const ada = await join(fixture, grant);
    await fixture.command({ kind: 'participant_removed', participant_id: grant.participantId });
    await fixture.room.onClose(ada);
    expect(left()).toEqual(['Ada']);
  });

  it('is not announced when the client is back on another socket', async () => {
    const { fixture, watcher, left } = await setUp();
    const grant = makeGrant({ displayName: 'Ada' });
    const old = await join(fixture, grant);
    const next = await join(fixture, grant);
    expect(old.closed).toEqual({ code: 1000, reason: 'replaced' });
    expect(old.state).toBeNull();
    await fixture.room.onClose(old);
    expect([left(), watcher.all('user_joined').length, next.closed]).toEqual([[], 1, null]);
  });
});

describe('a connection is closed', () => {
  it('with an error before, when it sends a frame that is too large', async () => {
    const { fixture, left } = await setUp();
    const ada = await join(fixture, makeGrant({ displayName: 'Ada' }));
    await fixture.room.onMessage(ada, 'x'.repeat(MAX_FRAME_BYTES + 1));
    expect(ada.all('error').map(({ error }) => error)).toEqual(['validation_error']);
    expect([ada.closed?.code, ada.state, left()]).toEqual([1009, null, ['Ada']]);
  });

  it('without a word, when its client does not read what it is sent', async () => {
    const { fixture, watcher, left } = await setUp();
    const host = await join(fixture, makeGrant({ displayName: 'Host', role: 'host' }));
    const slow = await join(fixture, makeGrant({ displayName: 'Slow' }));
    const code = 'x'.repeat(64 * 1024);
    for (let sent = 0; sent <= MAX_CHARS_BEHIND + 2 ** 20; sent += code.length) {
      vi.advanceTimersByTime(100);
      await send(fixture, host, { type: 'code_update', payload: { code } });
      await send(fixture, watcher, { type: 'ping' });
    }
    expect(slow.closed).toEqual({ code: 1013, reason: 'too slow' });
    expect(slow.all('error')).toEqual([]);
    expect([host.closed, watcher.closed, left()]).toEqual([null, null, ['Slow']]);
  });

  it('when it has sent nothing for too long', async () => {
    const { fixture, watcher, left } = await setUp();
    const ada = await join(fixture, makeGrant());
    const idle = await join(fixture, makeGrant({ displayName: 'Idle' }));
    await send(fixture, idle, { type: 'ping' });
    for (let passedMs = 0; passedMs < PING_TIMEOUT_MS; passedMs += PING_TIMEOUT_MS / 4) {
      await send(fixture, ada, { type: 'ping' });
      await send(fixture, watcher, { type: 'ping' });
      vi.advanceTimersByTime(PING_TIMEOUT_MS / 4);
    }
    await fixture.room.onAlarm();
    // Its leave is told now: the end of a dead socket may be reported minutes later.
    expect([idle.closed?.code, idle.state, left()]).toEqual([1001, null, ['Idle']]);
    expect([ada.closed, watcher.closed]).toEqual([null, null]);
  });
});
