/**
 * A loopback server that answers as Neon's API (v2) documents: branches, computes, connection
 * strings, operations.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { z } from 'zod';
import { closeAtOnce, listenOnLoopback } from '../../dev/loopback.ts';

export const PROJECT_ID = 'loopback-project-12345678';
export const API_KEY = 'neon-api-key-of-the-tests';
/** The role's password, in every connection string. */
export const PASSWORD = 'neon-password-of-the-tests';

export interface Branch {
  id: string;
  name: string;
  parent_id?: string;
  default: boolean;
  protected: boolean;
  created_at: string;
  /** Questions that are answered with `init` before it is ready. */
  initFor: number;
  endpoints: { id: string; type: 'read_write' | 'read_only' }[];
}

/** What goes wrong at a request whose method and path hold `on`: before it takes effect, or after. */
export interface Fault {
  on: string;
  when: 'before' | 'after';
  /** 0: the connection is cut. */
  status: number;
  times: number;
}

const createSchema = z.object({
  branch: z.object({ name: z.string().max(256), parent_id: z.string().optional() }),
  endpoints: z.array(z.object({ type: z.enum(['read_write', 'read_only']) })).optional(),
});
const endpointSchema = z.object({
  endpoint: z.object({ branch_id: z.string(), type: z.enum(['read_write', 'read_only']) }),
});

interface Answer {
  status: number;
  body?: unknown;
}
const error = (status: number, message: string): Answer => ({ status, body: { code: '', message } });

export class NeonApiStandIn {
  readonly branches = new Map<string, Branch>();
  readonly requests: string[] = [];
  readonly faults: Fault[] = [];
  /** Requests that are answered with 423 after each change, while the change is under way. */
  lockedFor = 0;
  /** Questions after which a new branch is ready. */
  initFor = 1;
  databases = [{ name: 'neondb', owner_name: 'neondb_owner' }];
  readonly #server: Server;
  #port = 0;
  #locked = 0;
  #counter = 0;

