/**
 * A deploy or a preview in a world of its own: stand-in CLIs, a stand-in Neon, an embedded Redis,
 * and nothing outside.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { deploy } from '../../deploy/deploy-command.ts';
import { PreviewName } from '../../deploy/names.ts';
import { parseDeployOptions, parsePreviewOptions } from '../../deploy/options.ts';
import { preview } from '../../deploy/preview-command.ts';
import { readProductionNames } from '../../deploy/project-names.ts';
import { withTools } from '../../deploy/session.ts';
import type { SmokeTarget } from '../../deploy/smoke.ts';
import { type RedisEngine, RedisError } from '../../dev/upstash/engine.ts';
import { createEmbeddedEngine } from '../../dev/upstash/engine-embedded.ts';
import { createUpstashServer } from '../../dev/upstash/server.ts';
import { API_KEY, NeonApiStandIn, PASSWORD, PROJECT_ID } from './neon-api.ts';
import { StandInClis } from './stand-in-clis.ts';

/** Everything that must never be shown, put on a command line or left in a file. */
export const SECRETS = {
  cloudflare: 'cloudflare-token-of-the-tests',
  redis: 'redis-token-of-the-tests',
  database: 'database-password-of-the-tests',
  jwt: 'jwt-secret-of-the-tests',
  flush: 'flush-secret-of-the-tests',
  ai: 'ai-key-of-the-tests',
  preview: 'the-secret-that-previews-derive-theirs-from',
  neonKey: API_KEY,
  neonPassword: PASSWORD,
};

export const DATABASE_HOST = 'ep-production-1.eu-central-1.aws.neon.invalid';

interface RedisFaults {
  /** The command that Redis refuses. */
  command: string | null;
  /** What another client does right after a command. */
  after: (command: string) => string[] | null;
}

export class DeployScene {
  readonly folder: string;
  readonly clis: StandInClis;
  readonly neon: NeonApiStandIn;
  readonly redisUrl: string;
  readonly names = readProductionNames();
  readonly env: Record<string, string>;
  /** Everything that was shown. */
  shown = '';
  /** What the smoke test was given; it fails while `smokeFault` is set. */
  readonly smoked: SmokeTarget[] = [];
  smokeFault: Error | null = null;
  /** What the database answers to a question, and to migrations that fail. */
  databaseProblem: string | null = null;
  migrationProblem: string | null = null;
  readonly #redisFaults: RedisFaults;
  readonly #stopRedis: () => Promise<void>;

