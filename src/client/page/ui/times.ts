/** Moments as people write them where they are. */

/** Time of day. */
export function timeOfDay(atMs: number): string {
  return new Date(atMs).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

/** The day; only the time when it is today's. @param at ISO 8601 or milliseconds. */
export function dayOf(at: string | number): string {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? timeOfDay(date.getTime()) : date.toLocaleDateString();
}
