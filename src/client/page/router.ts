/** The page's addresses, in the fragment, so that no server and no log sees an invite's secret. */

export type Route =
  | { name: 'start' }
  | { name: 'session'; sessionId: string }
  | { name: 'join'; inviteToken: string };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** What an invite's secret may look like when it is pasted without its link. */
const BARE_TOKEN = /^[\w.~-]{8,200}$/;

/** The route of a fragment such as `#/s/…`; the start for anything unknown. */
export function parseRoute(hash: string): Route {
  const [, name, value] = hash.replace(/^#/, '').split('/');
  if (name === 's' && value !== undefined && UUID.test(value)) {
    return { name: 'session', sessionId: value.toLowerCase() };
  }
  if (name === 'join' && value) return { name: 'join', inviteToken: decode(value) };
  return { name: 'start' };
}

/** The fragment of a route. */
export function routeHash(route: Route): string {
  switch (route.name) {
    case 'start':
      return '#/';
    case 'session':
      return `#/s/${route.sessionId}`;
    case 'join':
      return `#/join/${encodeURIComponent(route.inviteToken)}`;
  }
}

/**
 * Reads what a user pasted to join a session: a link of this page, or an invite's secret alone.
 * @returns null when it is neither.
 */
export function parsePasted(text: string): Route | null {
  const trimmed = text.trim();
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
