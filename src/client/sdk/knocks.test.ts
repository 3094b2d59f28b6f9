import { describe, expect, it } from 'vitest';
import { FakeSocket, open, useFakeSockets } from '../../../test/support/client.ts';

useFakeSockets();

const ID = '11111111-2222-4333-8444-000000000001';
const eve = { knock_id: ID, display_name: 'Eve', user_id: null, at: 1, was_removed: false };

describe('a caller who asks to be let in', () => {
  it('is in the snapshot until their knock is over', async () => {
    const client = await open();
    const heard: unknown[] = [];
    client.on('knock', (knock) => heard.push([knock, client.snapshot.knocks]));
    client.on('knockAnswered', (answered) => heard.push([answered, client.snapshot.knocks]));
    FakeSocket.last.say('knock', eve);
    const over = { knock_id: ID, outcome: 'withdrawn' };
    FakeSocket.last.say('knock_answered', over);
    expect(heard).toEqual([
      [eve, [eve]],
      [over, []],
    ]);
  });

  it('is in the state that a host gets on connecting, and gone with the next state', async () => {
    const client = await open();
    FakeSocket.last.state({ knocks: [eve] });
    expect(client.snapshot.knocks).toEqual([eve]);
    FakeSocket.last.state();
    expect(client.snapshot.knocks).toEqual([]);
  });

  it('is answered: the promise tells when it is done, or why not', async () => {
    const client = await open();
    FakeSocket.last.say('knock', eve);
    const done = client.answerKnock(ID, { role: 'co-author', readmit: true });
    const [sent] = FakeSocket.last.sent('answer_knock');
    expect(sent).toMatchObject({ knock_id: ID, role: 'co-author', readmit: true });
    FakeSocket.last.say('knock_answered', {
      knock_id: ID,
      outcome: 'admitted',
      role: 'co-author',
      request_id: sent?.request_id,
    });
    await done;
    const late = client.answerKnock(ID, { refused: true });
    const request = FakeSocket.last.sent('answer_knock')[1];
    FakeSocket.last.say('error', { error: 'conflict', message: 'late', request_id: request?.request_id });
    await expect(late).rejects.toMatchObject({ code: 'conflict' });
    const lost = client.answerKnock(ID, { refused: true });
    FakeSocket.last.drop();
    await expect(lost).rejects.toMatchObject({ code: 'disconnected' });
    await expect(client.answerKnock(ID, { refused: true })).rejects.toThrow('not connected');
  });
});
