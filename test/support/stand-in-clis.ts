/** A folder of stand-in CLIs with a platform behind them. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const SCRIPT = fileURLToPath(new URL('./stand-in-cli.mjs', import.meta.url));
const PROGRAMS = ['wrangler', 'drizzle-kit'] as const;
const require = createRequire(import.meta.url);

const text = z.record(z.string(), z.string());
const callSchema = z.object({
  pid: z.number().int(),
  program: z.enum(PROGRAMS),
  args: z.array(z.string()),
  env: text,
  cwd: z.string(),
  files: z.record(z.string(), z.object({ content: z.string(), mode: z.string() })),
});
export type Call = z.infer<typeof callSchema>;

const platformSchema = z.object({
  cloudflareToken: z.string(),
  accounts: z.array(z.string()),
  workers: z.record(z.string(), z.object({ vars: text, secrets: text, crons: z.array(z.string()) })),
  /** Where Workers answer instead of on workers.dev; null: there. */
  domain: z.string().nullable(),
  /** How often, by the database's host. */
  migrated: z.record(z.string(), z.number()),
});
export type Platform = z.infer<typeof platformSchema>;

/** What a call does whose command line holds `on`. */
export interface CliFault {
  on: string;
  /** `before` or `after` it took effect it fails, saying all that it knows; `hang`: it never ends. */
  when: 'before' | 'after' | 'hang';
  times: number;
}

export class StandInClis {
  /** For the PATH. */
  readonly path: string;

  constructor(folder: string, platform: Pick<Platform, 'cloudflareToken'>) {
    this.path = folder;
    mkdirSync(folder, { recursive: true });
    for (const program of PROGRAMS) {
      writeFileSync(join(folder, program), launcher(folder, program), { mode: 0o755 });
      this.setVersion(program, installedVersion(program));
    }
    this.setFaults();
    this.platform = { ...platform, accounts: ['an-account'], workers: {}, domain: null, migrated: {} };
  }

  get platform(): Platform {
    return platformSchema.parse(JSON.parse(readFileSync(join(this.path, 'platform.json'), 'utf8')));
  }
  set platform(platform: Platform) {
    this.#write('platform.json', platform);
    const accounts = platform.accounts.map((id) => ({ id, name: id }));
    this.#write('whoami', { loggedIn: true, accounts });
    writeFileSync(join(this.path, 'token'), `${platform.cloudflareToken}\n`);
  }

  setFaults(...faults: CliFault[]): void {
    this.#write('faults.json', faults);
  }

  setVersion(program: (typeof PROGRAMS)[number], version: string): void {
    writeFileSync(join(this.path, `${program}.version`), `${program} v${version}\n`);
  }

  /** Every call so far, in order. */
  calls(): Call[] {
    const file = join(this.path, 'calls.ndjson');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => callSchema.parse(JSON.parse(line)));
  }

  #write(name: string, content: unknown): void {
    writeFileSync(join(this.path, name), JSON.stringify(content));
  }
}

/** Small questions are answered by the shell, which starts sooner than Node: there are hundreds of them. */
function launcher(folder: string, program: string): string {
  return `#!/bin/sh
read -r token < '${folder}/token'
case "$1 $CLOUDFLARE_API_TOKEN" in
  --version*) exec cat '${folder}/${program}.version' ;;
  "whoami $token") exec cat "${folder}/whoami" ;;
esac
exec node '${SCRIPT}' '${folder}' ${program} "$@"
`;
}

function installedVersion(program: string): string {
  const main = join(dirname(fileURLToPath(new URL('../../package.json', import.meta.url))), 'node_modules');
  return z.object({ version: z.string() }).parse(require(join(main, program, 'package.json'))).version;
}
