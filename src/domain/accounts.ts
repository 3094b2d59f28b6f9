/** Users' accounts: what signing in with a provider makes, and the browsers that are signed in. */
import type { Page, PageRequest } from './page.ts';
import type { Participant } from './people.ts';

/** A user as a provider describes them. */
export interface Identity {
  /** `github:583231`: unique among all users. */
  subject: string;
  provider: string;
  name: string | null;
  avatarUrl: string | null;
  /** Only one that the provider has verified. */
  email: string | null;
}

export interface Account {
  id: string;
  /** null only for the system user, who has no account. */
  subject: string;
  /** null: their tokens are of another service. */
  provider: string | null;
  name: string | null;
  avatarUrl: string | null;
  email: string | null;
  isAiEnabled: boolean;
  isTrainingAllowed: boolean;
  /**
   * Tokens of our own name it, and are good as long as it stays the same. A time instead would depend on the
   * clocks of two machines, and a deleted account's tokens would be good for the one that takes its place.
   */
  epoch: string;
  createdAtMs: number;
  updatedAtMs: number;
}

export type AccountChange = Partial<
  Pick<Account, 'name' | 'avatarUrl' | 'isAiEnabled' | 'isTrainingAllowed'>
>;

/** What became of a refresh token that a browser showed. Only its hash is stored. */
export type RefreshUse =
  /** It was the newest; `next` is now. */
  | { outcome: 'rotated'; account: Account }
  /** It was the newest, and is so new that it stays. */
  | { outcome: 'fresh'; account: Account }
  /** It was replaced by `next` a moment ago: by another tab, or in an answer that was lost on the way. */
  | { outcome: 'again'; account: Account }
  /** It was replaced before: the browser is signed out, as there are two that use its tokens. */
  | { outcome: 'stolen' }
  | { outcome: 'invalid' };

/** What became of a session that was claimed. */
export interface ClaimedSession {
  sessionId: string;
  participant: Participant;
  /** False: it was theirs already. */
  isNew: boolean;
}

/** Sessions of an account that a deletion has to deal with. */
export interface AccountSession {
  id: string;
  isActive: boolean;
  /** Their memberships in it, and the names that they had. */
  participantIds: string[];
  displayNames: string[];
}

export interface ExportedSession {
  id: string;
  title: string;
  code: string;
  isActive: boolean;
  isDiscoverable: boolean;
  createdAtMs: number;
  endedAtMs: number | null;
  lastActivityMs: number;
}

export interface ExportedMembership {
  sessionId: string;
  title: string;
  role: Participant['role'];
  displayName: string;
  joinedAtMs: number;
}

export interface ExportedMessage {
  id: string;
  sessionId: string;
  role: string;
  type: string;
  displayName: string;
  isOwn: boolean;
  content: string;
  createdAtMs: number;
  position: number;
}

/** Every method throws {@link StorageUnavailableError} when Postgres is out of reach or failing. */
export interface AccountRepository {
  /** Makes the account of an identity, or refreshes what the provider says of it. */
  signIn(identity: Identity): Promise<Account>;
  get(userId: string): Promise<Account | null>;
  /** What is set here goes before what a provider says. Null: there is no such account. */
  change(userId: string, change: AccountChange): Promise<Account | null>;

  /** Signs a browser in. */
  addBrowser(browser: {
    id: string;
    userId: string;
    hash: string;
    nowMs: number;
    expiresAtMs: number;
  }): Promise<void>;
  /**
   * Uses a browser's refresh token, in one statement.
   * @param use.graceMs for how long the one before the newest is taken for an honest repetition.
   */
  useRefreshToken(use: {
    browserId: string;
    hash: string;
    nextHash: string;
    nowMs: number;
    graceMs: number;
    expiresAtMs: number;
  }): Promise<RefreshUse>;
  /** Signs a browser out. Repeating it changes nothing. */
  removeBrowser(browserId: string): Promise<void>;
  /**
   * Signs all browsers out, and revokes all tokens, session tokens too.
   * @returns the sessions in which the user may be connected, those that they came to last first.
   */
  signOutEverywhere(userId: string, limit: number): Promise<string[]>;
  /** Deletes browsers that were signed in too long ago. */
  deleteExpiredBrowsers(nowMs: number): Promise<number>;

  /**
   * Makes a session the user's that an anonymous host made.
   * @returns null when this participant isn't the anonymous host of this session, nor the user themselves.
   */
  claim(claim: { sessionId: string; participantId: string; userId: string }): Promise<ClaimedSession | null>;

  /** Sessions that the user owns, the oldest first. `total`: all of them. */
  ownSessions(userId: string, limit: number): Promise<{ sessions: AccountSession[]; total: number }>;
  /** Other people's sessions that still name the user. */
  othersSessions(userId: string, limit: number): Promise<{ sessions: AccountSession[]; total: number }>;
  /** Takes the user out of these sessions: memberships, and names of what they said and changed. */
  forgetIn(userId: string, sessionIds: readonly string[]): Promise<void>;
  /** Deletes the account with its strudels and browsers. False while it owns sessions. */
  delete(userId: string): Promise<boolean>;

  exportSessions(userId: string, page: PageRequest): Promise<Page<ExportedSession>>;
  exportMemberships(userId: string, page: PageRequest): Promise<Page<ExportedMembership>>;
  /**
   * Messages of these sessions, session by session in the order of `sessionIds`, oldest first.
   * Of large ones a page has fewer than `limit`.
   * @param after the last one of the page before.
   * @param page.isOwnOnly only what the user said.
   */
  exportMessages(
    userId: string,
    sessionIds: readonly string[],
    page: {
      after: Pick<ExportedMessage, 'sessionId' | 'position' | 'id'> | null;
      limit: number;
      isOwnOnly: boolean;
    },
  ): Promise<{ messages: ExportedMessage[]; hasMore: boolean }>;
}
