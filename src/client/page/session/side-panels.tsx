/**
 * One panel beside the editor, or none: below it on a phone. The buttons that show and hide panels are one
 * tab stop; arrows go through them.
 */
import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { Icon, IconButton, type IconName } from '../ui/icon.tsx';
import { lazy } from '../ui/lazy.tsx';
import { useValue } from '../ui/store.ts';
import { isOverIn, mayWrite } from './jam.ts';
import { ChatPanel } from './panels/chat-panel.tsx';
import { PANELS, type PanelName } from './panels.ts';
import { useJam, useSession } from './use-jam.ts';

// At once, but after the editor is there.
const PeoplePanel = lazy(async () => (await import('./panels/people-panel.tsx')).PeoplePanel);
const AiPanel = lazy(async () => (await import('./later.ts')).AiPanel);
const HistoryPanel = lazy(async () => (await import('./later.ts')).HistoryPanel);
const LibraryPanel = lazy(async () => (await import('./later.ts')).LibraryPanel);
const SoundsPanel = lazy(async () => (await import('./later.ts')).SoundsPanel);

const ABOUT: Record<PanelName, { label: string; icon: IconName }> = {
  people: { label: 'People', icon: 'people' },
  chat: { label: 'Chat', icon: 'chat' },
  ai: { label: 'AI', icon: 'ai' },
  sounds: { label: 'Sounds', icon: 'sounds' },
  strudels: { label: 'Library', icon: 'library' },
  history: { label: 'History', icon: 'history' },
};

const STEPS: Record<string, number> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/** @param again shows the session anew, for another user. */
export function SidePanels({ again }: { again(): void }) {
  const jam = useJam();
  const { shown, news } = useValue(jam.panels);
  const isWriter = useSession(({ role }) => mayWrite(role));
  const isOver = useSession(({ connection }) => isOverIn(connection));
  const bar = useRef<HTMLDivElement>(null);
  const available = PANELS.filter((name) => name !== 'ai' || isWriter);
  const open = available.find((name) => name === shown) ?? null;
  /** A panel begins when it is first shown, and goes on while another is shown. */
  const begun = useRef(new Set<PanelName>(['people', 'chat']));
  if (open) begun.current.add(open);
  const content: Record<PanelName, ComponentChildren> = {
    people: <PeoplePanel />,
    chat: <ChatPanel />,
    ai: <AiPanel />,
    sounds: <SoundsPanel />,
    strudels: <LibraryPanel again={again} />,
    history: <HistoryPanel />,
  };
  /** The button that Tab reaches. */
  const stop = open ?? available[0];

  const onKeyDown = (event: KeyboardEvent) => {
    const buttons: Element[] = [...(bar.current?.children ?? [])];
    const at = document.activeElement ? buttons.indexOf(document.activeElement) : -1;
    const step = STEPS[event.key];
    const next =
      event.key === 'Home'
        ? buttons[0]
        : event.key === 'End'
          ? buttons.at(-1)
          : step === undefined
            ? undefined
            : buttons.at((at + step) % buttons.length);
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    next.focus();
  };

  return (
    <>
      {available.map((name) => (
        <section
          key={name}
          id={`panel-${name}`}
          class={`panel ${name}-panel`}
          aria-labelledby={`panel-${name}-heading`}
          hidden={name !== open}
        >
          <div class="panel-head">
            <h2 id={`panel-${name}-heading`}>{ABOUT[name].label}</h2>
            <IconButton
              icon="close"
              label={`Close ${ABOUT[name].label}`}
              testId="panel-close"
              onClick={() => jam.panels.show(null)}
            />
          </div>
          {begun.current.has(name) && content[name]}
        </section>
      ))}
      <div
        class="rail"
        role="toolbar"
        aria-label="Panels"
        aria-orientation="vertical"
        ref={bar}
        onKeyDown={onKeyDown}
      >
        {available.map((name) => (
          <button
            key={name}
            type="button"
            class="rail-button"
            data-testid={`tab-${name}`}
            aria-expanded={name === open}
            aria-controls={`panel-${name}`}
            tabIndex={name === stop ? 0 : -1}
            data-news={news.includes(name) && !isOver}
            onClick={() => jam.panels.toggle(name)}
          >
            <Icon name={ABOUT[name].icon} />
            <span>{ABOUT[name].label}</span>
          </button>
        ))}
      </div>
    </>
  );
}
