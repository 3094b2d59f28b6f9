import { describe, expect, it } from 'vitest';
import { makeMember } from '../../../test/support/room.ts';
import { PING_TIMEOUT_MS } from '../../protocol/index.ts';
import { type JoinedConnection, participantsOf } from './connection.ts';
import { Participants } from './participants.ts';

const hostOf = (members: readonly JoinedConnection[]) => ({ connections: () => members });

describe('participants', () => {
  it('are each there once, and not after their connection was closed', () => {
    const members = [
      makeMember('c1', 'ada'),
      makeMember('c2', 'ada'),
      makeMember('c3', 'ben'),
      makeMember('c4', 'eve'),
    ];
    members[3]?.setState(null);
    const participants = new Participants(hostOf(members));
    expect(participants.ids()).toEqual(['ada', 'ben']);
    expect(participants.connectionsOf('ada').map(({ id }) => id)).toEqual(['c1', 'c2']);
    expect(participantsOf(participants.connections()).map(({ participant_id }) => participant_id)).toEqual([
      'ada',
      'ben',
    ]);
  });

  it('are idle after they sent nothing for too long, counted from the first check', () => {
    const [active, idle] = [makeMember('c1'), makeMember('c2')];
    const participants = new Participants(hostOf([active, idle]));
    const startMs = 1_000_000;
    expect(participants.idle(startMs)).toEqual([]);
    participants.seen(active, startMs + PING_TIMEOUT_MS);
    expect(participants.idle(startMs + PING_TIMEOUT_MS)).toEqual([]);
    // It checks now and then, not with every message.
    expect(participants.idle(startMs + PING_TIMEOUT_MS + 1)).toEqual([]);
    expect(participants.idle(startMs + PING_TIMEOUT_MS * 1.25)).toEqual([idle]);
  });
});
