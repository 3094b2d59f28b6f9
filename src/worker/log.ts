/** The log: one line of JSON an event, and nothing in it that came from a caller or from storage. */

type Fields = Record<string, string | number | boolean | null | readonly string[]>;

export function logInfo(event: string, fields: Fields = {}): void {
  console.log(line('info', event, fields));
}

export function logError(event: string, fields: Fields = {}): void {
  console.error(line('error', event, fields));
}

/**
 * What may be logged of an unexpected error: its kind and where it came from. Not its message: drivers
 * quote statements, their parameters and whole commands there.
 */
export function describeUnexpected(error: unknown): Fields {
  if (!(error instanceof Error)) return { error: typeof error };
  const frames = (error.stack ?? '').split('\n').filter((text) => /^\s+at /.test(text));
  return { error: error.name, at: frames.slice(0, 8).map((frame) => frame.trim()) };
}

function line(level: string, event: string, fields: Fields): string {
  return JSON.stringify({ level, event, ...fields });
}
