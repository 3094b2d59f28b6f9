/**
 * The part of Neon's API (v2) that previews need: a branch with a compute, its connection
 * string, and its end.
 * https://api-docs.neon.tech/reference
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { DeployError, reasonOf } from './errors.ts';

export const NEON_API_URL = 'https://console.neon.tech/api/v2';

const REQUEST_TIMEOUT_MS = 30_000;
/** A new branch and its compute take seconds; a branch that was archived, a little longer. */
const READY_TIMEOUT_MS = 180_000;
const PAGE_SIZE = 100;
/**
 * A project does one thing at a time: 423 says that another operation is under way, 429 and 5xx
 * that later is better.
 */
const RETRIED_STATUSES = new Set([423, 429, 500, 502, 503, 504]);
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 8_000;

const branchSchema = z.object({
  id: z.string().min(1),
  name: z.string(),
  parent_id: z.string().optional(),
  current_state: z.string(),
  default: z.boolean().optional(),
  primary: z.boolean().optional(),
  protected: z.boolean().optional(),
  created_at: z.string(),
});
export type NeonBranch = z.infer<typeof branchSchema>;

const branchesSchema = z.object({
  branches: z.array(branchSchema),
  pagination: z.object({ next: z.string().optional() }).optional(),
});
const endpointsSchema = z.object({ endpoints: z.array(z.object({ id: z.string(), type: z.string() })) });
const databasesSchema = z.object({
  databases: z.array(z.object({ name: z.string(), owner_name: z.string() })),
});
const errorSchema = z.object({ message: z.string(), code: z.string().optional() });

/** Neon answered with an error, or not at all. */
export class NeonApiError extends DeployError {
  constructor(
    message: string,
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
  ) {
    super(message);
  }
}

export interface NeonApiOptions {
  apiKey: string;
  projectId: string;
  /** By default Neon's own. */
  url?: string;
  /** Is told what is waited for, once for each wait. */
  note?: (line: string) => void;
  /** Waits between two attempts, in milliseconds. */
  sleep?: (ms: number) => Promise<unknown>;
  now?: () => number;
}

export class NeonApi {
  readonly #apiKey: string;
  readonly #base: string;
  readonly #note: (line: string) => void;
  readonly #sleep: (ms: number) => Promise<unknown>;
  readonly #now: () => number;

  constructor(options: NeonApiOptions) {
    this.#apiKey = options.apiKey;
    this.#base = `${options.url ?? NEON_API_URL}/projects/${encodeURIComponent(options.projectId)}`;
    this.#note = options.note ?? (() => {});
    this.#sleep = options.sleep ?? ((ms) => sleep(ms));
    this.#now = options.now ?? Date.now;
  }

  /** The project's branches whose names begin with `prefix`. */
  async listBranches(prefix: string): Promise<NeonBranch[]> {
    const found: NeonBranch[] = [];
    let cursor: string | undefined;
    do {
      const query = new URLSearchParams({ search: prefix, limit: String(PAGE_SIZE), sort_by: 'name' });
      if (cursor !== undefined) query.set('cursor', cursor);
      const page = await this.#call('GET', `/branches?${query}`, branchesSchema);
      // The search finds names that hold the text anywhere, and ids.
      found.push(...page.branches.filter(({ name }) => name.startsWith(prefix)));
      cursor = page.branches.length < PAGE_SIZE ? undefined : page.pagination?.next;
    } while (cursor !== undefined);
    return found;
  }

  async findBranch(name: string): Promise<NeonBranch | null> {
    return (await this.listBranches(name)).find((branch) => branch.name === name) ?? null;
  }

