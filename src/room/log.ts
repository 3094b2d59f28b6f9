/** One JSON line an event; never with anybody's code, messages or tokens in it. */
export function log(sessionId: string | null, event: string, detail: string): void {
  console.warn(
    JSON.stringify({ at: new Date().toISOString(), part: 'room', session: sessionId, event, detail }),
  );
}