  private constructor(
    folder: string,
    neon: NeonApiStandIn,
    redisUrl: string,
    redisFaults: RedisFaults,
    stopRedis: () => Promise<void>,
  ) {
    this.folder = folder;
    this.neon = neon;
    // Waiting for a branch has its own tests.
    neon.initFor = 0;
    this.redisUrl = redisUrl;
    this.#redisFaults = redisFaults;
    this.#stopRedis = stopRedis;
    this.clis = new StandInClis(join(folder, 'bin'), {
      cloudflareToken: SECRETS.cloudflare,
    });
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    this.env = {
      PATH: [this.clis.path, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
      HOME: folder,
      TMPDIR: temporary,
      CLOUDFLARE_API_TOKEN: SECRETS.cloudflare,
      NEON_API_KEY: SECRETS.neonKey,
      NEON_PROJECT_ID: PROJECT_ID,
      NEON_API_URL: neon.url,
      PREVIEW_UPSTASH_REDIS_REST_URL: redisUrl,
      PREVIEW_UPSTASH_REDIS_REST_TOKEN: SECRETS.redis,
      PREVIEW_SECRET: SECRETS.preview,
      PREVIEW_COMMIT_MAX_MS: '500',
    };
  }

  static async start(): Promise<DeployScene> {
    const engine = await createEmbeddedEngine({ directory: null });
    const faults: RedisFaults = { command: null, after: () => null };
    const failing: RedisEngine = {
      kind: engine.kind,
      call: async (args) => {
        const command = String(args[0]).toUpperCase();
        if (command === faults.command) return new RedisError('ERR a fault of the tests');
        const reply = await engine.call(args);
        const next = faults.after(command);
        if (next !== null) await engine.call(next);
        return reply;
      },
      multi: (commands) => engine.multi(commands),
      close: () => engine.close(),
    };
    const redis = createUpstashServer({ engine: failing, token: SECRETS.redis });
    const redisUrl = await redis.listen(0);
    const folder = mkdtempSync(join(tmpdir(), 'backbeat-deploy-test-'));
    return new DeployScene(folder, await NeonApiStandIn.start(), redisUrl, faults, async () => {
      await redis.close();
      await engine.close();
    });
  }

  async stop(): Promise<void> {
    await this.neon.stop();
    await this.#stopRedis();
    rmSync(this.folder, { recursive: true });
  }

  /** The variables of production. */
  get production(): Record<string, string> {
    return {
      ...this.env,
      UPSTASH_REDIS_REST_URL: this.redisUrl,
      UPSTASH_REDIS_REST_TOKEN: SECRETS.redis,
      DATABASE_URL: `postgresql://owner:${SECRETS.database}@${DATABASE_HOST.replace('.', '-pooler.')}/neondb?sslmode=require`,
      JWT_SECRET: SECRETS.jwt,
      FLUSH_SECRET: SECRETS.flush,
      COMMIT_MAX_MS: '700',
      ALLOWED_ORIGINS: 'https://jam.example',
    };
  }

  deploy(args: string[] = [], env: Record<string, string> = this.production) {
    const options = parseDeployOptions(args);
    if (options === null) throw new Error('only the usage was asked for');
    return this.#with(env, (tools) => deploy(env, options, tools));
  }

  preview(args: string[], env: Record<string, string> = this.env) {
    const options = parsePreviewOptions(args);
    if (options === null) throw new Error('only the usage was asked for');
    return this.#with(env, (tools) => preview(env, options, tools));
  }

  name(branch: string): PreviewName {
    return PreviewName.ofBranch(branch, this.names);
  }

  /** Makes Redis refuse this command, until it is told otherwise by null. */
  failRedis(command: string | null): void {
    this.#redisFaults.command = command;
  }

  /** Another client, which sends a command of its own right after one of ours. */
  onRedis(after: (command: string) => string[] | null): void {
    this.#redisFaults.after = after;
  }

  /** Sends one command, as any client would. */
  async redis(...command: string[]): Promise<unknown> {
    const response = await fetch(this.redisUrl, {
      method: 'POST',
      headers: { authorization: `Bearer ${SECRETS.redis}` },
      body: JSON.stringify(command),
    });
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null && 'result' in body ? body.result : body;
  }

  /** The private folders that are there now. */
  leftovers(): string[] {
    return readdirSync(join(this.folder, 'tmp')).filter((name) => name.startsWith('backbeat-'));
  }

  /** Whether `text` holds a secret, of those given or of those derived. */
  hasSecret(text: string): boolean {
    const derived = Object.values(this.clis.platform.workers).map(({ secrets }) => secrets);
    const own = derived.flatMap(({ FLUSH_SECRET, JWT_SECRET }) => [FLUSH_SECRET, JWT_SECRET]);
    return [...Object.values(SECRETS), ...own].some(
      (secret) => secret !== undefined && text.includes(secret),
    );
  }

  async #with<T>(env: Record<string, string>, use: Parameters<typeof withTools<T>>[2]): Promise<T> {
    return withTools(
      env,
      (text) => {
        this.shown += text;
      },
      use,
      {
        verify: async (target) => {
          this.smoked.push(target);
          // A session leaves keys behind.
          await this.redis('HSET', `${target.stores.keyPrefix}stats`, 'commits', '1');
          if (this.smokeFault !== null) throw this.smokeFault;
        },
        pingDatabase: async () => this.databaseProblem,
        explainMigration: async () => this.migrationProblem,
      },
    );
  }
}
