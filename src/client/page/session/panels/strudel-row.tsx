/** A strudel in a list, with what can be done with it. */
import type { Strudel } from '../../../../protocol/http/strudels.ts';
import { dayOf } from '../../ui/times.ts';
import { signalText } from './rights.ts';

interface StrudelRowProps {
  strudel: Strudel;
  /** The session is about it. */
  isCurrent: boolean;
  isOwn: boolean;
  canLoad: boolean;
  canFork: boolean;
  load(): void;
  fork(): void;
  edit(): void;
  overwrite(): void;
  remove(): void;
}

export function StrudelRow({ strudel, isCurrent, isOwn, canLoad, canFork, ...run }: StrudelRowProps) {
  const { id, title, description, tags, is_public, updated_at, author_name, no_ai } = strudel;
  const small = (label: string, name: string, onClick: () => void, isEnabled = true) => (
    <button
      type="button"
      class="small"
      aria-label={`${label} ${title}`}
      data-testid={`strudel-${name}`}
      disabled={!isEnabled}
      onClick={onClick}
    >
      {label}
    </button>
  );
  const rights = rightsOf(strudel);
  return (
    <li class="strudel" data-strudel={id} aria-current={isCurrent ? 'true' : undefined}>
      <p class="strudel-title">
        <strong>{title}</strong>
        {isCurrent && <span class="badge">in use</span>}
        {isOwn && is_public && <span class="badge">public</span>}
        {no_ai && <span class="badge">no AI</span>}
      </p>
      {!isOwn && <p class="dim">by {author_name ?? 'an unnamed author'}</p>}
      {originOf(strudel) && (
        <p class="dim" data-testid="strudel-origin">
          {originOf(strudel)}
        </p>
      )}
      {description && <p class="dim">{description}</p>}
      {rights && (
        <p class="dim" data-testid="strudel-rights">
          {rights}
        </p>
      )}
      {tags.length > 0 && (
        <p class="tags">
          {tags.map((tag) => (
            <span key={tag} class="tag">
              {tag}
            </span>
          ))}
        </p>
      )}
      <div class="strudel-actions">
        {!isCurrent && small('Load', 'load', run.load, canLoad)}
        {canFork && small('Fork', 'fork', run.fork)}
        {isOwn && isCurrent && small('Update', 'update', run.overwrite)}
        {isOwn && small('Edit', 'edit', run.edit)}
        {isOwn && small('Delete', 'delete', run.remove)}
        <time>{dayOf(updated_at)}</time>
      </div>
    </li>
  );
}

/** Whom it was taken from; empty for one that was made from nothing. */
function originOf({ forked_from_title: title, forked_from_author: author }: Strudel): string {
  if (title === undefined) return '';
  return `made from “${title}”${author === undefined ? '' : ` by ${author}`}`;
}

function rightsOf({ license, cc_signal: signal }: Strudel): string {
  return [license, signal && `AI: ${signalText(signal)}`].filter(Boolean).join(' · ');
}
