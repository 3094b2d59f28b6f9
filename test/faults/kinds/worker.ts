/** Everything dies in the middle of a flush, the room whose flush it is, or the sweeper, with the rest. */
import type { Fault, Scene } from '../fault.ts';
import { holdOne } from '../hold.ts';

async function killAt(
  { world: { stack, proxy }, random }: Scene,
  point: 'before' | 'after',
  what: 'write' | 'settle',
): Promise<void> {
  const held = holdOne(proxy, point, ({ does }) => does.has(what));
  await held.reached;
  await stack.control.kill('worker');
  const fate = random.pick(['arrive', 'vanish'] as const);
  if (random.chance(0.5)) held.release(fate);
  await stack.control.start('worker');
  held.release(fate);
}

export const workerFaults: readonly Fault[] = [
  {
    name: 'worker-kill-before-postgres',
    what: 'kill -9 the Worker between a peek and Postgres; the write may arrive after its death',
    parts: ['worker'],
    loses: 'room',
    run: (scene) => killAt(scene, 'before', 'write'),
  },
  {
    name: 'worker-kill-before-settle',
    what: "kill -9 the Worker between Postgres's commit and the settling; the settling may arrive after its death",
    parts: ['worker'],
    loses: 'room',
    run: (scene) =>
      scene.random.chance(0.5) ? killAt(scene, 'after', 'write') : killAt(scene, 'before', 'settle'),
  },
];
