import { describe, expect, it } from 'vitest';
import { makeMember } from '../../../test/support/room.ts';
import { MAX_LISTED_PARTICIPANTS } from '../../protocol/index.ts';
import type { JoinedConnection } from './connection.ts';
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
    const participants = new Participants(hostOf(members));
    if (members[3]) participants.remove(members[3]);
    expect(participants.ids()).toEqual(['ada', 'ben']);
    expect(participants.connectionsOf('ada').map(({ id }) => id)).toEqual(['c1', 'c2']);
    expect([...participants.listed()].map(({ state }) => state.participantId)).toEqual(['ada', 'ben']);
    expect(participants.size).toBe(3);
  });

  it('are found by what they share: the participant, or the network', () => {
    const from = (id: string, participantId: string, address: string | null) => {
      const member = makeMember(id, participantId);
      member.setState({ ...member.state, address });
      return member;
    };
    const members = [from('c1', 'ada', '192.0.2.1'), from('c2', 'ben', '192.0.2.1'), from('c3', 'ada', null)];
    const participants = new Participants(hostOf(members));
    const sharing = (...of: [string, string | null]) => participants.sharing(...of).map(({ id }) => id);
    expect(sharing('ada', '192.0.2.1')).toEqual(['c1', 'c3', 'c2']);
    expect(sharing('eve', '192.0.2.1')).toEqual(['c1', 'c2']);
    expect(sharing('eve', null)).toEqual([]);
    if (members[1]) participants.remove(members[1]);
    expect(sharing('eve', '192.0.2.1')).toEqual(['c1']);
  });

  it('who watch are listed up to a number, and then counted, until a place is free', () => {
    const participants = new Participants(hostOf([]));
    const come = (id: string, role: 'viewer' | 'co-author' = 'viewer', participantId = id) => {
      const member = makeMember(id, participantId);
      const state = { ...member.state, role };
      return participants.add(member, { ...state, isListed: participants.isListed(state) });
    };
    const audience = Array.from({ length: MAX_LISTED_PARTICIPANTS }, (_, n) => come(`w${n}`));
    expect(participants.unlisted).toBe(0);
    const late = come('late');
    // Another tab of theirs is no other participant.
    come('late 2', 'viewer', 'late');
    come('w0 2', 'viewer', 'w0');
    expect([late.state.isListed, participants.unlisted, participants.watching]).toEqual([false, 1, 53]);
    const writer = come('writer', 'co-author');
    expect([...participants.listed()]).toHaveLength(MAX_LISTED_PARTICIPANTS + 1);
    // Who may edit is listed from then on.
    for (const one of participants.connectionsOf('late')) {
      participants.changeAccess(one, { role: 'co-author', joinMethod: 'grant' });
    }
    expect(participants.unlisted).toBe(0);
    expect([...participants.writers()]).toEqual([writer, ...participants.connectionsOf('late')]);
    if (audience[1]) participants.remove(audience[1]);
    if (audience[2]) participants.remove(audience[2]);
    if (audience[3]) participants.remove(audience[3]);
    expect(come('next').state.isListed).toBe(true);
  });

  it('are those of the host for a new instance, whose connections outlive the last one', () => {
    const [writer, watcher, gone] = [makeMember('c1'), makeMember('c2'), makeMember('c3')];
    writer.setState({ ...writer.state, role: 'co-author' });
    const participants = new Participants(hostOf([writer, watcher]));
    participants.remove(gone);
    expect([[...participants.writers()], [...participants.watchers()]]).toEqual([[writer], [watcher]]);
    watcher.close(1000, 'gone');
    expect(participants.ids()).toEqual(['c1']);
  });
});
