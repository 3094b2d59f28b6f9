/** The rooms' process dies. */
import type { Fault } from '../fault.ts';
import { holdOne } from '../hold.ts';

export const roomFaults: readonly Fault[] = [
  {
    name: 'room-kill',
    what: 'kill -9 the rooms',
    parts: ['room'],
    loses: 'room',
    async run({ world: { stack } }) {
      await stack.control.kill('room');
      await stack.control.start('room');
    },
  },
  {
    name: 'room-kill-in-commit',
    what: 'kill -9 the rooms while a commit is on its way there or back; it may arrive after their death',
    parts: ['room'],
    loses: 'room',
    async run({ world: { stack, proxy }, random }) {
      const point = random.pick(['before', 'after'] as const);
      const fate = random.pick(['arrive', 'vanish'] as const);
      const held = holdOne(proxy, point, ({ caller, does }) => caller === 'room' && does.has('commit'));
      await held.reached;
      await stack.control.kill('room');
      // Before or after the next room has taken over.
      if (random.chance(0.5)) held.release(fate);
      await stack.control.start('room');
      held.release(fate);
    },
  },
];
