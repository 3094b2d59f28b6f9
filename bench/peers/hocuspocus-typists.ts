/**
 * People at Hocuspocus' own client, one in each document, for the comparison of what a killed server loses.
 * Obeys the process that started it, until that is gone. Environment: `DATABASE_URL`.
 */
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider';
import pg from 'pg';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { type Answer, type Command, commandSchema } from '../../test/faults/compare/hocuspocus-commands.ts';
import { type TypedLine, Typist } from '../../test/faults/compare/typist.ts';
import { Random } from '../../test/faults/random.ts';
import { until } from '../../test/faults/until.ts';
import { TEXT } from './yjs-room.ts';

interface Writer {
  socket: HocuspocusProviderWebsocket;
  provider: HocuspocusProvider;
  typist: Typist;
}

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
const writers = new Map<string, Writer>();

process.on('message', (raw) => {
  obey(commandSchema.parse(raw)).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ type: 'failed', reason: String(error) } satisfies Answer),
  );
});
process.on('disconnect', () => process.exit(0));

async function obey(command: Command): Promise<Answer> {
  switch (command.type) {
    case 'enter': {
      const random = new Random(command.seed);
      for (const name of command.documents) writers.set(name, writer(command.url, name, random.fork()));
      await everythingIsSaved();
      return { type: 'done' };
    }
    case 'type':
      for (const { typist } of writers.values()) typist.start();
      return { type: 'done' };
    case 'stop': {
      const lines = [...writers].map(([name, { typist }]): [string, TypedLine[]] => [
        name,
        structuredClone(typist.lines),
      ]);
      for (const { typist } of writers.values()) typist.stop();
      for (const name of command.gone) forget(name);
      return { type: 'typed', lines };
    }
    case 'settle':
      await everythingIsSaved();
      return { type: 'done' };
    case 'stored':
      return { type: 'stored', texts: await stored() };
    case 'leave':
      for (const name of writers.keys()) forget(name);
      return { type: 'done' };
  }
}

function writer(url: string, name: string, random: Random): Writer {
  const socket = new HocuspocusProviderWebsocket({ url, WebSocketPolyfill: WebSocket });
  const document = new Y.Doc();
  const provider = new HocuspocusProvider({
    websocketProvider: socket,
    name,
    document,
    token: 'nobody',
    // The moment at which a page would say "saved".
    onUnsyncedChanges: ({ number }) => {
      if (number === 0) typist.saved(typist.lines.length);
    },
  });
  const text = document.getText(TEXT);
  const typist = new Typist(random, (line) => text.insert(text.length, `${line}\n`));
  provider.attach();
  return { socket, provider, typist };
}

function everythingIsSaved(): Promise<void> {
  return until('everything is saved', () =>
    [...writers.values()].every(({ provider }) => provider.isSynced && !provider.hasUnsyncedChanges),
  );
}

function forget(name: string): void {
  const writer = writers.get(name);
  writer?.provider.destroy();
  writer?.socket.destroy();
  writers.delete(name);
}

async function stored(): Promise<[name: string, text: string][]> {
  const { rows } = await pool.query<{ name: string; state: Buffer }>('select name, state from documents');
  return rows.map(({ name, state }) => {
    const document = new Y.Doc();
    Y.applyUpdate(document, state);
    return [name, document.getText(TEXT).toString()];
  });
}
