/** Saved strudels: keep the session's code as one, and make the session about one. */
import {
  changeStrudel,
  createStrudel,
  deleteStrudel,
  listStrudels,
  type Strudel,
} from '../../protocol/http/strudels.ts';
import { call, messageOf } from '../sdk/call.ts';
import { sentence } from '../sdk/sentence.ts';
import type { Snapshot } from '../sdk/session-client.ts';
import type { Account } from './account.ts';
import { ask } from './dialog.ts';
import { button, dayOf, el, headed, setText } from './dom.ts';
import { openStrudelForm, type StrudelContent, type StrudelInput } from './strudel-form.ts';

interface StrudelsOptions {
  account: Account | null;
  signIn(): void;
  /** The code as it stands in the editor, and what was said with the AI about it. */
  content(): StrudelContent;
  /**
   * Makes the session about a strudel, or about its scratch code (null).
   * @throws in words for people.
   */
  load(strudel: Strudel | null): Promise<void>;
  say(text: string, kind: 'info' | 'error'): void;
}

type Shelf = 'own' | 'public';
/** Pause after the last key before what was typed is searched for. */
const SEARCH_PAUSE_MS = 250;

export function createStrudelsPanel(options: StrudelsOptions) {
  const { account } = options;
  const element = headed('section', 'strudels', 'panel strudels-panel', 'Strudels');
  if (account === null) {
    element.append(
      el('p', { class: 'dim' }, 'Sign in to keep patterns, and to bring them into any session.'),
      button('Sign in', { onclick: options.signIn, 'data-testid': 'strudels-sign-in' }),
    );
    return { element, render: (_: Snapshot) => {} };
  }

  const { token } = account;
  let shelf: Shelf = 'own';
  let found: readonly Strudel[] = [];
  let current: string | null = null;
  let mayWrite = false;
  let isLoading = false;
  /** Counts the searches, so that a slow answer doesn't replace a newer one. */
  let searches = 0;

  const about = el('p', { class: 'about', 'data-testid': 'strudel-current' });
  const back = button('Back to scratch', {
    class: 'small',
    hidden: true,
    'data-testid': 'strudel-scratch',
    onclick: () => void load(null),
  });
  const save = button('Save this code', {
    class: 'primary',
    'data-testid': 'strudel-save',
    onclick: () => saveNew(),
  });
  const search = el('input', {
    type: 'search',
    placeholder: 'Search',
    'aria-label': 'Search strudels',
    'data-testid': 'strudel-search',
  });
  const note = el('p', { class: 'dim', role: 'status' });
  const list = el('ul', { class: 'strudels', 'data-testid': 'strudels' });
  const shelves = (['own', 'public'] as const).map((name) =>
    button(name === 'own' ? 'Mine' : 'Public', {
      class: 'segment',
      'aria-pressed': String(name === shelf),
      'data-testid': `strudels-${name}`,
      onclick: () => {
        shelf = name;
        for (const one of shelves) {
          one.setAttribute('aria-pressed', String(one.dataset.testid === `strudels-${name}`));
        }
        void refresh();
      },
    }),
  );

  const refresh = async (): Promise<void> => {
    searches += 1;
    const mine = searches;
    const text = search.value.trim();
    try {
      const query = {
        ...(shelf === 'public' && { public: 'true' as const }),
        ...(text !== '' && { search: text }),
      };
      const { strudels } = await call(listStrudels, { token, query });
      if (mine !== searches) return;
      found = strudels;
      note.hidden = found.length > 0;
      setText(note, emptyText(shelf, text));
    } catch (error) {
      if (mine !== searches) return;
      found = [];
      note.hidden = false;
      setText(note, messageOf(error));
    }
    draw();
  };

  const load = async (strudel: Strudel | null): Promise<void> => {
    isLoading = true;
    draw();
    try {
      await options.load(strudel);
      options.say(strudel ? `The session is about “${strudel.title}” now.` : 'Back to scratch.', 'info');
    } catch (error) {
      options.say(sentence(messageOf(error)), 'error');
    } finally {
      isLoading = false;
      draw();
    }
  };
  const saveNew = () =>
    openStrudelForm({
      heading: 'Save as a strudel',
      action: 'Save',
      initial: { title: '', description: null, tags: [], is_public: false },
      async submit(input) {
        await call(createStrudel, { token, body: { ...input, ...options.content() } });
        options.say(`Saved “${input.title}”.`, 'info');
        await refresh();
      },
    });
  const edit = (strudel: Strudel) =>
    openStrudelForm({
      heading: 'Edit the strudel',
      action: 'Save',
      initial: inputOf(strudel),
      async submit(input) {
        await call(changeStrudel, { token, params: { id: strudel.id }, body: input });
        await refresh();
      },
    });
  const overwrite = async (strudel: Strudel): Promise<void> => {
    try {
      await call(changeStrudel, { token, params: { id: strudel.id }, body: options.content() });
      options.say(`“${strudel.title}” holds this code now.`, 'info');
      await refresh();
    } catch (error) {
      options.say(messageOf(error), 'error');
    }
  };
  const remove = (strudel: Strudel) =>
    ask({
      heading: `Delete “${strudel.title}”?`,
      text: 'Sessions that are about it keep their code.',
      action: 'Delete',
      async run() {
        await call(deleteStrudel, { token, params: { id: strudel.id } });
        await refresh();
      },
    });

  const draw = (): void => {
    const known = found.find(({ id }) => id === current);
    setText(about, current === null ? 'Scratch code' : (known?.title ?? 'A saved strudel'));
    about.dataset.kind = current === null ? 'scratch' : 'strudel';
    back.hidden = current === null || !mayWrite;
    back.disabled = isLoading;
    element.setAttribute('aria-busy', String(isLoading));
    list.replaceChildren(
      ...found.map((strudel) =>
        strudelRow(strudel, {
          isCurrent: strudel.id === current,
          isOwn: shelf === 'own',
          canLoad: mayWrite && !isLoading,
          load: () => void load(strudel),
          edit: () => edit(strudel),
          overwrite: () => void overwrite(strudel),
          remove: () => remove(strudel),
        }),
      ),
    );
  };

  let timer: ReturnType<typeof setTimeout> | undefined;
  search.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, SEARCH_PAUSE_MS);
  });
  element.append(
    el('div', { class: 'strudel-head' }, el('div', { class: 'about-line' }, about, back), save),
    el('div', { class: 'segments', role: 'group', 'aria-label': 'Which strudels' }, ...shelves),
    search,
    note,
    list,
  );
  void refresh();
  draw();
  return {
    element,
    render(snapshot: Snapshot) {
      const canWrite = snapshot.role !== 'viewer' && snapshot.connection.state === 'open';
      if (snapshot.strudelId === current && canWrite === mayWrite) return;
      current = snapshot.strudelId;
      mayWrite = canWrite;
      draw();
    },
  };
}

