/**
 * A server on this machine that answers `partykit` as its platform does, as far as the CLI's own code shows, and keeps what it
 * is sent. By it the rooms are bundled by partykit's own bundler, for which it has no command, and nothing leaves the machine.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { z } from 'zod';
import { closeAtOnce, listenOnLoopback } from '../dev/loopback.ts';

/** Credentials by which partykit asks nobody but its API who it is. They mean nothing anywhere else. */
export const LOOPBACK_LOGIN = { GITHUB_LOGIN: 'loopback', GITHUB_TOKEN: 'means-nothing-anywhere' };

export interface DeployedRooms {
  /** The bundle. */
  code: string;
  vars: Record<string, string>;
  /** The page's files, by path, with their sizes in bytes. */
  assets: Record<string, number>;
}

const manifestSchema = z.object({ assetInfo: z.record(z.string(), z.object({ fileSize: z.number() })) });
const varsSchema = z.record(z.string(), z.string());

export class PartykitLoopback {
  /** By `PROJECT` or `PROJECT?preview=NAME`. */
  readonly projects = new Map<string, DeployedRooms>();
  /** Method and path of every request. */
  readonly requests: string[] = [];
  readonly #server: Server;
  #port = 0;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const { status, body } = await this.#answer(request).catch((error: unknown) => ({
        status: 500,
        body: { error: String(error) },
      }));
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
  }

  static async start(): Promise<PartykitLoopback> {
    const loopback = new PartykitLoopback();
    loopback.#port = await listenOnLoopback(loopback.#server);
    return loopback;
  }

  /** For `PARTYKIT_API_BASE`. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  stop(): Promise<void> {
    return closeAtOnce(this.#server);
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    this.requests.push(`${request.method} ${url.pathname}${url.search}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const [, collection, , project, kind] = url.pathname.split('/');
    if (collection !== 'parties') return { status: 404, body: { error: 'Not found' } };
    const preview = url.searchParams.get('preview');
    const key = `${project}${preview === null ? '' : `?preview=${preview}`}`;
    if (project === undefined)
      return { status: 200, body: [...this.projects.keys()].map((name) => ({ name })) };
    if (kind === 'assets' && request.method === 'GET')
      return { status: 200, body: { assets: {}, assetInfo: {} } };
    if (kind !== undefined) return { status: 200, body: {} };
    if (request.method === 'DELETE') {
      return this.projects.delete(key)
        ? { status: 200, body: {} }
        : { status: 404, body: { error: 'Not found' } };
    }
    const form = await new Response(body, {
      headers: { 'content-type': request.headers['content-type'] ?? '' },
    }).formData();
    const isInitial = !this.projects.has(key);
    const text = (name: string) => z.string().parse(form.get(name));
    const { assetInfo } = manifestSchema.parse(JSON.parse(text('staticAssetsManifest')));
    this.projects.set(key, {
      code: text('code'),
      vars: form.has('vars') ? varsSchema.parse(JSON.parse(text('vars'))) : {},
      assets: Object.fromEntries(Object.entries(assetInfo).map(([path, { fileSize }]) => [path, fileSize])),
    });
    return { status: 200, body: { result: { is_initial_deploy: isInitial } } };
  }
}
