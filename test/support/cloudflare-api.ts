/**
 * A loopback server that answers wrangler as Cloudflare's API does, as far as deploying, rolling back and
 * deleting a Worker with assets and Durable Objects goes.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { z } from 'zod';
import { closeAtOnce, listenOnLoopback } from '../../dev/loopback.ts';

export const ACCOUNT_ID = '0123456789abcdef0123456789abcdef';
export const API_TOKEN = 'cloudflare-token-of-the-tests';

/** The account's own domain. */
export const ZONE = 'example.com';

const bindingSchema = z.looseObject({ name: z.string(), type: z.string() });
const migrationsSchema = z.object({
  old_tag: z.string().optional(),
  new_tag: z.string(),
  steps: z.array(z.object({ new_sqlite_classes: z.array(z.string()).optional() })),
});
const metadataSchema = z.object({
  main_module: z.string(),
  bindings: z.array(bindingSchema),
  migrations: migrationsSchema.optional(),
  assets: z.object({ jwt: z.string(), config: z.looseObject({}) }).optional(),
});
type Metadata = z.infer<typeof metadataSchema>;

const deploymentSchema = z.object({ versions: z.array(z.object({ version_id: z.string() })).min(1) });
const cronsSchema = z.array(z.object({ cron: z.string() }));
const manifestSchema = z.object({
  manifest: z.record(z.string(), z.object({ hash: z.string(), size: z.number() })),
});
const domainsSchema = z.array(z.looseObject({ hostname: z.string() }));

export interface DeployedWorker {
  bindings: z.infer<typeof bindingSchema>[];
  /** Names of the modules, and their code. */
  modules: Record<string, string>;
  /** The page's files, by path, with their content. */
  assets: Record<string, string>;
  assetConfig: Record<string, unknown>;
  crons: string[];
  domains: string[];
  onWorkersDev: boolean;
  /** The tag of the last Durable Object migration, and the classes that there are. */
  migrationTag: string | null;
  classes: string[];
}

/** What was once deployed. */
type Version = Pick<DeployedWorker, 'bindings' | 'modules' | 'assets' | 'assetConfig'> & {
  id: string;
  migrationTag: string | null;
};

interface Answer {
  status: number;
  result?: unknown;
  error?: { code: number; message: string };
}
const ok = (result: unknown): Answer => ({ status: 200, result });
const refused = (status: number, code: number, message: string): Answer => ({
  status,
  error: { code, message },
});

