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
  /** That of the strudel it was made from. */
  parentCcSignal: string | null;
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

export type NewStrudel = Omit<
  Strudel,
  'id' | 'parentCcSignal' | 'authorName' | 'aiAssists' | 'createdAtMs' | 'updatedAtMs'
> & {
  conversation: readonly Omit<StrudelMessage, 'id' | 'createdAtMs'>[];
};

/** What is left out stays as it is; a given conversation replaces the one there was. */
export type StrudelChange = { [Key in keyof Omit<NewStrudel, 'userId'>]?: NewStrudel[Key] | undefined };

export interface StrudelQuery extends PageRequest {
  /** Those of this user; null: all public ones. */
  userId: string | null;
  /** Part of a title, any case. */
  search?: string | undefined;
  tag?: string | undefined;
}

/** Every method throws {@link StorageUnavailableError} when Postgres is out of reach or failing. */
export interface StrudelRepository {
  /** null when its author can't read the strudel that it is made from. */
  create(input: NewStrudel): Promise<SavedStrudel | null>;
  /** null when there is none, or it is neither theirs nor public. */
  get(id: string, readerId: string | null): Promise<SavedStrudel | null>;
  /** Those changed last come first. Of a long conversation, each has the newest turns. */
  list(query: StrudelQuery): Promise<Page<SavedStrudel>>;
  /** null when there is none of this owner, or they can't read the strudel that it is to be made from. */
  update(id: string, ownerId: string, change: StrudelChange): Promise<SavedStrudel | null>;
  /** False when there was none of this owner. */
  delete(id: string, ownerId: string): Promise<boolean>;
}
