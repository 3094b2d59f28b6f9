/** The colours of the picture of what sounds: the page's, as they are now. */
import type { Visual } from '../../../protocol/player.ts';
import { PEER_COLORS, peerColorStyle } from '../../editor/index.ts';
import { shownTheme } from '../theme.ts';

/** The frame is another document, in which the page's custom properties say nothing. */
export function visualOf(view: Visual['view']): Visual {
  const probe = document.createElement('span');
  document.body.append(probe);
  const resolved = (color: string): string => {
    probe.style.color = color;
    return getComputedStyle(probe).color;
  };
  const visual: Visual = {
    view,
    colors: {
      scheme: shownTheme.snapshot,
      ground: resolved('var(--panel)'),
      line: resolved('var(--line)'),
      now: resolved('var(--accent-text)'),
      marks: PEER_COLORS.map((_, index) => resolved(peerColorStyle(index))),
    },
    // By the computer's setting: a user who asks for the picture sees it move if that allows it.
    moves: false,
  };
  probe.remove();
  return visual;
}