  private constructor() {
    this.addBranch('production', { default: true });
    this.#server = createServer(async (request, response) => {
      const answer = await this.#handle(request);
      if (answer.status === 0) {
        request.socket.destroy();
        return;
      }
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
    });
  }

  static async start(): Promise<NeonApiStandIn> {
    const api = new NeonApiStandIn();
    api.#port = await listenOnLoopback(api.#server);
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/api/v2`;
  }

  stop(): Promise<void> {
    return closeAtOnce(this.#server);
  }

  addBranch(name: string, over: Partial<Branch> = {}): Branch {
    this.#counter += 1;
    const branch: Branch = {
      id: `br-loop-${String(this.#counter).padStart(6, '0')}`,
      name,
      default: false,
      protected: false,
      created_at: '2026-01-02T03:04:05Z',
      initFor: 0,
      endpoints: [],
      ...over,
    };
    this.branches.set(branch.id, branch);
    return branch;
  }

  names(): string[] {
    return [...this.branches.values()].map(({ name }) => name).sort();
  }

  async #handle(request: IncomingMessage): Promise<Answer> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const path = url.pathname.replace(`/api/v2/projects/${PROJECT_ID}`, '');
    const line = `${request.method} ${path}`;
    this.requests.push(line);
    if (request.headers.authorization !== `Bearer ${API_KEY}`) {
      return error(401, 'The credentials used to authenticate this request are not valid.');
    }
    if (path === url.pathname) return error(404, 'project not found');
    const fault = this.faults.find(({ on, times }) => times > 0 && line.includes(on));
    if (fault) fault.times -= 1;
    if (fault?.when === 'before') return error(fault.status, 'a fault before');
    const isChange = request.method !== 'GET';
    if (isChange && this.#locked > 0) {
      this.#locked -= 1;
      return error(
        423,
        'project already has running conflicting operations, scheduling of new ones is prohibited',
      );
    }
    const answer = this.#answer(
      request.method ?? '',
      path,
      url.searchParams,
      Buffer.concat(chunks).toString(),
    );
    if (isChange && answer.status < 300) this.#locked = this.lockedFor;
    return fault ? error(fault.status, 'a fault after') : answer;
  }

  #answer(method: string, path: string, query: URLSearchParams, body: string): Answer {
    const [, collection, id, sub] = path.split('/');
    if (collection === 'connection_uri') return this.#connectionUri(query);
    if (collection === 'endpoints' && method === 'POST') return this.#addEndpoint(body);
    if (collection !== 'branches') return error(404, 'not found');
    if (id === undefined) return method === 'POST' ? this.#create(body) : this.#list(query);
    const branch = this.branches.get(id);
    if (!branch) return error(404, 'branch not found');
    if (sub === 'endpoints') return { status: 200, body: { endpoints: branch.endpoints } };
    if (sub === 'databases') return { status: 200, body: { databases: this.databases } };
    if (method === 'DELETE') return this.#delete(branch);
    const shown = this.#show(branch);
    if (branch.initFor > 0) branch.initFor -= 1;
    return { status: 200, body: { branch: shown } };
  }

  #list(query: URLSearchParams): Answer {
    const search = query.get('search') ?? '';
    const all = [...this.branches.values()].filter(
      ({ name, id }) => name.includes(search) || id.includes(search),
    );
    const limit = Number(query.get('limit') ?? 100);
    const from = Number(query.get('cursor') ?? 0);
    const page = all.slice(from, from + limit);
    const next = from + limit < all.length ? String(from + limit) : undefined;
    return {
      status: 200,
      body: { branches: page.map((branch) => this.#show(branch)), pagination: { next, sort_by: 'name' } },
    };
  }

  #create(body: string): Answer {
    const { branch, endpoints = [] } = createSchema.parse(JSON.parse(body));
    if (this.names().includes(branch.name)) return error(409, 'branch already exists');
    if (branch.parent_id !== undefined && !this.branches.has(branch.parent_id))
      return error(404, 'branch not found');
    const parent = branch.parent_id ?? [...this.branches.values()].find((one) => one.default)?.id;
    const made = this.addBranch(branch.name, {
      initFor: this.initFor,
      ...(parent === undefined ? {} : { parent_id: parent }),
      endpoints: endpoints.map(({ type }, i) => ({ id: `ep-loop-${this.#counter + 1}-${i}`, type })),
    });
    const operations = [
      {
        id: `op-${made.id}`,
        project_id: PROJECT_ID,
        branch_id: made.id,
        action: 'create_branch',
        status: 'running',
      },
    ];
    return {
      status: 201,
      body: {
        branch: this.#show(made),
        endpoints: made.endpoints,
        operations,
        roles: [],
        databases: this.databases,
      },
    };
  }

  #addEndpoint(body: string): Answer {
    const { endpoint } = endpointSchema.parse(JSON.parse(body));
    const branch = this.branches.get(endpoint.branch_id);
    if (!branch) return error(404, 'branch not found');
    if (branch.endpoints.some(({ type }) => type === endpoint.type && type === 'read_write')) {
      return error(409, 'read-write endpoint already exists');
    }
    const made = { id: `ep-${branch.id}`, type: endpoint.type };
    branch.endpoints.push(made);
    return { status: 201, body: { endpoint: made, operations: [] } };
  }

  #delete(branch: Branch): Answer {
    if (branch.default) return error(422, 'the default branch cannot be deleted');
    if ([...this.branches.values()].some(({ parent_id }) => parent_id === branch.id)) {
      return error(422, 'branch has children');
    }
    this.branches.delete(branch.id);
    return { status: 200, body: { branch: this.#show(branch), operations: [] } };
  }

  #connectionUri(query: URLSearchParams): Answer {
    const branch = this.branches.get(query.get('branch_id') ?? '');
    const endpoint = branch?.endpoints.find(({ type }) => type === 'read_write');
    if (!branch || !endpoint) return error(404, 'endpoint not found');
    const database = this.databases.find(({ name }) => name === query.get('database_name'));
    if (!database || database.owner_name !== query.get('role_name')) return error(404, 'role not found');
    const host = `${endpoint.id}.eu-central-1.aws.neon.invalid`;
    const uri = `postgresql://${database.owner_name}:${PASSWORD}@${host}/${database.name}?sslmode=require&channel_binding=require`;
    return { status: 200, body: { uri } };
  }

  #show({ initFor, endpoints: _, ...branch }: Branch) {
    return {
      ...branch,
      project_id: PROJECT_ID,
      primary: branch.default,
      current_state: initFor > 0 ? 'init' : 'ready',
    };
  }
}
