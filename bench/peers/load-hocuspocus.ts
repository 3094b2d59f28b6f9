/** The process that makes the load in Hocuspocus' protocol: each frame begins with the document's name. */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { serveLoad } from '../load/serve.ts';
import { type Dialect, YjsRoom } from './yjs-room.ts';

const MESSAGE_AUTH = 2;
const MESSAGE_SYNC_STATUS = 8;
const AUTH_TOKEN = 0;

const hocuspocus: Dialect = {
  url: (base) => base.replace(/^http/, 'ws'),
  // The server listens to nothing else before it.
  greeting: (roomId) => {
    const encoder = encoding.createEncoder();
    encoding.writeVarString(encoder, roomId);
    encoding.writeVarUint(encoder, MESSAGE_AUTH);
    encoding.writeVarUint(encoder, AUTH_TOKEN);
    encoding.writeVarString(encoder, 'nobody');
    return [encoding.toUint8Array(encoder)];
  },
  begin: (encoder, roomId) => encoding.writeVarString(encoder, roomId),
  skip: (decoder) => {
    decoding.readVarString(decoder);
  },
  ackType: MESSAGE_SYNC_STATUS,
};

serveLoad((room, plan, recorder) => new YjsRoom(room, plan, recorder, hocuspocus));
