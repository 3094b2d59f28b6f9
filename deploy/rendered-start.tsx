/** The start page as HTML, as it is before its scripts have loaded. */
import { renderToString } from 'preact-render-to-string';
import { Hero } from '../src/client/page/start/hero.tsx';

/** It is replaced by the page itself, which has the same in the same place. */
export function renderedStart(): string {
  return renderToString(
    <div class="start">
      <header class="start-top" />
      <main class="start-main">
        <Hero />
      </main>
    </div>,
  );
}
