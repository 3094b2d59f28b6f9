import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { userTokenVerifier } from '../src/access/user-token.ts';
import { loadSecrets } from './secrets.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'backbeat-token-'));
afterAll(() => rmSync(dataDir, { recursive: true }));

function token(args: string[], env: Record<string, string> = {}) {
  const { PATH, HOME } = process.env;
  return spawnSync(process.execPath, ['--import', 'tsx', 'dev/token.ts', ...args], {
    encoding: 'utf8',
    env: { PATH, HOME, BACKBEAT_DATA_DIR: dataDir, ...env } as NodeJS.ProcessEnv,
  });
}

it('prints a token by the kept secret, and nothing else', async () => {
  const { jwtSecret } = loadSecrets(dataDir, {});
  const { stdout, status } = token(['--sub', 'ada', '--name', 'Ada L.', '--picture', 'https://x.test/a.png']);
  expect(status).toBe(0);
  expect(await userTokenVerifier({ JWT_SECRET: jwtSecret })(stdout.trim())).toEqual({
    subject: 'ada',
    name: 'Ada L.',
    avatarUrl: 'https://x.test/a.png',
  });
});

it("goes by the environment's secret before the kept one", async () => {
  const JWT_SECRET = 'a secret of more than sixteen characters';
  const { stdout } = token(['--sub', 'ada'], { JWT_SECRET });
  expect(await userTokenVerifier({ JWT_SECRET })(stdout.trim())).toMatchObject({ subject: 'ada' });
});

it.each([
  [[], /--sub is missing/],
  [['--sub', 'a', '--expires', 'soon'], /--expires/],
  [['--sub', 'a', '--picture', 'x'], /--picture/],
  [['--nonsense'], /nonsense/],
] as const)('%j is refused with a reason, and the usage', (args, reason) => {
  const { stdout, stderr, status } = token([...args]);
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(reason);
  expect(stderr).toMatch(/Usage/);
});

it('says what to do where no stack has run', () => {
  const { stderr, status } = token(['--sub', 'a'], { BACKBEAT_DATA_DIR: join(dataDir, 'nowhere') });
  expect(status).toBe(1);
  expect(stderr).toMatch(/start the stack once/);
});