export class CloudflareStandIn {
  readonly workers = new Map<string, DeployedWorker>();
  readonly versions = new Map<string, Version[]>();
  /** The metadata of every upload, in order. */
  readonly uploads: Metadata[] = [];
  readonly requests: string[] = [];
  /** Cloudflare keeps the content of assets by its hash. */
  readonly #assets = new Map<string, string>();
  /** Sessions of uploading, by the token that stands for each. */
  readonly #sessions = new Map<string, Record<string, { hash: string; size: number }>>();
  readonly #server: Server;
  #port = 0;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const {
        status,
        result = null,
        error,
      } = await this.#answer(request).catch((failure: unknown) => refused(500, 10_013, String(failure)));
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
    const bearer = request.headers.authorization?.replace('Bearer ', '') ?? '';
    const ofAccount = path.replace(`/accounts/${ACCOUNT_ID}/`, '');
    if (ofAccount === 'workers/assets/upload') return this.#takeAssets(bearer, request, body);
    if (bearer !== API_TOKEN) return refused(401, 1_000, 'Invalid API Token');
    if (path === '/user/tokens/verify') return ok({ id: 'a-token', status: 'active' });
    if (path === '/user') return ok({ id: 'a-user', email: 'ada@example.com' });
    if (path === '/accounts') return ok([{ id: ACCOUNT_ID, name: 'Ada' }]);
    if (path === '/zones') return ok([{ id: 'a-zone', name: ZONE, account: { id: ACCOUNT_ID } }]);
    if (path.startsWith('/zones/a-zone/')) return ok([]);
    // What a Worker of another kind would leave behind.
    if (ofAccount === 'storage/kv/namespaces') return ok([]);
    if (ofAccount === 'workers/subdomain') return ok({ subdomain: 'ada' });
    if (ofAccount === 'workers/scripts') return ok(this.#listWorkers());
    const [, kind, name = '', sub, detail] = ofAccount.split('/');
    if (kind === 'services') return this.#service(request.method ?? '', name);
    if (kind !== 'scripts') return refused(404, 7_003, `no route for ${path}`);
    if (sub === 'assets-upload-session') {
      return this.#openAssetSession(manifestSchema.parse(JSON.parse(body.toString())).manifest);
    }
    const post = request.method === 'POST';
    if (sub === 'versions' && post) return this.#upload(name, await metadataIn(request, body), false);
    if (sub === undefined && request.method === 'PUT') {
      return this.#upload(name, await metadataIn(request, body), true);
    }
    const worker = this.workers.get(name);
    if (!worker) return refused(404, 10_007, 'This Worker does not exist on your account.');
    if (sub === 'deployments' && post) return this.#deployVersion(worker, name, body);
    if (sub === 'deployments') return ok({ deployments: [] });
    if (sub === 'script-settings' || sub === 'settings') return ok({ bindings: worker.bindings });
    if (sub === 'versions') {
      const shown = this.#versionsOf(name).map(showVersion);
      return ok(detail === undefined ? { items: shown } : shown.find(({ id }) => id === detail));
    }
    if (sub === 'schedules') {
      worker.crons = cronsSchema.parse(JSON.parse(body.toString())).map(({ cron }) => cron);
      return ok({ schedules: worker.crons });
    }
    if (sub === 'subdomain') {
      if (post) worker.onWorkersDev = z.object({ enabled: z.boolean() }).parse(JSON.parse(`${body}`)).enabled;
      return ok({ enabled: worker.onWorkersDev, previews_enabled: false });
    }
    if (sub === 'domains' && detail === 'changeset') return ok({ added: [], removed: [], updated: [] });
    if (sub === 'domains' && detail === 'records') {
      const { origins } = z.object({ origins: domainsSchema }).parse(JSON.parse(body.toString()));
      worker.domains = origins.map(({ hostname }) => hostname);
      return ok(null);
    }
    return refused(404, 7_003, `no route for ${request.method} ${path}`);
  }

  #listWorkers() {
    return [...this.workers].map(([id, { migrationTag }]) => ({
      id,
      ...(migrationTag === null ? {} : { migration_tag: migrationTag }),
    }));
  }

  /**
   * Asks for what isn't there yet; when nothing is missing the answer is the token that stands for the files.
   */
  #openAssetSession(manifest: Record<string, { hash: string; size: number }>): Answer {
    const token = jwt();
    this.#sessions.set(token, manifest);
    const missing = new Set(Object.values(manifest).map(({ hash }) => hash));
    for (const hash of missing) if (this.#assets.has(hash)) missing.delete(hash);
    return ok({ jwt: token, buckets: missing.size === 0 ? [] : [[...missing]] });
  }

  async #takeAssets(bearer: string, request: IncomingMessage, body: Buffer<ArrayBuffer>): Promise<Answer> {
    const session = this.#sessions.get(bearer);
    if (!session) return refused(401, 1_000, 'no such upload session');
    for (const [hash, file] of await formIn(request, body)) {
      const content = typeof file === 'string' ? file : await file.text();
      this.#assets.set(hash, Buffer.from(content, 'base64').toString());
    }
    const isComplete = Object.values(session).every(({ hash }) => this.#assets.has(hash));
    const token = jwt();
    if (isComplete) this.#sessions.set(token, session);
    return { status: isComplete ? 201 : 202, result: { jwt: isComplete ? token : null } };
  }

  /** @param isLive whether the version takes the traffic at once, and may bring a migration. */
  #upload(
    name: string,
    { metadata, modules }: { metadata: Metadata; modules: DeployedWorker['modules'] },
    isLive: boolean,
  ): Answer {
    this.uploads.push(metadata);
    const before = this.workers.get(name);
    const { bindings, migrations, assets } = metadata;
    if (migrations && !isLive)
      return refused(400, 10_211, 'migrations must be fully applied by a deployment');
    if (migrations && (migrations.old_tag ?? null) !== (before?.migrationTag ?? null)) {
      return refused(412, 10_079, `the migration tag is ${before?.migrationTag ?? 'not set'}`);
    }
    const classes = [
      ...(before?.classes ?? []),
      ...(migrations?.steps.flatMap(({ new_sqlite_classes = [] }) => new_sqlite_classes) ?? []),
    ];
    for (const { type, class_name } of bindings) {
      if (type === 'durable_object_namespace' && !classes.includes(String(class_name))) {
        return refused(400, 10_061, `no class ${class_name}: a migration must make it`);
      }
    }
    const session = assets === undefined ? {} : this.#sessions.get(assets.jwt);
    if (!session) return refused(400, 10_021, 'the assets are not complete');
    const migrationTag = migrations?.new_tag ?? before?.migrationTag ?? null;
    const version: Version = {
      id: randomUUID(),
      bindings,
      modules,
      assets: Object.fromEntries(
        Object.entries(session).map(([path, { hash }]) => [path, this.#assets.get(hash) ?? '']),
      ),
      assetConfig: assets?.config ?? {},
      migrationTag,
    };
    this.versions.set(name, [...this.#versionsOf(name), version]);
    if (isLive) {
      const { id: _, ...live } = version;
      this.workers.set(name, {
        crons: [],
        domains: [],
        onWorkersDev: false,
        ...before,
        ...live,
        classes,
      });
    }
    return ok({
      ...showVersion(version, 0),
      id: isLive ? name : version.id,
      startup_time_ms: 5,
      deployment_id: 'a-deployment',
    });
  }

  #deployVersion(worker: DeployedWorker, name: string, body: Buffer): Answer {
    const { versions } = deploymentSchema.parse(JSON.parse(body.toString()));
    const version = this.#versionsOf(name).find(({ id }) => id === versions[0]?.version_id);
    if (!version) return refused(404, 10_001, 'version not found');
    // https://developers.cloudflare.com/workers/versions-and-deployments/rollbacks/#bindings
    if (version.migrationTag !== worker.migrationTag) {
      return refused(400, 10_212, 'a Durable Object migration lies between the two versions');
    }
    const { id: _, ...live } = version;
    Object.assign(worker, live);
    return ok({ id: 'a-deployment' });
  }

  #versionsOf(name: string): Version[] {
    return this.versions.get(name) ?? [];
  }

  #service(method: string, name: string): Answer {
    const worker = this.workers.get(name);
    if (!worker) return refused(404, 10_090, 'workers.api.error.service_not_found');
    if (method === 'DELETE') this.workers.delete(name);
    const script = { tag: 'a-tag', last_deployed_from: 'wrangler', migration_tag: worker.migrationTag };
    return ok({ id: name, default_environment: { environment: 'production', script } });
  }
}

/** wrangler looks into it for when it expires. */
function jwt(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  return `${part({ alg: 'none' })}.${part({ exp, jti: randomUUID() })}.${createHash('sha256').digest('base64url')}`;
}

async function formIn(request: IncomingMessage, body: Buffer<ArrayBuffer>): Promise<FormData> {
  const headers = { 'content-type': request.headers['content-type'] ?? '' };
  return new Response(body, { headers }).formData();
}

/** The form that wrangler sends: what it says beside the code, and the code. */
async function metadataIn(request: IncomingMessage, body: Buffer<ArrayBuffer>) {
  const form = await formIn(request, body);
  const metadata = metadataSchema.parse(JSON.parse(z.string().parse(form.get('metadata'))));
  const modules: DeployedWorker['modules'] = {};
  for (const [name, part] of form) if (typeof part !== 'string') modules[name] = await part.text();
  return { metadata, modules };
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
