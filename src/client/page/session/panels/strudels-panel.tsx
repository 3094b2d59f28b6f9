/** Saved strudels: keep the session's code as one, and make the session about one. */
import { useEffect, useState } from 'preact/hooks';
import type { AiSignal } from '../../../../protocol/ai-signals.ts';
import {
  changeStrudel,
  createStrudel,
  deleteStrudel,
  getStrudel,
  listPublicStrudels,
  listPublicTags,
  listStrudels,
  type Strudel,
} from '../../../../protocol/http/strudels.ts';
import { MAX_DISPLAY_NAME_CHARS } from '../../../../protocol/limits.ts';
import { call, messageOf } from '../../../sdk/call.ts';
import { sentence } from '../../../sdk/sentence.ts';
import { type Account, asAccount, currentAccount, isSignInOver, signedInAs } from '../../account.ts';
import { lazyDialog } from '../../ui/lazy.tsx';
import { ask } from '../../ui/question.tsx';
import { useValue } from '../../ui/store.ts';
import { toast } from '../../ui/toasts.tsx';
import { useAction } from '../../ui/use-action.ts';
import { useQuery } from '../../ui/use-query.ts';
import { mayWrite } from '../jam.ts';
import { useJam, useSession } from '../use-jam.ts';
import { keptTurns } from './kept-turns.ts';
import { type StrudelContent, StrudelForm, type StrudelInput } from './strudel-form.tsx';
import { StrudelRow } from './strudel-row.tsx';

const SignInDialog = lazyDialog(async () => (await import('../../account/later.ts')).SignInDialog);

type Shelf = 'own' | 'public';

/** Pause after the last key before what was typed is searched for. */
const SEARCH_PAUSE_MS = 250;
/** Tags that are offered to choose from. */
const SHOWN_TAGS = 20;
const MOST_FOUND = 100;
const NO_AI: AiSignal = 'no-ai';
const NOTHING: StrudelInput = {
  title: '',
  description: null,
  tags: [],
  is_public: false,
  license: null,
  cc_signal: null,
};

/** @param again shows the session anew, for a user who has signed in. */
export function StrudelsPanel({ again }: { again(): void }) {
  const subject = useValue(signedInAs);
  const isOver = useValue(isSignInOver);
  const [isSigningIn, setSigningIn] = useState(false);
  const account = currentAccount();
  if (account && !isOver) return <Shelves key={subject} account={account} />;
  return (
    <>
      <p class="dim">
        {isOver
          ? 'Your sign-in has expired. Sign in again to have your own patterns here.'
          : 'Sign in to keep patterns of your own, and to bring them into any session.'}
      </p>
      <button type="button" data-testid="strudels-sign-in" onClick={() => setSigningIn(true)}>
        Sign in
      </button>
      <Shelves account={null} />
      {isSigningIn && <SignInDialog onClose={() => setSigningIn(false)} onSignedIn={again} />}
    </>
  );
}

/**
 * What the form is open for: one that is there, the session's code as a new one (made from the strudel that
 * the session is about, if it is about one), or another's as one's own.
 */
type Editing =
  | { kind: 'change'; strudel: Strudel }
  | { kind: 'new'; parentId: string | null; parent: Strudel | null }
  | { kind: 'fork'; parent: Strudel }
  | null;

