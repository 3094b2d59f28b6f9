import { describe, expect, it } from 'vitest';
import { PreviewName } from './names.ts';
import { parsePreviewOptions } from './options.ts';

const PRODUCTION = { worker: 'backbeat' };

const BRANCHES = [
  ...[
    'main',
    'Main',
    'MAIN',
    'feature/login',
    'feature-login',
    'feature_login',
    'feature.login',
    'feature/login/',
  ],
  ...['日本語', '日本', '🎉', 'Ünïcödé', 'Unicode', '-', '--', '_', '.', '#1', '#2', '1', 'x', 'X'],
  ...['a'.repeat(250), 'a'.repeat(251), `${'a'.repeat(23)}-b`, `${'a'.repeat(24)}-b`, `${'a'.repeat(24)}-c`],
  ...[
    'dependabot/npm_and_yarn/multi-9423f4c335',
    'renovate/@types/node-20.x',
    'backbeat',
    'backbeat-pv-x',
    'HEAD',
  ],
  ...[
    "'; rm -rf / #",
    '$(id)',
    '`id`',
    '%2e%2e',
    'a b',
    'a\tb',
    'a:b',
    'a*b',
    'a?b',
    '[a]',
    'a\\b',
    '@',
    '@{u}',
    '"',
  ],
];

/** A label of a host name (RFC 1035), which a Worker's name becomes. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/;

describe('names of a preview', () => {
  it('are valid everywhere, for any branch', () => {
    for (const branch of BRANCHES) {
      const name = PreviewName.ofBranch(branch, PRODUCTION);
      expect(name.worker).toMatch(LABEL);
      expect(name.database).toMatch(/^backbeat-pv\/[a-z0-9-]+$/);
      expect(name.keyPrefix).toMatch(/^backbeat-pv:[a-z0-9-]+:$/);
      // The limit of KEY_PREFIX in the configuration.
      expect(name.keyPrefix.length).toBeLessThanOrEqual(64);
    }
  });

  it('differ for different branches on each platform', () => {
    for (const kind of ['worker', 'database', 'keyPrefix'] as const) {
      const names = BRANCHES.map((branch) => PreviewName.ofBranch(branch, PRODUCTION)[kind]);
      expect(new Set(names).size).toBe(BRANCHES.length);
    }
  });

  it('stay the same, so that what an older version made is found again', () => {
    const name = PreviewName.ofBranch('feature/Login #42', PRODUCTION);
    expect({
      ...name,
      worker: name.worker,
      database: name.database,
      keyPrefix: name.keyPrefix,
    }).toEqual({
      id: 'feature-login-42-afc41d11ec',
      worker: 'backbeat-pv-feature-login-42-afc41d11ec',
      database: 'backbeat-pv/feature-login-42-afc41d11ec',
      keyPrefix: 'backbeat-pv:feature-login-42-afc41d11ec:',
    });
    // As a CI system may put it; a branch that is really called so is another one.
    const options = parsePreviewOptions(['up', '--branch', 'refs/heads/feature/Login #42']);
    expect(options?.branch).toBe('feature/Login #42');
    expect(PreviewName.ofBranch('refs/heads/feature/Login #42', PRODUCTION).id).not.toBe(name.id);
  });

  it('lead back to the preview, and no other name does', () => {
    for (const branch of BRANCHES) {
      const { id, database, keyPrefix } = PreviewName.ofBranch(branch, PRODUCTION);
      for (const name of [database, keyPrefix, `${keyPrefix}s:1:m`, `${keyPrefix}:`]) {
        expect(PreviewName.ofPlatformName(name, PRODUCTION)?.id).toBe(id);
      }
    }
    const { id } = PreviewName.ofBranch('x', PRODUCTION);
    for (const name of [
      ...[
        '',
        'main',
        'production',
        'bb:dirty',
        'backbeat',
        `preview/${id}`,
        `other-pv/${id}`,
        `backbeat-pv/${id}/y`,
      ],
      ...[
        `backbeat-pv/${id}x`,
        `backbeat-pv/x`,
        `backbeat-pv:${id}`,
        `backbeat-pv-${id}`,
        ` backbeat-pv/${id}`,
      ],
    ]) {
      expect(PreviewName.ofPlatformName(name, PRODUCTION)).toBeNull();
    }
  });

  it('of two projects differ, also where their names are cut alike', () => {
    const names = ['a-rather-long-name-for-one', 'a-rather-long-name-for-two', 'backbeat'].map((worker) =>
      PreviewName.ofBranch('main', { worker }),
    );
    expect(new Set(names.map(({ worker }) => worker)).size).toBe(3);
    for (const { worker } of names) expect(worker).toMatch(LABEL);
  });

  it('are never production’s', () => {
    // Production's name is in the hash, so a preview of a Worker that is named like a preview is another one.
    const taken = PreviewName.ofBranch('main', PRODUCTION);
    expect(PreviewName.ofBranch('main', { worker: taken.worker }).worker).not.toBe(taken.worker);
    for (const branch of BRANCHES) {
      const { worker } = PreviewName.ofBranch(branch, PRODUCTION);
      expect(worker).not.toBe('backbeat');
      expect(worker).toContain('-pv-');
    }
  });

  it('need a branch', () => {
    expect(() => PreviewName.ofBranch('', PRODUCTION)).toThrow('needs the name of a branch');
    for (const branch of ['', 'refs/heads/']) {
      expect(() => parsePreviewOptions(['down', '--branch', branch])).toThrow('--branch is empty');
    }
  });
});
