/** From replies to the JSON of the REST API. */
import { RedisError, type Reply } from './engine.ts';

const OK = Buffer.from('OK');

/**
 * A reply as JSON text, written in one pass without an intermediate tree.
 * In base64 every string is encoded, with one exception that the official client knows: a bare `OK` at the
 * top. Inside arrays it is encoded like any other, for there the client decodes whatever it finds.
 */
export function encodeReply(reply: Reply, base64: boolean, top = true): string {
  if (reply === null) return 'null';
  if (typeof reply === 'number') return String(reply);
  if (Array.isArray(reply)) {
    return `[${reply.map((item) => encodeReply(item, base64, false)).join(',')}]`;
  }
  // An error inside an array has no form of its own in JSON; its text is all there is to tell.
  if (reply instanceof RedisError) return encodeReply(Buffer.from(reply.message), base64, false);
  if (!base64) return JSON.stringify(reply.toString());
  if (top && reply.equals(OK)) return '"OK"';
  return `"${reply.toString('base64')}"`;
}

/** `{"result":…}` or `{"error":"…"}`. Error texts are never in base64. */
export function encodeOutcome(reply: Reply, base64: boolean): string {
  return reply instanceof RedisError
    ? encodeError(reply.message)
    : `{"result":${encodeReply(reply, base64)}}`;
}

/** `{"error":"…"}` */
export function encodeError(message: string): string {
  return `{"error":${JSON.stringify(message)}}`;
}