/** @param account null: only what is public is shown. */
function Shelves({ account }: { account: Account | null }) {
  const jam = useJam();
  const current = useSession((snapshot) => snapshot.strudelId);
  const canLoad = useSession(({ role, connection }) => mayWrite(role) && connection.state === 'open');
  const [shelf, setShelf] = useState<Shelf>(account ? 'own' : 'public');
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [search, setSearch] = useState('');
  const [editing, setEditing] = useState<Editing>(null);
  const loading = useAction();
  const text = usePaused(search.trim(), SEARCH_PAUSE_MS);
  const tags = shelf === 'public' ? chosen.join() : '';
  const { data, problem, refresh } = useQuery(`${shelf} ${tags} ${text}`, () => {
    const query = { limit: MOST_FOUND, ...(text && { search: text }) };
    return shelf === 'own'
      ? asAccount(account, (token) => call(listStrudels, { token, query }))
      : call(listPublicStrudels, { query: { ...query, ...(tags && { tags }) } });
  });
  const found = data?.strudels ?? [];
  const known = found.find(({ id }) => id === current);

  /** The code as it stands in the editor, and what was said with the AI about it. */
  const content = (): StrudelContent => ({
    code: jam.editor.code,
    conversation_history: keptTurns(jam.client.snapshot.conversation),
  });
  const load = (strudel: Strudel | null) =>
    loading.act(async () => {
      try {
        await jam.switchTo(strudel);
        toast(strudel ? `The session is about “${strudel.title}” now.` : 'Back to scratch.');
      } catch (error) {
        toast(sentence(messageOf(error)), 'error');
      }
    });
  /** The code as it stands becomes a strudel: one that is made from another says so. */
  const openNew = async () => {
    const parent =
      current === null
        ? null
        : await asAccount(account, (token) => call(getStrudel, { token, params: { id: current } })).catch(
            () => null,
          );
    setEditing({ kind: 'new', parentId: current, parent });
  };
  const save = async (input: StrudelInput) => {
    if (editing?.kind === 'change') {
      const { id } = editing.strudel;
      await asAccount(account, (token) => call(changeStrudel, { token, params: { id }, body: input }));
    } else if (editing) {
      const kept = editing.kind === 'fork' ? { code: editing.parent.code } : content();
      const body = { ...input, ...kept, ...creditIn(editing) };
      await asAccount(account, (token) => call(createStrudel, { token, body }));
      toast(`Saved “${input.title}”.`);
      setShelf('own');
    }
    await refresh();
  };
  const overwrite = async ({ id, title }: Strudel) => {
    try {
      await asAccount(account, (token) => call(changeStrudel, { token, params: { id }, body: content() }));
      toast(`“${title}” holds this code now.`);
      await refresh();
    } catch (error) {
      toast(messageOf(error), 'error');
    }
  };
  const remove = ({ id, title }: Strudel) =>
    ask({
      heading: `Delete “${title}”?`,
      text: 'Sessions that are about it keep their code.',
      action: 'Delete',
      async run() {
        await asAccount(account, (token) => call(deleteStrudel, { token, params: { id } }));
        await refresh();
      },
    });

  return (
    <>
      <div class="strudel-head">
        <div class="about-line">
          <p class="about" data-kind={current === null ? 'scratch' : 'strudel'} data-testid="strudel-current">
            {current === null ? 'Scratch code' : (known?.title ?? 'A saved strudel')}
          </p>
          {current !== null && canLoad && (
            <button
              type="button"
              class="small"
              disabled={loading.isBusy}
              data-testid="strudel-scratch"
              onClick={() => void load(null)}
            >
              Back to scratch
            </button>
          )}
        </div>
        {account && (
          <button type="button" class="primary" data-testid="strudel-save" onClick={() => void openNew()}>
            Save this code
          </button>
        )}
      </div>
      <fieldset class="segments" hidden={!account}>
        <legend class="visually-hidden">Which strudels</legend>
        {(['own', 'public'] as const).map((name) => (
          <button
            key={name}
            type="button"
            class="segment"
            aria-pressed={name === shelf}
            data-testid={`strudels-${name}`}
            onClick={() => setShelf(name)}
          >
            {name === 'own' ? 'Mine' : 'Public'}
          </button>
        ))}
      </fieldset>
      <input
        type="search"
        placeholder="Search"
        aria-label="Search strudels"
        data-testid="strudel-search"
        value={search}
        onInput={(event) => setSearch(event.currentTarget.value)}
      />
      {shelf === 'public' && <TagChoice chosen={chosen} choose={setChosen} />}
      <p class="dim" role="status" hidden={found.length > 0 && problem === null}>
        {problem ?? (data === null ? 'Looking…' : emptyText(shelf, [text, tags].filter(Boolean).join(', ')))}
      </p>
      <ul class="strudels" aria-busy={loading.isBusy} data-testid="strudels">
        {found.map((strudel) => (
          <StrudelRow
            key={strudel.id}
            strudel={strudel}
            isCurrent={strudel.id === current}
            isOwn={shelf === 'own'}
            canLoad={canLoad && !loading.isBusy}
            canFork={account !== null && shelf === 'public'}
            load={() => void load(strudel)}
            fork={() => setEditing({ kind: 'fork', parent: strudel })}
            edit={() => setEditing({ kind: 'change', strudel })}
            overwrite={() => void overwrite(strudel)}
            remove={() => remove(strudel)}
          />
        ))}
      </ul>
      {data?.pagination.has_more && (
        <p class="dim">These are the newest {MOST_FOUND}. Search to find others.</p>
      )}
      {editing && (
        <StrudelForm
          {...formOf(editing)}
          draft={`strudel:${jam.sessionId}:${subjectOf(editing)}`}
          submit={save}
          onClose={() => setEditing(null)}
        />
      )}
    </>
  );
}

