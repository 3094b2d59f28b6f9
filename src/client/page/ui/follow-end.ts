import { useCallback, useEffect, useLayoutEffect, useRef } from 'preact/hooks';

/** Nearer to the end than this, in pixels, a list follows what comes; else the user is reading back. */
const FOLLOW_PX = 60;

/**
 * Keeps a list's end in sight as it grows, or as its room shrinks, unless the user has scrolled back.
 * @param content whatever is in the list: when it is another value, the list may have grown.
 * @returns the list's ref, and a function that goes to the end in any case.
 */
export function useFollowEnd<Element extends HTMLElement>(content: unknown) {
  const list = useRef<Element>(null);
  const follows = useRef(true);
  const settle = useCallback(() => {
    const { current } = list;
    if (current && follows.current) current.scrollTop = current.scrollHeight;
  }, []);
  useEffect(() => {
    const { current } = list;
    if (!current) return;
    const onScroll = () => {
      follows.current = current.scrollHeight - current.scrollTop - current.clientHeight < FOLLOW_PX;
    };
    const observer = new ResizeObserver(settle);
    current.addEventListener('scroll', onScroll, { passive: true });
    observer.observe(current);
    return () => {
      current.removeEventListener('scroll', onScroll);
      observer.disconnect();
    };
  }, [settle]);
  // The list’s size depends on its content.
  useLayoutEffect(settle, [content]);
  const toEnd = useCallback(() => {
    follows.current = true;
    settle();
  }, [settle]);
  return { list, toEnd };
}
