/** A loopback server that answers wrangler as Cloudflare's API does, as far as deploying, rolling back and deleting a Worker goes. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { z } from 'zod';
import { closeAtOnce, listenOnLoopback } from '../../dev/loopback.ts';

export const ACCOUNT_ID = '0123456789abcdef0123456789abcdef';
export const API_TOKEN = 'cloudflare-token-of-the-tests';

const metadataSchema = z.object({
  bindings: z.array(z.object({ name: z.string(), type: z.string(), text: z.string() })),
});
const deploymentSchema = z.object({ versions: z.array(z.object({ version_id: z.string() })).length(1) });
const cronsSchema = z.array(z.object({ cron: z.string() }));

export interface DeployedWorker {
  bindings: z.infer<typeof metadataSchema>['bindings'];
  crons: string[];
}

/** What was once deployed. */
interface Version {
  id: string;
  bindings: DeployedWorker['bindings'];
}

interface Answer {
  status: number;
  result?: unknown;
  error?: { code: number; message: string };
}
const ok = (result: unknown): Answer => ({ status: 200, result });

export class CloudflareStandIn {
  readonly workers = new Map<string, DeployedWorker>();
  readonly versions = new Map<string, Version[]>();
  readonly requests: string[] = [];
  readonly #server: Server;
  #port = 0;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const {
        status,
        result = null,
        error,
      } = await this.#answer(request).catch((failure: unknown) => ({
        status: 500,
        result: null,
        error: { code: 10_013, message: String(failure) },
      }));
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ success: error === undefined, errors: error ? [error] : [], messages: [], result }),
      );
    });
  }

  static async start(): Promise<CloudflareStandIn> {
    const api = new CloudflareStandIn();
    api.#port = await listenOnLoopback(api.#server);
    return api;
  }

  /** For `CLOUDFLARE_API_BASE_URL`. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/client/v4`;
  }

  stop(): Promise<void> {
    return closeAtOnce(this.#server);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname.replace('/client/v4', '');
    this.requests.push(`${request.method} ${path}`);
    if (request.headers.authorization !== `Bearer ${API_TOKEN}`) {
      return { status: 401, error: { code: 1_000, message: 'Invalid API Token' } };
    }
    if (path === '/user/tokens/verify') return ok({ id: 'a-token', status: 'active' });
    if (path === '/user') return ok({ id: 'a-user', email: 'ada@example.com' });
    if (path === '/accounts') return ok([{ id: ACCOUNT_ID, name: 'Ada' }]);
    // What a Worker of another kind would leave behind.
    if (path === `/accounts/${ACCOUNT_ID}/storage/kv/namespaces`) return ok([]);
    const [kind, name = '', sub] = path.replace(`/accounts/${ACCOUNT_ID}/workers/`, '').split('/');
    if (kind === 'subdomain') return ok({ subdomain: 'ada' });
    if (kind === 'services') return this.#service(request.method ?? '', name);
    if (kind !== 'scripts') return { status: 404, error: { code: 7_003, message: `no route for ${path}` } };
    const worker = this.workers.get(name);
    if (sub === 'deployments' && request.method === 'POST' && worker) {
      const { versions } = deploymentSchema.parse(JSON.parse(body.toString()));
      const back = this.#versionsOf(name).find(({ id }) => id === versions[0]?.version_id);
      if (!back) return { status: 404, error: { code: 10_001, message: 'version not found' } };
      worker.bindings = back.bindings;
      return ok({ id: 'a-deployment' });
    }
    if (sub === 'deployments') return ok({ deployments: [] });
    if (sub === 'script-settings') return ok({});
    if (sub === 'versions' && request.method === 'POST') {
      const version = { id: randomUUID(), bindings: await bindingsIn(request, body) };
      this.versions.set(name, [...this.#versionsOf(name), version]);
      return ok({ ...showVersion(version, 0), startup_time_ms: 5 });
    }
    if (sub === 'versions') {
      const shown = this.#versionsOf(name).map(showVersion);
      const id = path.split('/').at(-1);
      return ok(id === 'versions' ? { items: shown } : shown.find((version) => version.id === id));
    }
    if (sub === 'schedules' && worker) {
      worker.crons = cronsSchema.parse(JSON.parse(body.toString())).map(({ cron }) => cron);
      return ok({ schedules: worker.crons });
    }
    if (sub === 'subdomain') return ok({ enabled: true, previews_enabled: false });
    if (sub === undefined && request.method === 'PUT') {
      const bindings = await bindingsIn(request, body);
      this.workers.set(name, { bindings, crons: worker?.crons ?? [] });
      this.versions.set(name, [...this.#versionsOf(name), { id: randomUUID(), bindings }]);
      return ok({ id: name, startup_time_ms: 5, deployment_id: 'a-deployment' });
    }
    return { status: 404, error: { code: 10_007, message: 'This Worker does not exist on your account.' } };
  }

  #versionsOf(name: string): Version[] {
    return this.versions.get(name) ?? [];
  }

  #service(method: string, name: string): Answer {
    if (!this.workers.has(name)) {
      return { status: 404, error: { code: 10_090, message: 'workers.api.error.service_not_found' } };
    }
    if (method === 'DELETE') this.workers.delete(name);
    return ok({ id: name, default_environment: { environment: 'production', script: { tag: 'a-tag' } } });
  }
}

/** What the form that wrangler sends says beside the code. */
async function bindingsIn(
  request: IncomingMessage,
  body: Buffer<ArrayBuffer>,
): Promise<DeployedWorker['bindings']> {
  const headers = { 'content-type': request.headers['content-type'] ?? '' };
  const form = await new Response(body, { headers }).formData();
  return metadataSchema.parse(JSON.parse(z.string().parse(form.get('metadata')))).bindings;
}

function showVersion({ id, bindings }: Version, index: number) {
  const at = `2026-01-0${index + 1}T00:00:00Z`;
  return {
    id,
    number: index + 1,
    metadata: {
      created_on: at,
      modified_on: at,
      source: 'wrangler',
      author_email: 'ada@example.com',
      author_id: 'a-user',
    },
    annotations: {},
    resources: {
      // Nobody is told a secret again.
      bindings: bindings.map(({ name, type }) => ({ name, type })),
      script: { etag: id, handlers: ['fetch', 'scheduled'], last_deployed_from: 'wrangler' },
      script_runtime: { compatibility_date: '2026-04-01', usage_model: 'standard' },
    },
  };
}