function emptyText(shelf: Shelf, search: string): string {
  if (search !== '') return `Nothing found for “${search}”.`;
  return shelf === 'own'
    ? 'None yet. Save the session’s code to have it here.'
    : 'There are no public strudels yet.';
}

function inputOf({ title, description, tags, is_public }: Strudel): StrudelInput {
  return { title, description: description ?? null, tags, is_public };
}

interface Row {
  isCurrent: boolean;
  isOwn: boolean;
  canLoad: boolean;
  load(): void;
  edit(): void;
  overwrite(): void;
  remove(): void;
}

function strudelRow(strudel: Strudel, row: Row): HTMLElement {
  const small = (label: string, name: string, onclick: () => void) =>
    button(label, {
      class: 'small',
      'aria-label': `${label} ${strudel.title}`,
      'data-testid': `strudel-${name}`,
      onclick,
    });
  const load = small('Load', 'load', row.load);
  load.disabled = !row.canLoad;
  return el(
    'li',
    { class: 'strudel', 'data-strudel': strudel.id, 'aria-current': row.isCurrent ? 'true' : null },
    el(
      'p',
      { class: 'strudel-title' },
      el('strong', {}, strudel.title),
      row.isCurrent ? el('span', { class: 'badge' }, 'in use') : null,
      row.isOwn && strudel.is_public ? el('span', { class: 'badge' }, 'public') : null,
    ),
    strudel.description ? el('p', { class: 'dim' }, strudel.description) : null,
    strudel.tags.length > 0
      ? el('p', { class: 'tags' }, ...strudel.tags.map((tag) => el('span', { class: 'tag' }, tag)))
      : null,
    el(
      'div',
      { class: 'strudel-actions' },
      row.isCurrent ? null : load,
      ...(row.isOwn
        ? [
            row.isCurrent ? small('Update', 'update', row.overwrite) : null,
            small('Edit', 'edit', row.edit),
            small('Delete', 'delete', row.remove),
          ]
        : []),
      el('time', {}, dayOf(strudel.updated_at)),
    ),
  );
}
