/**
 * Calls a function at a steady pace, also while the page is in the background: browsers slow down a hidden
 * page's timers to one a second, but not those of a worker.
 */

export function startTicker(intervalMs: number, tick: () => void): void {
  const code = `setInterval(() => postMessage(0), ${intervalMs})`;
  try {
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
    worker.onmessage = tick;
    worker.onerror = () => setInterval(tick, intervalMs);
  } catch {
    setInterval(tick, intervalMs);
  }
}
