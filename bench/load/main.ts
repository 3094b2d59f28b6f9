/** The process that makes the load in Backbeat's own protocol. */
import { BackbeatRoom } from './room.ts';
import { serveLoad } from './serve.ts';

serveLoad((room, plan, recorder) => new BackbeatRoom(room, plan, recorder));
