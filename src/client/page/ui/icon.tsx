/** The page's icons, on a grid of 24, drawn with the text's colour. */
import type { JSX } from 'preact';

/** Each a path of strokes, 2 wide. */
const STROKES = {
  close: 'M6 6l12 12M18 6L6 18',
  more: 'M5 11.9v.2M12 11.9v.2M19 11.9v.2',
  listen: 'M4 15v-3a8 8 0 0 1 16 0v3M4 14h3v6H5a1 1 0 0 1-1-1zM20 14h-3v6h2a1 1 0 0 0 1-1z',
  people:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6M18 14a6 6 0 0 1 3.5 6',
  chat: 'M4 5h16v11H10l-4 4v-4H4z',
  ai: 'M12 3l1.8 5.2L19 10l-5.2 1.8L12 17l-1.8-5.2L5 10l5.2-1.8zM19 16v4M17 18h4',
  sounds:
    'M9 18V6l10-2v12M9 18a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM19 16a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z',
  library: 'M5 4v16M9.5 4v16M14 5l5 14.5',
  history: 'M4 12a8 8 0 1 0 2.6-5.9L4 8.5M4 4v4.5h4.5M12 8v4.5l3 2',
  share: 'M12 15V4M8 7.5L12 3.5l4 4M5 12v7a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1v-7',
  settings:
    'M4 7h9M17 7h3M4 17h3M11 17h9M15 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  leave: 'M10 4H6a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h4M15 8l4 4-4 4M19 12H9',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  download: 'M12 4v11M8 11.5l4 4 4-4M5 20h14',
  theme: 'M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18',
  volume: 'M4 10v4h3l5 4V6l-5 4zM16 9a4 4 0 0 1 0 6',
  link: 'M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1',
  embed: 'M8.5 7.5L4 12l4.5 4.5M15.5 7.5L20 12l-4.5 4.5',
  find: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20',
  format: 'M4 6h16M8 11h12M8 16h8M4 11v5',
} as const;

/** Each a filled path. */
const FILLS = {
  play: 'M7 4.5v15l13-7.5z',
  stop: 'M6 6h12v12H6z',
} as const;

export type IconName = keyof typeof STROKES | keyof typeof FILLS;

export function Icon({ name }: { name: IconName }) {
  const isFilled = name === 'play' || name === 'stop';
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {isFilled ? (
        <path d={FILLS[name]} fill="currentColor" />
      ) : (
        <path
          d={STROKES[name]}
          fill="none"
          stroke="currentColor"
          stroke-width={name === 'more' ? 3.5 : 2}
          stroke-linecap="round"
          stroke-linejoin="round"
        />
      )}
    </svg>
  );
}

type IconButtonProps = JSX.IntrinsicElements['button'] & {
  icon: IconName;
  /** What it does, for those who don't see it, and as a tooltip. */
  label: string;
  testId?: string | undefined;
};

/** A button that shows an icon only. */
export function IconButton({ icon, label, testId, class: className, ...props }: IconButtonProps) {
  return (
    <button
      type="button"
      class={`icon-button ${className ?? ''}`}
      aria-label={label}
      title={label}
      data-testid={testId}
      {...props}
    >
      <Icon name={icon} />
    </button>
  );
}
