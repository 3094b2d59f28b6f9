/** A deployed Worker, as operators' commands ask it. */
import { DeployError, reasonOf } from './errors.ts';

const REQUEST_TIMEOUT_MS = 60_000;

export interface Deployment {
  /** Origin of the deployed Worker. */
  url: string;
  flushSecret: string;
}

/** One of the figures of `/metrics`. @throws {DeployError} it isn't there. */
export function metric(text: string, name: string): number {
  const value = new RegExp(`^backbeat_${name} (\\d+(?:\\.\\d+)?)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new DeployError(`/metrics doesn't tell ${name}: is this a Backbeat Worker?`);
  return Number(value);
}

/**
 * Asks a deployed Worker, with its flush secret.
 * @param accepted statuses besides those of success whose body is an answer, too.
 * @throws {DeployError} it can't be reached, or refuses.
 */
export async function ask(
  { url, flushSecret }: Deployment,
  method: string,
  path: string,
  accepted: readonly number[] = [],
): Promise<string> {
  const address = new URL(path, url);
  try {
    const response = await fetch(address, {
      method,
      headers: { authorization: `Bearer ${flushSecret}` },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    if (response.ok || accepted.includes(response.status)) return await response.text();
    await response.body?.cancel();
    const hint = response.status === 401 ? ': FLUSH_SECRET is not this Worker’s' : '';
    throw new DeployError(`${method} ${address.href} answered ${response.status}${hint}`);
  } catch (error) {
    if (error instanceof DeployError) throw error;
    throw new DeployError(`${method} ${address.href}: ${reasonOf(error)}`);
  }
}
