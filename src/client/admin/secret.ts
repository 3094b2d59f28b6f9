/**
 * The flush secret, for as long as the tab is open: it opens everything that an operator may do, so it is
 * neither in an address nor in what outlives the tab.
 */
const KEY = 'backbeat:flush-secret';

export function readSecret(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    // Storage may be switched off: then it is asked for again after a reload.
    return null;
  }
}

/** @param secret null forgets it. */
export function keepSecret(secret: string | null): void {
  try {
    if (secret === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, secret);
  } catch {
    // As above.
  }
}
