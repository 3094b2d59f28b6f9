/** The buffer's keys. `peek` builds those of the sessions that it finds from the prefix in the same way. */
export interface Keys {
  readonly prefix: string;
  readonly dirty: string;
  readonly sweep: string;
  readonly dead: string;
  readonly stats: string;
  /** Sessions by their last activity. */
  readonly active: string;
  /** Says that inactive sessions were scanned lately. */
  readonly lastScan: string;
  session(id: string): string;
  messages(id: string): string;
}

/** Keys under a prefix such as `bb:`. */
export function keysFor(prefix: string): Keys {
  return {
    prefix,
    dirty: `${prefix}dirty`,
    sweep: `${prefix}sweep`,
    dead: `${prefix}dead`,
    stats: `${prefix}stats`,
    active: `${prefix}active`,
    lastScan: `${prefix}last_scan`,
    session: (id) => `${prefix}s:${id}`,
    messages: (id) => `${prefix}s:${id}:m`,
  };
}
