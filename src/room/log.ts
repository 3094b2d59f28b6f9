/** Writes one JSON line for an event. `detail` never has anybody's code, messages or tokens in it. */
export type RoomLog = (event: string, detail: string) => void;

/** @param sessionId null where the session isn't known. */
export function log(sessionId: string | null, event: string, detail: string): void {
  console.warn(
    JSON.stringify({ at: new Date().toISOString(), part: 'room', session: sessionId, event, detail }),
  );
}

export function logOf(sessionId: string): RoomLog {
  return (event, detail) => log(sessionId, event, detail);
}
