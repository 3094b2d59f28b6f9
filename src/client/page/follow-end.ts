/** Nearer to the end than this, in pixels, a list follows what comes; else the user is reading back. */
const FOLLOW_PX = 60;

/**
 * Keeps a list's end in sight as it grows, or as its room shrinks, unless the user has scrolled back.
 * @returns a function to call after each change of what is in it; `true` goes to the end in any case.
 */
export function followEnd(list: HTMLElement): (always?: boolean) => void {
  let follows = true;
  list.addEventListener('scroll', () => {
    follows = list.scrollHeight - list.scrollTop - list.clientHeight < FOLLOW_PX;
  });
  const settle = (always = false): void => {
    if (always) follows = true;
    if (follows) list.scrollTop = list.scrollHeight;
  };
  new ResizeObserver(() => settle()).observe(list);
  return settle;
}
