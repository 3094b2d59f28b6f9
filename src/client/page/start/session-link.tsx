import { routeHash } from '../router.ts';

/** A link to a session, by its title. */
export function SessionLink({ id, title }: { id: string; title: string | null }) {
  return (
    <a href={routeHash({ name: 'session', sessionId: id })} class="row-main">
      {title || 'Untitled session'}
    </a>
  );
}
