import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { addLibraryChecks, CHECKED_MODULES } from './deploy/library-checks.ts';

/** What takes longest goes first, so that no worker ends long after the other. */
const LONGEST = [
  'host-partykit',
  'host-partyserver',
  'flushing',
  'eviction',
  'deploy-platforms',
  'versions',
  'secret-rotation',
  'stack',
  'neon-pglite',
  'room-life',
  'deploy-live',
  'access-rooms',
  'garbage-requests',
  'secrets',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return at === -1 ? LONGEST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** Whatever runs Strudel. */
const PLAYER_TESTS = ['src/player/**/*.test.ts'];

const UNIT = {
  // Only to end what hangs: a busy machine is no failure.
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // By itself Vitest leaves one of two cores alone.
  maxWorkers: 2,
  sequence: { groupOrder: 0 },
} as const;

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...UNIT,
          name: 'unit',
          include: ['test/unit', 'src', 'dev', 'deploy', 'bench'].map((folder) => `${folder}/**/*.test.ts`),
          exclude: PLAYER_TESTS,
          // They keep nothing in their modules; to load these anew for each file takes half of their time.
          isolate: false,
        },
      },
      {
        // Strudel's packages are made for bundlers: the file that Node would take of this one has no exports.
        resolve: { alias: { '@kabelsalat/web': '@kabelsalat/web/dist/index.mjs' } },
        // As in the player's build.
        plugins: [
          {
            name: 'library checks',
            transform: (code, id) => (CHECKED_MODULES.test(id) ? addLibraryChecks(code) : undefined),
          },
        ],
        test: {
          ...UNIT,
          // Strudel puts its functions into the global scope: each file has one of its own.
          name: 'player',
          server: { deps: { inline: [/@strudel\//] } },
          include: PLAYER_TESTS,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/support/shared-postgres.ts'],
          // Some start three stacks one after the other, on a machine that does five such things at once.
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // Each drives a whole stack and often waits for an event: six at a time keep two cores busy.
          maxWorkers: 6,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
