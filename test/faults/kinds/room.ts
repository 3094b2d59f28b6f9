/** The rooms' process dies. */
import type { Fault } from '../fault.ts';
import { holdOne } from '../hold.ts';

export const roomFaults: readonly Fault[] = [
  {
    name: 'room-kill',
    what: 'kill -9 the Worker with all rooms, the API and the sweeper',
    parts: ['worker'],
    loses: 'room',
    async run({ world: { stack } }) {
      await stack.control.kill('worker');
      await stack.control.start('worker');
    },
  },
  {
    name: 'room-kill-in-commit',
    what: 'kill -9 the Worker while a commit is on its way there or back; it may arrive after their death',
    parts: ['worker'],
    loses: 'room',
    async run({ world: { stack, proxy }, random }) {
      const point = random.pick(['before', 'after'] as const);
      const fate = random.pick(['arrive', 'vanish'] as const);
      const held = holdOne(proxy, point, ({ does }) => does.has('commit'));
      await held.reached;
      await stack.control.kill('worker');
      // Before or after the next room has taken over.
      if (random.chance(0.5)) held.release(fate);
      await stack.control.start('worker');
      held.release(fate);
    },
  },
];