interface TagChoiceProps {
  chosen: readonly string[];
  choose(tags: readonly string[]): void;
}

/** The tags of public strudels: what is shown has all that are chosen. */
function TagChoice({ chosen, choose }: TagChoiceProps) {
  const { data } = useQuery('tags', () => call(listPublicTags, {}));
  // Of what other clients saved, a tag with a comma in it can't be asked for.
  const known = (data?.tags ?? []).filter((tag) => !tag.includes(','));
  const offered = [...new Set([...chosen, ...known])].slice(0, SHOWN_TAGS);
  return (
    <fieldset class="tags" hidden={offered.length === 0} data-testid="strudel-tag-choice">
      <legend class="visually-hidden">With these tags</legend>
      {offered.map((tag) => {
        const isChosen = chosen.includes(tag);
        return (
          <button
            key={tag}
            type="button"
            class="tag"
            aria-pressed={isChosen}
            onClick={() => choose(isChosen ? chosen.filter((other) => other !== tag) : [...chosen, tag])}
          >
            {tag}
          </button>
        );
      })}
    </fieldset>
  );
}

/** What is typed about one says nothing of another. */
function subjectOf(editing: NonNullable<Editing>): string {
  if (editing.kind === 'new') return 'new';
  return `${editing.kind}:${(editing.kind === 'change' ? editing.strudel : editing.parent).id}`;
}

/** What the form says and begins with. */
function formOf(editing: NonNullable<Editing>) {
  const action = 'Save';
  switch (editing.kind) {
    case 'change':
      return { action, heading: 'Edit the strudel', initial: inputOf(editing.strudel) };
    case 'new': {
      const { parent } = editing;
      const initial = parent ? { ...NOTHING, ...rightsOf(parent) } : NOTHING;
      return { action, heading: 'Save as a strudel', initial, note: parent ? creditOf(parent) : undefined };
    }
    case 'fork': {
      const { parent } = editing;
      const initial = { ...inputOf(parent), is_public: false };
      return { action, heading: `Fork “${parent.title}”`, initial, note: creditOf(parent) };
    }
  }
}

/** What the server keeps of the strudel that one is made from, also when that is gone by now. */
function creditIn(editing: Exclude<NonNullable<Editing>, { kind: 'change' }>) {
  const { parent } = editing;
  return {
    // One that couldn't be read just now may still be there.
    forked_from: editing.kind === 'new' ? editing.parentId : editing.parent.id,
    forked_from_title: parent?.title ?? null,
    forked_from_author: parent?.author_name?.slice(0, MAX_DISPLAY_NAME_CHARS) ?? null,
    parent_cc_signal: parent?.no_ai ? NO_AI : (parent?.cc_signal ?? null),
  };
}

function creditOf({ title, author_name, no_ai }: Strudel): string {
  const whose = author_name === undefined ? '' : ` by ${author_name}`;
  const noAi = no_ai ? ' Its author wants no AI to be given it, nor what is made from it.' : '';
  return `It will say that it was made from “${title}”${whose}.${noAi}`;
}

/** A value once it hasn't changed for a while. */
function usePaused<T>(value: T, pauseMs: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value, pauseMs]);
  return settled;
}

function emptyText(shelf: Shelf, search: string): string {
  if (search !== '') return `Nothing found for “${search}”.`;
  return shelf === 'own'
    ? 'None yet. Save the session’s code to have it here.'
    : 'There are no public strudels yet.';
}

function inputOf({ title, description, tags, is_public, ...rights }: Strudel): StrudelInput {
  return { title, description: description ?? null, tags, is_public, ...rightsOf(rights) };
}

function rightsOf({ license, cc_signal }: Pick<Strudel, 'license' | 'cc_signal'>) {
  return { license: license ?? null, cc_signal: cc_signal ?? null };
}
