/** The buffer's keys. `peek` builds those of the sessions that it finds from the prefix in the same way. */
export interface Keys {
  readonly prefix: string;
  readonly dirty: string;
  readonly sweep: string;
  readonly dead: string;
  /** Bytes of the dead letters, in all and by session. */
  readonly deadSizes: string;
  readonly stats: string;
  /** Sessions by their last activity. */
  readonly active: string;
  /** Says that inactive sessions were scanned lately. */
  readonly lastScan: string;
  session(id: string): string;
  messages(id: string): string;
  /** What the keys begin with that {@link damaged} names. */
  readonly anyDamaged: string;
  /** Where a session's key that can't be read is moved to. */
  damaged(id: string, part: SessionPart, atMs: number): string;
}

/** A session's two keys. */
export const SESSION_PARTS = ['session', 'messages'] as const;
export type SessionPart = (typeof SESSION_PARTS)[number];

/** Keys under a prefix such as `bb:`. */
export function keysFor(prefix: string): Keys {
  return {
    prefix,
    dirty: `${prefix}dirty`,
    sweep: `${prefix}sweep`,
    dead: `${prefix}dead`,
    deadSizes: `${prefix}dead_sizes`,
    stats: `${prefix}stats`,
    active: `${prefix}active`,
    lastScan: `${prefix}last_scan`,
    anyDamaged: `${prefix}damaged:`,
    session: (id) => `${prefix}s:${id}`,
    messages: (id) => `${prefix}s:${id}:m`,
    damaged: (id, part, atMs) => `${prefix}damaged:${id}:${part}:${atMs}`,
  };
}
