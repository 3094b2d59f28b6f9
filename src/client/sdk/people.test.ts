import { describe, expect, it, vi } from 'vitest';
import { connect, FakeSocket, open, reconnected, useFakeSockets } from '../../../test/support/client.ts';
import { claimsOf, findSelf, participantOfToken, withoutPerson, withPerson } from './people.ts';

useFakeSockets();

/** A JWT with these claims; nobody here checks its signature. */
function jwt(claims: object): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
}

const ana = { user_id: null, display_name: 'Ana', role: 'host', participant_id: 'p-ana' } as const;
const ben = { user_id: null, display_name: 'Ben', role: 'co-author', participant_id: 'p-ben' } as const;

describe('the list of people', () => {
  it('takes a known participant’s news for the same person, and an unknown one for another', () => {
    const isViewerNow = { ...ben, role: 'viewer' } as const;
    expect(withPerson([ana, ben], isViewerNow)).toEqual({ people: [ana, isViewerNow], before: ben });
    const namesake = { ...ben, participant_id: 'p-other' };
    expect(withPerson([ana, ben], namesake)).toEqual({ people: [ana, ben, namesake], before: null });
  });

  it('lets the right one of two namesakes go', () => {
    const namesake = { ...ben, participant_id: 'p-other' };
    expect(withoutPerson([ben, namesake], namesake)).toEqual([ben]);
    expect(withoutPerson([ben, namesake], { ...ben, role: 'viewer' })).toEqual([namesake]);
    expect(withoutPerson([ana], ben)).toEqual([ana]);
  });

  it('knows oneself by participant, and by looks where rooms tell no more', () => {
    const twin = { ...ben, participant_id: 'p-twin' };
    const self = { display_name: 'Ben', role: 'co-author' } as const;
    expect(findSelf([ana, ben, twin], { ...self, participant_id: 'p-twin' })).toBe(2);
    expect(findSelf([ana, ben, twin], { ...self, participant_id: null })).toBe(1);
    expect(findSelf([ana], { ...self, participant_id: null })).toBe(-1);
  });

  it('reads who a session token stands for, and nothing from anything else', () => {
    expect(participantOfToken(jwt({ pid: 'p-ana' }))).toBe('p-ana');
    expect(participantOfToken(jwt({ sub: 'ana' }))).toBeNull();
    for (const text of ['', 'a.b.c', 'a.%%%.c', jwt([])]) expect(participantOfToken(text)).toBeNull();
    expect(claimsOf(jwt({ name: 'Zoë ✓' }))).toEqual({ name: 'Zoë ✓' });
  });
});

describe('who one is', () => {
  it('is told by the token', async () => {
    const client = await connect({ token: jwt({ pid: 'p-2' }) });
    const twin = { user_id: null, display_name: 'Ana', role: 'host' };
    FakeSocket.last.hello({
      participants: [
        { ...twin, participant_id: 'p-1' },
        { ...twin, participant_id: 'p-2' },
      ],
    });
    expect(client.snapshot.self).toBe(1);
  });

  it('goes by the token that the room gave, also after a reconnect', async () => {
    const client = await connect({ token: null, invite: 'secret', displayName: 'Ana Lu' });
    const first = new URL(FakeSocket.last.url).searchParams;
    expect([first.get('token'), first.get('invite'), first.get('display_name')]).toEqual([
      null,
      'secret',
      'Ana Lu',
    ]);
    const tokens: string[] = [];
    client.on('token', (token) => tokens.push(token));
    const token = jwt({ pid: 'p-ana' });
    FakeSocket.last.hello({ token, participants: [ben, ana] });
    expect(tokens).toEqual([token]);
    expect(client.snapshot.self).toBe(1);
    FakeSocket.last.drop();
    const socket = await reconnected();
    expect(new URL(socket.url).searchParams.get('token')).toBe(token);
  });
});

describe('roles', () => {
  it('of others change without anybody joining', async () => {
    const client = await open();
    const [joined, roleOf] = [vi.fn(), vi.fn()];
    client.on('joined', joined);
    client.on('roleOf', roleOf);
    FakeSocket.last.say('user_joined', ben);
    FakeSocket.last.say('user_joined', { ...ben, role: 'viewer' });
    expect(joined).toHaveBeenCalledExactlyOnceWith(ben);
    expect(roleOf).toHaveBeenCalledExactlyOnceWith({ ...ben, role: 'viewer' });
    expect(client.snapshot.participants.map((one) => one.role)).toEqual(['host', 'viewer']);
  });

  it('of oneself change on the open connection, both ways', async () => {
    const client = await open();
    const changes: string[] = [];
    client.on('role', ({ role, before }) => changes.push(`${before} → ${role}`));
    FakeSocket.last.state({ role: 'viewer' });
    expect(client.edit('mine')).toBeNull();
    FakeSocket.last.state({ role: 'co-author' });
    expect(client.edit('mine')).not.toBeNull();
    FakeSocket.last.state({ role: 'co-author' });
    expect(changes).toEqual(['host → viewer', 'viewer → co-author']);
    expect(FakeSocket.sockets).toHaveLength(1);
  });

  it('that changed while the connection was gone are told when it is back', async () => {
    const client = await open();
    const role = vi.fn();
    client.on('role', role);
    FakeSocket.last.drop();
    (await reconnected()).hello({ role: 'viewer' });
    expect(role).toHaveBeenCalledExactlyOnceWith({ role: 'viewer', before: 'host' });
  });

  it('taken away take back the edits that were on their way, and offer them', async () => {
    const client = await open();
    client.edit('mine');
    FakeSocket.last.state({ role: 'viewer' });
    FakeSocket.last.say('error', { error: 'forbidden', message: 'viewers can’t' });
    const offered = { code: 'mine', reason: 'viewer' };
    expect(client.snapshot).toMatchObject({ code: 'base', role: 'viewer', offered });
    expect(client.hasUnacknowledged).toBe(false);
  });
});

describe('being sent away', () => {
  it.each([
    [4403, 'the host removed you', 'removed', 'the host removed you'],
    [4403, '', 'removed', 'you were sent away'],
    [4404, '', 'gone', 'there is no such session any more'],
  ] as const)('by close code %i (%s) is final', async (code, reason, cause, told) => {
    const client = await open();
    FakeSocket.last.drop(code, reason);
    expect(client.snapshot.connection).toEqual({ state: 'closed', cause, reason: told });
    expect(client.snapshot.code).toBe('base');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.sockets).toHaveLength(1);
  });

  it('also before the room has said hello', async () => {
    const client = await connect();
    FakeSocket.last.open();
    FakeSocket.last.drop(4404);
    expect(client.snapshot.connection).toMatchObject({ state: 'closed', cause: 'gone' });
  });

  it('is not how a lost connection looks', async () => {
    const client = await open();
    FakeSocket.last.drop(1013, 'try again');
    expect(client.snapshot.connection.state).toBe('reconnecting');
  });
});
