/**
 * Runs before the first paint, so it imports nothing. It applies the colours that this browser's user has
 * chosen (`theme.ts`), and sees whether the address leads elsewhere than to the start, which the HTML shows
 * at once. What is much work to draw is left to the second frame (`start.css`). It puts the page's scripts
 * into the page: after the first paint where there is something to paint, since on a slow computer they would
 * keep it waiting. A button of the start that is pressed before they have loaded is noted, and is pressed
 * again by the page (`main.tsx`).
 */
{
  /** A page that isn't drawn, or whose browser doesn't say so, waits no longer than this. */
  const MAX_WAIT_MS = 1_000;
  const { dataset } = document.documentElement;
  try {
    const theme = localStorage.getItem('backbeat:theme');
    if (theme === 'light' || theme === 'dark') dataset.theme = theme;
  } catch {
    // A browser that keeps nothing: as the device has it.
  }
  const isStart = location.hash.length <= 2 && location.pathname === '/';
  if (!isStart) dataset.entering = '';
  document.addEventListener('click', ({ target }) => {
    const button = target instanceof Element ? target.closest('#app button[data-testid]') : null;
    if (button instanceof HTMLElement && 'waiting' in dataset) dataset.waiting = button.dataset.testid ?? '';
  });
  if (isStart) dataset.waiting = '';
  const isPaintedFirst = isStart && !document.hidden;
  if (isPaintedFirst) dataset.unpainted = '';
  let hasBegun = false;
  const begin = () => {
    if (hasBegun) return;
    hasBegun = true;
    delete dataset.unpainted;
    const scripts = document.querySelector('template#scripts');
    if (scripts instanceof HTMLTemplateElement) document.body.append(scripts.content.cloneNode(true));
  };
  document.addEventListener('DOMContentLoaded', () => {
    if (!isPaintedFirst) begin();
    else {
      // Once it is on the screen: after `requestAnimationFrame` the frame is still to be drawn.
      new PerformanceObserver((list) => {
        if (list.getEntriesByName('first-contentful-paint').length > 0) begin();
      }).observe({ type: 'paint', buffered: true });
      setTimeout(begin, MAX_WAIT_MS);
    }
  });
}
