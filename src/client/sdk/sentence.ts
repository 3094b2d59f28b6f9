/** A server's message, which is written as part of a log line, as a sentence for people. */
export function sentence(text: string): string {
  return withStop(text.charAt(0).toUpperCase() + text.slice(1));
}

/** With a full stop, if it has none: for what may begin with a word of somebody's code. */
export function withStop(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
