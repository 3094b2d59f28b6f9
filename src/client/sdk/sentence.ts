/** A server's message, which is written as part of a log line, as a sentence for people. */
export function sentence(text: string): string {
  return withStop(text.charAt(0).toUpperCase() + text.slice(1));
}

/** Adds a full stop where there is none. The first letter stays as it is: it may be of a name in the code. */
export function withStop(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
