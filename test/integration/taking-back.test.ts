/** What the AI changed is taken back once, whoever asks for it, and whatever becomes of the room. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { sharedText } from '../../src/client/page/session/shared-text.ts';
import { SessionClient } from '../../src/client/sdk/index.ts';
import { type AiProvider, startAiProvider } from '../support/ai-provider.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { StateEditor } from '../support/state-editor.ts';
import { WAIT } from '../support/wait.ts';

const BEFORE = 's("bd sd")';
const ANSWER = 'note("c3 e3").fast(2)';

let provider: AiProvider;
let stack: Stack;
let scene: Scene;
const clients: SessionClient[] = [];

beforeAll(async () => {
  provider = await startAiProvider();
  stack = await startStack({
    AI_PROVIDER: '',
    ANTHROPIC_API_KEY: 'sk-of-the-server',
    ANTHROPIC_BASE_URL: provider.url,
  });
  scene = new Scene(stack);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await scene.leave();
});
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
  await provider?.stop();
});

interface Person {
  client: SessionClient;
  editor: StateEditor;
  told: string[];
}

async function enter(sessionId: string, token: string): Promise<Person> {
  const client = new SessionClient({
    url: stack.roomUrl,
    sessionId,
    token,
    WebSocket: WebSocket as never,
    minReconnectMs: 50,
  });
  clients.push(client);
  await vi.waitUntil(() => client.snapshot.role !== null, WAIT);
  const told: string[] = [];
  return { client, editor: new StateEditor(sharedText(client, (text) => told.push(text))), told };
}

/** Two participants, and Ada's second page, with an answer of the AI to Ada in the text. */
async function answered(): Promise<[Person, Person, Person]> {
  const { id } = await scene.session({ code: BEFORE });
  const [ada, ben] = await Promise.all([scene.token(id, 'host'), scene.token(id, 'co-author')]);
  const people: [Person, Person, Person] = [await enter(id, ada), await enter(id, ben), await enter(id, ada)];
  provider.answer(`\`\`\`strudel\n${ANSWER}\n\`\`\``);
  people[0].client.ask('a melody');
  await allShow(people, ANSWER);
  return people;
}

async function allShow(people: Person[], code: string): Promise<void> {
  await vi
    .waitUntil(() => people.every(({ editor }) => editor.text === code), WAIT)
    .catch(() => {
      expect(people.map(({ editor }) => editor.text)).toEqual(people.map(() => code));
    });
}

const ALREADY = 'That has been taken back already.';

it('two press the button at once, and a third undoes: it is taken back once, and the others are told', async () => {
  const people = await answered();
  const [ada, ben, adasOther] = people;
  expect([ben.editor.takeBackAnswer(), ada.editor.takeBackAnswer(), adasOther.editor.undo()]).toEqual([
    true,
    true,
    true,
  ]);
  await vi.waitUntil(() => people.flatMap(({ told }) => told).length === 2, WAIT);
  await allShow(people, BEFORE);
  expect(people.flatMap(({ told }) => told)).toEqual([ALREADY, ALREADY]);
  // Nothing else is on its way: what comes after it is typed on the same text.
  ada.editor.change({ from: BEFORE.length, insert: '!' });
  await allShow(people, `${BEFORE}!`);
});

it('it is brought again once, and taken back again', async () => {
  const people = await answered();
  const [ada, ben] = people;
  ada.editor.takeBackAnswer();
  await allShow(people, BEFORE);
  expect([ada.editor.undo(), ben.editor.bringAnswerAgain()]).toEqual([true, true]);
  await vi.waitUntil(() => people.flatMap(({ told }) => told).length === 1, WAIT);
  await allShow(people, ANSWER);
  ben.editor.takeBackAnswer();
  await allShow(people, BEFORE);
});

it('one who was away while it was taken back, and the room made anew, changes nothing by it either', async () => {
  const people = await answered();
  const [ada, ben] = people;
  const { rev } = ben.client.snapshot;
  ada.editor.takeBackAnswer();
  await allShow(people, BEFORE);
  // An edit that is acknowledged: what was before it is committed, too.
  ada.editor.change({ from: BEFORE.length, insert: ' // mine' });
  await vi.waitUntil(() => !ada.client.hasPendingEdits, WAIT);
  await stack.control.kill('room');
  await stack.control.start('room');
  const text = `${BEFORE} // mine`;
  await vi.waitUntil(() => people.every(({ client }) => client.snapshot.connection.state === 'open'), WAIT);
  await allShow(people, text);
  // As a page asks that has heard of neither.
  const late = ben.editor.state.changes({ from: 0, insert: BEFORE });
  await vi.waitFor(
    () =>
      expect(ben.client.takeBack(late, { rev, turn: 1 }, true)).rejects.toMatchObject({ code: 'conflict' }),
    { ...WAIT, interval: 200 },
  );
  await allShow(people, text);
});
