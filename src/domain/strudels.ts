/** Saved strudels: patterns that people keep, with the conversation that made them. Not buffered. */
import type { Page, PageRequest } from './page.ts';
import type { MessageRole } from './types.ts';

export interface Strudel {
  id: string;
  userId: string;
  title: string;
  code: string;
  description: string | null;
  tags: string[];
  categories: string[];
  isPublic: boolean;
  license: string | null;
  /** What its author allows machines to do with it, as a Creative Commons signal. */
  ccSignal: string | null;
  /** The strudel it was made from. */
  forkedFrom: string | null;
  /** Of the strudel it was made from; kept from then, where that isn't there any more. */
  parentCcSignal: string | null;
  parentTitle: string | null;
  parentAuthor: string | null;
  /** Its own signal, or that of the strudel it was made from, says no AI: it is never given to the AI. */
  isAiForbidden: boolean;
  authorName: string | null;
  /** Answers of the assistant in its conversation. */
  aiAssists: number;
  createdAtMs: number;
  updatedAtMs: number;
}

export interface StrudelMessage {
  id: string;
  role: MessageRole;
  content: string;
  isActionable: boolean;
  isCodeResponse: boolean;
  clarifyingQuestions: string[];
  createdAtMs: number;
}

/** A strudel and its conversation, oldest turn first. */
export interface SavedStrudel {
  strudel: Strudel;
  conversation: StrudelMessage[];
}

/**
 * What is said of the strudel that it is made from counts where its maker can't read that one any more. Then
 * `forkedFrom` isn't kept, and this is.
 */
export type NewStrudel = Omit<
  Strudel,
  'id' | 'isAiForbidden' | 'authorName' | 'aiAssists' | 'createdAtMs' | 'updatedAtMs'
> & {
  conversation: readonly Omit<StrudelMessage, 'id' | 'createdAtMs'>[];
};

/** What is left out stays as it is; a given conversation replaces the one there was. */
export type StrudelChange = { [Key in keyof Omit<NewStrudel, 'userId'>]?: NewStrudel[Key] | undefined };

export interface StrudelQuery extends PageRequest {
  /** Those of this user; null: all public ones. */
  userId: string | null;
  /** Words, any case: each is in the title, the description, a tag or the author's name. */
  search?: string | undefined;
  /** It has all of them. */
  tags?: readonly string[] | undefined;
}

/** How often a public strudel was used, by others than its author. */
export interface StrudelStats {
  uses: number;
  /** Users with an account; the others aren't told apart. */
  users: number;
  lastUsedAtMs: number | null;
  forks: number;
}

export interface TagCount {
  tag: string;
  count: number;
}

/**
 * Uses of one user within ten minutes count once, and so do those of all without an account: nobody makes a
 * strudel look popular by using it again and again.
 *
 * Every method throws {@link StorageUnavailableError} when Postgres is out of reach or failing.
 */
export interface StrudelRepository {
  create(input: NewStrudel): Promise<SavedStrudel>;
  /** null when there is none, or it is neither theirs nor public. */
  get(id: string, readerId: string | null): Promise<SavedStrudel | null>;
  /** As {@link get}, for a session that turns to it: that is a use. */
  use(id: string, userId: string | null): Promise<SavedStrudel | null>;
  /**
   * Whether one of these strudels forbids it to be given to the AI; where none does, that is a use of each.
   * @returns null where there is none of them.
   */
  useWithAi(ids: readonly string[], userId: string | null): Promise<{ isForbidden: boolean } | null>;
  /** The tags of public strudels, those of most strudels first. */
  tags(): Promise<TagCount[]>;
  /** null when there is no such public strudel. */
  stats(id: string): Promise<StrudelStats | null>;
  /** Those changed last come first. Of a long conversation, each has the newest turns. */
  list(query: StrudelQuery): Promise<Page<SavedStrudel>>;
  /** null when there is none of this owner. What is said of a parent counts with `forkedFrom` alone. */
  update(id: string, ownerId: string, change: StrudelChange): Promise<SavedStrudel | null>;
  /** False when there was none of this owner. */
  delete(id: string, ownerId: string): Promise<boolean>;
}
