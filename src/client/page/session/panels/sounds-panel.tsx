/**
 * The sounds that may be written, to look through and to hear. There may be thousands: only those of open
 * groups are drawn, and of many only the first until more are asked for.
 */
import type { ComponentChildren, TargetedKeyboardEvent } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import {
  codeOf,
  findSounds,
  groupSounds,
  type ListedSound,
  previewOf,
  type SoundGroup,
} from '../../../player/sound-list.ts';
import { copyText } from '../../ui/clipboard.tsx';
import { Icon, IconButton } from '../../ui/icon.tsx';
import { useValue } from '../../ui/store.ts';
import { toast } from '../../ui/toasts.tsx';
import { useJam } from '../use-jam.ts';

const SHOWN_AT_ONCE = 60;

export function SoundsPanel() {
  const { sound } = useJam();
  const names = useValue(sound.sounds);
  const [search, setSearch] = useState('');
  useEffect(() => sound.askSounds(), [sound]);
  const groups = useMemo(() => groupSounds(names ?? []), [names]);
  const isSearch = search.trim() !== '';
  const found = useMemo(() => (isSearch ? findSounds(groups, search) : []), [groups, search, isSearch]);
  return (
    <>
      <input
        type="search"
        placeholder="bd, piano, TR909…"
        aria-label="Search sounds"
        data-testid="sound-search"
        value={search}
        onInput={(event) => setSearch(event.currentTarget.value)}
      />
      <p class="dim" role="status" data-testid="sounds-found" hidden={names !== null && !isSearch}>
        {names === null
          ? 'Looking…'
          : found.length === 0
            ? `No sound is called “${search}”.`
            : `${found.length === 1 ? '1 sound' : `${found.length} sounds`}`}
      </p>
      <div class="sounds" data-testid="sounds">
        {isSearch ? (
          // Another search begins with its first again.
          <Rows key={search} rows={found.map(({ sound: listed, group }) => ({ listed, of: group.title }))} />
        ) : (
          <Groups groups={groups} />
        )}
      </div>
    </>
  );
}

function Groups({ groups }: { groups: readonly SoundGroup[] }) {
  const machines = groups.filter(({ isDrumMachine }) => isDrumMachine);
  return (
    <>
      {groups
        .filter(({ isDrumMachine }) => !isDrumMachine)
        .map(({ id, title, sounds }, index) => (
          <Fold key={id} title={title} count={sounds.length} isOpenAtFirst={index < 2}>
            {() => <Rows rows={sounds.map((listed) => ({ listed }))} />}
          </Fold>
        ))}
      {machines.length > 0 && (
        <Fold title="Drum machines" count={machines.length} isOpenAtFirst={false}>
          {() => (
            <div class="sounds machines">
              {machines.map(({ id, title, sounds }) => (
                <Fold key={id} title={title} count={sounds.length} isOpenAtFirst={false}>
                  {() => <Rows rows={sounds.map((listed) => ({ listed }))} />}
                </Fold>
              ))}
            </div>
          )}
        </Fold>
      )}
    </>
  );
}

interface FoldProps {
  title: string;
  count: number;
  isOpenAtFirst: boolean;
  /** What is in it, drawn while it is open. */
  children(): ComponentChildren;
}

function Fold({ title, count, isOpenAtFirst, children }: FoldProps) {
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {title} <span class="dim">{count}</span>
      </summary>
      {isOpen && children()}
    </details>
  );
}

interface Row {
  listed: ListedSound;
  /** Where it belongs to, where that isn't said above it. */
  of?: string;
}

function Rows({ rows }: { rows: readonly Row[] }) {
  const [shown, setShown] = useState(SHOWN_AT_ONCE);
  const list = useRef<HTMLUListElement>(null);
  const left = rows.length - shown;
  useEffect(() => {
    // Those who asked for more go on with the first of them.
    const next = list.current?.children[shown - SHOWN_AT_ONCE];
    if (shown > SHOWN_AT_ONCE) next?.querySelector('button')?.focus();
  }, [shown]);
  return (
    <>
      <ul ref={list} onKeyDown={toNextRow}>
        {rows.slice(0, shown).map(({ listed, of }) => (
          <SoundRow key={listed.name} listed={listed} of={of} />
        ))}
      </ul>
      {left > 0 && (
        <button
          type="button"
          class="small"
          data-testid="sounds-more"
          onClick={() => setShown(shown + SHOWN_AT_ONCE)}
        >
          Show {Math.min(left, SHOWN_AT_ONCE)} of {left} more
        </button>
      )}
    </>
  );
}

/** The arrow keys lead to the same control of the row above or below. */
function toNextRow(event: TargetedKeyboardEvent<HTMLUListElement>): void {
  const { target, key } = event;
  if ((key !== 'ArrowDown' && key !== 'ArrowUp') || !(target instanceof HTMLButtonElement)) return;
  const row = target.closest('li');
  const next = key === 'ArrowDown' ? row?.nextElementSibling : row?.previousElementSibling;
  const control = next?.querySelector(`button[data-testid="${target.dataset.testid}"]`);
  if (!(control instanceof HTMLElement)) return;
  event.preventDefault();
  control.focus();
}

function SoundRow({ listed, of }: { listed: ListedSound; of?: string | undefined }) {
  const { sound } = useJam();
  const [variation, setVariation] = useState(0);
  const code = codeOf(listed, variation);
  const preview = previewOf(listed, variation);
  // What is heard has the words that are seen.
  const said =
    of === undefined ? preview : `${listed.shortName} ${of}${variation > 0 ? `, ${variation}` : ''}`;
  return (
    <li class="sound">
      <button
        type="button"
        class="sound-hear"
        aria-label={`Hear ${said}`}
        data-testid="sound-hear"
        onClick={() => sound.preview(preview)}
      >
        <Icon name="play" />
        <span>
          {listed.shortName}
          {of !== undefined && <span class="dim"> {of}</span>}
        </span>
      </button>
      {listed.variations > 1 && (
        <select
          aria-label={`Variation of ${listed.shortName}`}
          value={variation}
          onChange={(event) => {
            const chosen = Number(event.currentTarget.value);
            setVariation(chosen);
            sound.preview(previewOf(listed, chosen));
          }}
        >
          {Array.from({ length: listed.variations }, (_, number) => (
            <option key={String(number)} value={number}>
              {number}
            </option>
          ))}
        </select>
      )}
      <IconButton
        icon="copy"
        label={`Copy ${code}`}
        testId="sound-copy"
        onClick={async () => {
          const isCopied = await copyText(code);
          toast(isCopied ? `${code} is copied.` : code, 'info');
        }}
      />
    </li>
  );
}
