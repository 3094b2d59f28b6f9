/**
 * A preview's keys: all of them are found and removed, however many there are, and no key of another program.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PreviewKeys } from '../../deploy/redis-keys.ts';
import { DeployScene, SECRETS } from '../support/deploy-scene.ts';

let scene: DeployScene;
let keys: PreviewKeys;
beforeEach(async () => {
  scene = await DeployScene.start();
  keys = new PreviewKeys({ url: scene.redisUrl, token: SECRETS.redis });
});
afterEach(() => scene.stop());

it('go by the thousand, and what others have stays', async () => {
  const own = scene.name('feature/x');
  const others = [
    `${scene.name('feature/y').keyPrefix}dirty`,
    // Everything that begins nearly so.
    own.keyPrefix.slice(0, -1),
    `${own.keyPrefix.slice(0, -1)}0:dirty`,
    `x${own.keyPrefix}dirty`,
    'bb:dirty',
  ];
  for (const key of others) await scene.redis('SET', key, '1');
  const many = Array.from({ length: 1_234 }, (_, i) => [`${own.keyPrefix}s:${i}`, '1']).flat();
  await scene.redis('MSET', ...many);
  expect((await keys.previews(scene.names)).map(({ id }) => id).sort()).toEqual(
    [scene.name('feature/y').id, own.id].sort(),
  );
  expect(await keys.removeAll(own)).toBe(1_234);
  expect(await keys.removeAll(own)).toBe(0);
  expect(await scene.redis('KEYS', '*')).toEqual(expect.arrayContaining(others));
  expect(await scene.redis('DBSIZE')).toBe(others.length);
});

it('that another program goes on writing are reported, not chased for ever', async () => {
  const own = scene.name('feature/x');
  await scene.redis('SET', `${own.keyPrefix}dirty`, '1');
  // A writer that is always there again: whatever is removed comes back.
  scene.onRedis((command) => (command === 'UNLINK' ? ['SET', `${own.keyPrefix}dirty`, '1'] : null));
  await expect(keys.removeAll(own)).rejects.toThrow(
    `another program still writes keys that begin with ${own.keyPrefix}`,
  );
});
