/**
 * Hocuspocus with its defaults: documents in its memory, written to Postgres when nobody has typed for 2 s,
 * or after 10 s at most.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { type ExtraProcess, startExtraProcess } from '../../../bench/targets/extra-process.ts';
import { createDocumentsTable, installPeers } from '../../../bench/targets/yjs.ts';
import { PROJECT_DIR } from '../../../dev/project.ts';
import type { World } from '../world.ts';
import type { Contender } from './contender.ts';
import { type Answer, answerSchema, type Command } from './hocuspocus-commands.ts';

const SERVER = 'bench/peers/hocuspocus-server.ts';
const CLIENTS = 'bench/peers/hocuspocus-typists.ts';
const readySchema = z.object({ url: z.url() });

export class Hocuspocus implements Contender {
  readonly name = 'Hocuspocus';
  readonly savedMeans = 'its provider has no unsynced changes: the server has it in memory';
  readonly #databaseUrl: string;
  readonly #clients: ChildProcess;
  #server: ExtraProcess;
  readonly #url: string;

  private constructor(databaseUrl: string, server: ExtraProcess, clients: ChildProcess) {
    this.#databaseUrl = databaseUrl;
    this.#server = server;
    this.#url = readySchema.parse(JSON.parse(server.line)).url;
    this.#clients = clients;
  }

  /** On the Postgres of the stack; installs its packages on first use. */
  static async start({ database, stack: { databaseUrl } }: World): Promise<Hocuspocus> {
    installPeers((line) => console.log(line));
    await createDocumentsTable(database);
    const server = await startExtraProcess(SERVER, { DATABASE_URL: databaseUrl, PORT: '0' }, true);
    const clients = fork(join(PROJECT_DIR, CLIENTS), {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, DATABASE_URL: databaseUrl },
    });
    return new Hocuspocus(databaseUrl, server, clients);
  }

  async enter(count: number, seed: number): Promise<string[]> {
    const documents = Array.from({ length: count }, () => randomUUID());
    await this.#ask({ type: 'enter', url: this.#url, documents, seed });
    return documents;
  }

  async type(): Promise<void> {
    await this.#ask({ type: 'type' });
  }

  async kill(): Promise<void> {
    await this.#server.stop('SIGKILL');
  }

  async stop(gone: readonly string[]) {
    const answer = await this.#ask({ type: 'stop', gone: [...gone] });
    return new Map(answer.type === 'typed' ? answer.lines : []);
  }

  async recover(): Promise<void> {
    const { port } = new URL(this.#url);
    this.#server = await startExtraProcess(SERVER, { DATABASE_URL: this.#databaseUrl, PORT: port }, true);
    await this.#ask({ type: 'settle' });
  }

  async stored(): Promise<Map<string, string>> {
    const answer = await this.#ask({ type: 'stored' });
    return new Map(answer.type === 'stored' ? answer.texts : []);
  }

  async leave(): Promise<void> {
    await this.#ask({ type: 'leave' });
  }

  async close(): Promise<void> {
    const exited = once(this.#clients, 'exit');
    this.#clients.disconnect();
    await Promise.all([exited, this.#server.stop()]);
  }

  async #ask(command: Command): Promise<Answer> {
    const answered = once(this.#clients, 'message');
    this.#clients.send(command);
    const answer = answerSchema.parse((await answered)[0]);
    if (answer.type === 'failed') throw new Error(`${command.type}: ${answer.reason}`);
    return answer;
  }
}
