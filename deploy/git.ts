/** What git knows of branches. */
import { DeployError } from './errors.ts';
import type { CommandRunner } from './runner.ts';

/**
 * The branch that is checked out.
 * @throws {DeployError} when none is.
 */
export async function currentBranch(runner: CommandRunner): Promise<string> {
  const { stdout } = await runner.run(
    { program: 'git', args: ['branch', '--show-current'] },
    { isQuiet: true },
  );
  const branch = stdout.trim();
  if (branch === '') throw new DeployError('no branch is checked out: name one with --branch');
  return branch;
}

/**
 * The branches that a remote has now; asked of it, as a clone may be shallow or old.
 * @throws {DeployError} when it can't be asked or has none: nothing may be concluded from that.
 */
export async function remoteBranches(runner: CommandRunner, remote: string): Promise<string[]> {
  const { stdout } = await runner.run(
    { program: 'git', args: ['ls-remote', '--heads', '--', remote] },
    { isQuiet: true },
  );
  const branches = stdout
    .split('\n')
    .flatMap((line) => /^[0-9a-f]{40,64}\trefs\/heads\/(.+)$/.exec(line)?.[1] ?? []);
  if (branches.length === 0) throw new DeployError(`${remote} has told of no branch at all: that can't be`);
  return branches;
}
