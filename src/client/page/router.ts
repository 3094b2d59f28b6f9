/** The page's addresses, in the fragment, so that no server and no log sees an invite's secret. */

export type Route =
  | { name: 'start' }
  | { name: 'session'; sessionId: string }
  | { name: 'join'; inviteToken: string }
  /** A new session with this code, packed as in `pattern/packed.ts`. */
  | { name: 'begin'; packed: string };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** What an invite's secret may look like when it is pasted without its link. */
const BARE_TOKEN = /^[\w.~-]{8,200}$/;

/** The route of a fragment such as `#/s/…`; the start for anything unknown. */
export function parseRoute(hash: string): Route {
  const [, name, value] = hash.replace(/^#/, '').split('/');
  if (name === 's' && value !== undefined && UUID.test(value)) {
    return { name: 'session', sessionId: value.toLowerCase() };
  }
  if (name === 'begin' && value) return { name: 'begin', packed: value };
  if (name === 'join' && value) return { name: 'join', inviteToken: decode(value) };
  return { name: 'start' };
}

/** The session of a path such as `/s/…`, which is for links that are pasted elsewhere; else null. */
export function routeOfPath(path: string): Route | null {
  const [, name, value, rest] = path.split('/');
  const isOne = name === 's' && value !== undefined && UUID.test(value) && !rest;
  return isOne ? { name: 'session', sessionId: value.toLowerCase() } : null;
}

/** The fragment of a route. */
export function routeHash(route: Route): string {
  switch (route.name) {
    case 'start':
      return '#/';
    case 'session':
      return `#/s/${route.sessionId}`;
    case 'begin':
      return `#/begin/${route.packed}`;
    case 'join':
      return `#/join/${encodeURIComponent(route.inviteToken)}`;
  }
}

/**
 * What the user pasted to join: a link of this page, or the bare secret of an invite. Null when it is
 * neither.
 */
export function parsePasted(text: string): Route | null {
  const trimmed = text.trim();
  if (/^https?:/i.test(trimmed) && URL.canParse(trimmed)) {
    const shared = routeOfPath(new URL(trimmed).pathname);
    if (shared) return shared;
  }
  const hashAt = trimmed.indexOf('#');
  if (hashAt >= 0) {
    const route = parseRoute(trimmed.slice(hashAt));
    return route.name === 'start' ? null : route;
  }
  return BARE_TOKEN.test(trimmed) ? { name: 'join', inviteToken: trimmed } : null;
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Shows another route. */
export function go(route: Route): void {
  location.hash = routeHash(route);
}

/** Shows another route in place of this one, which the way back then leaves out. */
export function goInstead(route: Route): void {
  location.replace(routeHash(route));
}
