/** Text of one's own that can't be sent: said, and there to be copied. */
import type { OfferedText } from '../sdk/unacknowledged.ts';
import { copyText, el, setText } from './dom.ts';

const WHY: Record<OfferedText['reason'], string> = {
  viewer: 'You may not edit here any more, and what you had typed was not sent yet.',
  uncertain: 'What you typed last may be in the session or not: compare it before you put it in again.',
  refused: 'The session could not take what you typed last.',
};

export interface OfferedTextNotice {
  element: HTMLElement;
  render(offered: OfferedText | null): void;
}

/** @param dismiss called when the person needs it no more. */
export function createOfferedText(dismiss: () => void): OfferedTextNotice {
  const why = el('p');
  const code = el('pre', { tabindex: '0', 'aria-label': 'Your text' });
  let shown: OfferedText | null = null;
  const copy: HTMLButtonElement = el(
    'button',
    {
      type: 'button',
      'data-testid': 'offered-copy',
      async onclick() {
        setText(copy, (await copyText(shown?.code ?? '')) ? 'Copied' : 'Select it below to copy it');
      },
    },
    'Copy my text',
  );
  const done = el(
    'button',
    { type: 'button', 'data-testid': 'offered-dismiss', onclick: dismiss },
    'I don’t need it',
  );
  const element = el(
    'section',
    { class: 'notice offered', role: 'alert', hidden: true, 'data-testid': 'offered' },
    why,
    el('div', { class: 'notice-actions' }, copy, done),
    el('details', {}, el('summary', {}, 'Show it'), code),
  );
  return {
    element,
    render(offered) {
      if (offered === shown) return;
      shown = offered;
      element.hidden = offered === null;
      if (!offered) return;
      setText(why, WHY[offered.reason]);
      setText(code, offered.code);
      setText(copy, 'Copy my text');
    },
  };
}
