/** What a room's host called it for, as the watched hosts in this folder write it into the stack's log. */
import { z } from 'zod';

const MARK = 'watched room ';

const roomEventSchema = z.object({
  /** Which room: the platform's own id of it. */
  object: z.string(),
  /** Which instance of it: another one is another memory. */
  instance: z.string(),
  event: z.enum(['request', 'connect', 'message', 'close', 'alarm']),
  /** A request's path. */
  path: z.string().optional(),
});
export type RoomEvent = z.infer<typeof roomEventSchema>;

export function tellRoomEvent(event: RoomEvent): void {
  console.log(MARK + JSON.stringify(event));
}

/** The events in a log, oldest first. */
export function readRoomEvents(log: string): RoomEvent[] {
  return log.split('\n').flatMap((line) => {
    const at = line.indexOf(MARK);
    return at === -1 ? [] : [roomEventSchema.parse(JSON.parse(line.slice(at + MARK.length)))];
  });
}

/**
 * A connection with such an id comes to its room without its reservation, as if another
 * instance had kept that.
 */
export const UNRESERVED = 'unreserved-';
/** A connection with such an id kills its room's instance, as a failing machine does. */
export const CRASHING = 'crashing-';
