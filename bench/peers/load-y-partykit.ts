/** The process that makes the load for y-partykit, which speaks y-websocket's protocol. */
import { serveLoad } from '../load/serve.ts';
import { type Dialect, YjsRoom } from './yjs-room.ts';

const yPartykit: Dialect = {
  url: (base, roomId) => new URL(`/parties/main/${roomId}`, base).href.replace(/^http/, 'ws'),
  greeting: () => [],
  begin: () => {},
  skip: () => {},
  ackType: null,
};

serveLoad((room, plan, recorder) => new YjsRoom(room, plan, recorder, yPartykit));