  /**
   * Makes sure that a branch of this name is there with a compute, and ready.
   * @param parent name or id of the branch that its data is copied from; null: the project's default branch.
   */
  async ensureBranch(name: string, parent: string | null): Promise<NeonBranch> {
    let branch = await this.findBranch(name);
    if (branch === null) {
      const parentId = parent === null ? undefined : await this.#parentId(parent);
      const body = {
        branch: { name, ...(parentId === undefined ? {} : { parent_id: parentId }) },
        endpoints: [{ type: 'read_write' }],
      };
      try {
        ({ branch } = await this.#call('POST', '/branches', z.object({ branch: branchSchema }), body));
      } catch (error) {
        // Another run may have made it meanwhile, or this one did and the answer was lost.
        branch = await this.findBranch(name);
        if (branch === null) throw error;
      }
    }
    const ready = await this.#untilReady(branch.id);
    const path = `/branches/${encodeURIComponent(ready.id)}/endpoints`;
    const { endpoints } = await this.#call('GET', path, endpointsSchema);
    if (!endpoints.some(({ type }) => type === 'read_write')) {
      await this.#call('POST', '/endpoints', z.object({ endpoint: z.object({ id: z.string() }) }), {
        endpoint: { branch_id: ready.id, type: 'read_write' },
      });
    }
    return ready;
  }

  /** The `postgres://` URL of a branch's first database, as its owner, past the connection pooler. */
  async connectionUri(branchId: string): Promise<string> {
    const path = `/branches/${encodeURIComponent(branchId)}/databases`;
    const { databases } = await this.#call('GET', path, databasesSchema);
    const [database] = databases;
    if (!database)
      throw new DeployError('the branch has no database: make one in the branch that it is copied from');
    const query = new URLSearchParams({
      branch_id: branchId,
      database_name: database.name,
      role_name: database.owner_name,
    });
    const { uri } = await this.#call('GET', `/connection_uri?${query}`, z.object({ uri: z.string().min(1) }));
    return uri;
  }

  /**
   * Deletes the branch of this name with its computes; one that isn't there is fine.
   * @throws {DeployError} when it is the project's default branch or a protected one.
   */
  async deleteBranch(name: string): Promise<void> {
    const branch = await this.findBranch(name);
    if (branch === null) return;
    if (branch.default || branch.primary || branch.protected) {
      throw new DeployError(`Neon's branch ${name} is the default one or protected: it is no preview`);
    }
    try {
      await this.#call('DELETE', `/branches/${encodeURIComponent(branch.id)}`, z.unknown());
    } catch (error) {
      if (!(error instanceof NeonApiError && error.status === 404)) throw error;
    }
    const deadlineMs = this.#now() + READY_TIMEOUT_MS;
    for (let pauseMs = FIRST_PAUSE_MS; (await this.findBranch(name)) !== null; pauseMs = grown(pauseMs)) {
      if (this.#now() > deadlineMs)
        throw new DeployError(`Neon has not finished deleting the branch ${name}`);
      if (pauseMs === FIRST_PAUSE_MS) this.#note(`Neon is deleting the branch ${name}`);
      await this.#sleep(pauseMs);
    }
  }

  async #parentId(parent: string): Promise<string> {
    if (parent.startsWith('br-')) return parent;
    const branch = await this.findBranch(parent);
    if (branch === null) throw new DeployError(`Neon has no branch ${parent} to copy from`);
    return branch.id;
  }

  async #untilReady(branchId: string): Promise<NeonBranch> {
    const deadlineMs = this.#now() + READY_TIMEOUT_MS;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = grown(pauseMs)) {
      const path = `/branches/${encodeURIComponent(branchId)}`;
      const { branch } = await this.#call('GET', path, z.object({ branch: branchSchema }));
      // An archived branch wakes up at its first query.
      if (branch.current_state === 'ready' || branch.current_state === 'archived') return branch;
      if (this.#now() > deadlineMs) {
        throw new DeployError(`Neon's branch ${branch.name} is still ${branch.current_state}`);
      }
      if (pauseMs === FIRST_PAUSE_MS) this.#note(`Neon's branch is ${branch.current_state}: waiting`);
      await this.#sleep(pauseMs);
    }
  }

  async #call<T extends z.ZodType>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    schema: T,
    body?: object,
  ): Promise<z.infer<T>> {
    const deadlineMs = this.#now() + READY_TIMEOUT_MS;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = grown(pauseMs)) {
      const { status, text } = await this.#ask(method, path, body);
      if (status >= 200 && status < 300) return parse(schema, text, `${method} ${path}`);
      // A POST that failed with a 5xx may have had its effect: its caller looks before it tries again.
      const isSafe = method !== 'POST' || status === 423 || status === 429;
      if (!RETRIED_STATUSES.has(status) || !isSafe || this.#now() + pauseMs > deadlineMs) {
        throw new NeonApiError(`Neon: ${method} ${path.split('?')[0]}: ${status} ${messageIn(text)}`, status);
      }
      if (pauseMs === FIRST_PAUSE_MS) this.#note(`Neon is busy (${status} ${messageIn(text)}): waiting`);
      await this.#sleep(pauseMs);
    }
  }

  async #ask(method: string, path: string, body?: object): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(`${this.#base}${path}`, {
        method,
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${this.#apiKey}`,
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      throw new NeonApiError(`Neon's API is out of reach: ${reasonOf(error)}`, 0);
    }
  }
}

const grown = (pauseMs: number) => Math.min(pauseMs * 2, MAX_PAUSE_MS);

function parse<T extends z.ZodType>(schema: T, text: string, what: string): z.infer<T> {
  let json: unknown;
  try {
    json = text === '' ? undefined : JSON.parse(text);
  } catch {
    throw new NeonApiError(`Neon: ${what}: the answer is not JSON`, 200);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new NeonApiError(`Neon: ${what}: unexpected answer (${fields.join('; ')})`, 200);
}

function messageIn(text: string): string {
  try {
    return errorSchema.parse(JSON.parse(text)).message;
  } catch {
    return text.slice(0, 200);
  }
}
