/** The process that makes the load in Backbeat's own protocol. */
import { MergingRoom } from './merging-room.ts';
import { BackbeatRoom } from './room.ts';
import { serveLoad } from './serve.ts';

serveLoad((room, plan, recorder) => {
  const Room = plan.edits === 'changes' ? MergingRoom : BackbeatRoom;
  return new Room(room, plan, recorder);
});
