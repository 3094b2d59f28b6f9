/**
 * `npm run test:mutations`: breaks one code line after the other, in a copy of the project, and checks that
 * the test which is said to keep it fails, and that it doesn't fail otherwise. Takes minutes; needs Redis and
 * Postgres, as they are tried against.
 */
import { parseArgs } from 'node:util';
import { MUTATIONS, type Mutation } from './mutations.ts';
import { Workspace } from './workspace.ts';

const USAGE = `Usage: npm run test:mutations -- [options]

  --only TEXT    those whose promise, file or words have this in them
  --list         shows them, and runs nothing
`;

const { values } = parseArgs({
  options: { only: { type: 'string' }, list: { type: 'boolean' }, help: { type: 'boolean' } },
});
if (values.help) process.stdout.write(USAGE);
else if (values.list) list(values.only ?? '');
else process.exitCode = (await run(values.only ?? '')) ? 0 : 1;

function chosenBy(only: string): Mutation[] {
  return MUTATIONS.filter(({ keeps, breaks, file }) => [keeps, breaks, file].join(' ').includes(only));
}

function list(only: string): void {
  for (const { keeps, breaks, file, caughtBy } of chosenBy(only)) {
    console.log(`${keeps}  ${breaks}\n   ${file}\n   ${caughtBy.file}: ${caughtBy.title}`);
  }
}

/** @returns whether every mutation was caught. */
async function run(only: string): Promise<boolean> {
  const chosen = chosenBy(only);
  const workspace = new Workspace();
  let caught = 0;
  try {
    if (!(await isWhole(workspace, chosen))) return false;
    for (const mutation of chosen) {
      if (await tryOne(workspace, mutation)) caught += 1;
    }
  } finally {
    workspace.remove();
  }
  console.log(`\n${caught} of ${chosen.length} caught`);
  return chosen.length > 0 && caught === chosen.length;
}

/** A test that fails anyway catches nothing. @returns whether all of them pass with the code as it is. */
async function isWhole(workspace: Workspace, chosen: readonly Mutation[]): Promise<boolean> {
  let failed = 0;
  for (const file of new Set(chosen.map(({ caughtBy }) => caughtBy.file))) {
    const titles = new Set(chosen.flatMap(({ caughtBy }) => (caughtBy.file === file ? caughtBy.title : [])));
    const { tests, errors } = await workspace.test(file, [...titles]);
    for (const { title, hasPassed, hasFailed, message } of tests) {
      if (hasPassed && !hasFailed) continue;
      failed += 1;
      console.log(`FAILS    with the code as it is: ${file} › ${title}: ${message || errors.join(' ')}`);
    }
    console.log(`whole    ${file}: ${titles.size} tests`);
  }
  return failed === 0;
}

/** @returns whether the test failed, as it has to. */
async function tryOne(workspace: Workspace, mutation: Mutation): Promise<boolean> {
  const { keeps, breaks, file, find, replace, caughtBy } = mutation;
  const mend = workspace.break(file, find, replace);
  try {
    const { tests, errors } = await workspace.test(caughtBy.file, [caughtBy.title]);
    const isCaught = tests.every(({ hasFailed }) => hasFailed);
    const message = tests[0]?.message ?? '';
    console.log(`${isCaught ? 'caught ' : 'MISSED '}  ${keeps}  ${breaks} (${file})`);
    console.log(
      `            ${caughtBy.file} › ${caughtBy.title}: ${message || errors.join(' ') || 'passed'}`,
    );
    return isCaught;
  } finally {
    mend();
  }
}
