/** Logs an event of one room. `detail` must not contain code, messages or tokens. */
export type RoomLog = (event: string, detail: string) => void;

/** Writes one JSON line. @param sessionId null where the session isn't known. */
export function log(sessionId: string | null, event: string, detail: string): void {
  console.warn(
    JSON.stringify({ at: new Date().toISOString(), part: 'room', session: sessionId, event, detail }),
  );
}

export function logOf(sessionId: string): RoomLog {
  return (event, detail) => log(sessionId, event, detail);
}
