/**
 * Every limit of the wire, in one place. Units are in the names; characters are UTF-16 code units, as
 * browsers count them.
 */

/** One WebSocket frame, in bytes of UTF-8. */
export const MAX_FRAME_BYTES = 512 * 1024;
/** One session's code, in bytes of UTF-8. */
export const MAX_CODE_BYTES = 100 * 1024;
/**
 * Of a session's versions in Postgres, compressed: of a user's session, and of one that was made without an
 * account. The older ones are thinned beyond it.
 */
export const MAX_VERSIONS_BYTES = { user: 2_000_000, anonymous: 400_000 } as const;
/** While code is typed, from one version to the next. */
export const VERSION_INTERVAL_MS = 60_000;
/**
 * Code that becomes versions, in characters: so much at once, and so much a minute from then on. It is more
 * than a session needs in which many evaluate; only a flood meets it.
 */
export const MAX_VERSION_CHARS_AT_ONCE = 1_000_000;
export const MAX_VERSION_CHARS_PER_MINUTE = 128_000;
/** Counted for a version with less code. */
export const LEAST_VERSION_CHARS = 4_000;
/** The slowest and the fastest tempo, in cycles a second. */
export const MIN_CPS = 0.001;
export const MAX_CPS = 100;
/** Whole texts that a connection may ask for. */
export const MAX_RESYNCS_PER_MINUTE = 30;
/** Colours that participants can be told apart by. */
export const PARTICIPANT_COLORS = 12;
/** Places that one edit changes, and what it keeps between them, together. */
export const MAX_CHANGE_PARTS = 10_000;
/** One chat message. Blank ones are refused too. */
export const MAX_CHAT_CHARS = 5_000;
export const MAX_DISPLAY_NAME_CHARS = 100;
/** Changes of their own name by one participant within an hour: all others are told of each. */
export const MAX_RENAMES_PER_HOUR = 20;
export const MAX_TITLE_CHARS = 200;
/** A picture's address. */
export const MAX_AVATAR_URL_CHARS = 500;
/** Where signing in leads to. */
export const MAX_REDIRECT_CHARS = 2_048;
/** A token in a body. */
export const MAX_TOKEN_CHARS = 4_096;
/** Sessions that one request makes an account's own: each costs a statement and a command to its room. */
export const MAX_CLAIMED_SESSIONS = 20;
/** Ids that a client makes (`request_id`); long ones would be stored and echoed for nothing. */
export const MAX_REQUEST_ID_CHARS = 128;

/** Accepted code updates, plays and stops of one connection within any second: they are committed. */
export const MAX_CODE_UPDATES_PER_SECOND = 30;
/** Chat messages of one connection within any minute. */
export const MAX_CHAT_PER_MINUTE = 20;
/** Strudel switches of one connection within any minute: each one flushes the session first. */
export const MAX_STRUDEL_SWITCHES_PER_MINUTE = 20;
/**
 * Cursor moves and pings of one connection within any second: generous, only a flood meets it.
 */
export const MAX_SIGNALS_PER_SECOND = 60;

/**
 * Characters that are read of one connection within a second: edits of the greatest length at the pace that a
 * client keeps, twice over.
 */
export const MAX_CHARS_PER_SECOND = 4 * 1024 * 1024;
/**
 * Frames beyond every limit by the second aren't read. So many of one connection within this time are a
 * flood: it is closed, and its participant is banned for a while.
 */
export const MAX_UNREAD_FRAMES = 300;
export const UNREAD_FRAMES_WINDOW_MS = 10_000;
export const FLOOD_BAN_MS = 30_000;

/**
 * What may be on its way to a connection, in characters. A room can't see how much of what it sent waits in
 * its own memory; it knows only what a client says. Since its last message of any kind; since the
 * last ping that proves that it reads (`mark`); and since their last messages, for all connections together
 * that are more than slightly behind.
 */
export const MAX_CHARS_BEHIND = 8 * 1024 * 1024;
export const MAX_UNACKNOWLEDGED_CHARS = 32 * 1024 * 1024;
export const MAX_CHARS_BEHIND_IN_ROOM = 64 * 1024 * 1024;
export const SLIGHTLY_BEHIND_CHARS = 2 * 1024 * 1024;
/** A client that has received so many characters since its last ping sends one, to show that it reads. */
export const PING_AFTER_CHARS = 256 * 1024;

/** What is asked of the AI in one request. Blank ones are refused too. */
export const MAX_AGENT_QUERY_CHARS = 4_000;
/** Earlier turns that a request may bring along; the prompt takes the newest of them. */
export const MAX_AGENT_HISTORY_ENTRIES = 200;
/** A caller's own key for a provider. */
export const MAX_PROVIDER_KEY_CHARS = 512;
/** AI requests of one participant within any minute. */
export const MAX_AI_REQUESTS_PER_MINUTE = 10;
/** AI requests of one user or address on one day (UTC), in all sessions together; none with their own key. */
export const MAX_AI_REQUESTS_PER_DAY = { anonymous: 50, user: 100 } as const;

/** Code and question of one AI request of a user without an account: a fifth of what others may send. */
export const MAX_ANONYMOUS_AI_CHARS = 20_000;

/** Invites that don't work, of one address within any minute. */
export const MAX_BAD_INVITES_PER_MINUTE = 20;

/** Requests to be let in (knocks) that wait at one session at a time; one of each network or user. */
export const MAX_WAITING_KNOCKS = 20;
/** How long a knock waits for a host's answer. */
export const KNOCK_LIFETIME_MS = 10 * 60_000;
/** A knocker who was silent this long has given up. */
export const KNOCK_SILENCE_MS = 15_000;
/** Knocks are over when no host was connected for so long: less would be a host's reload. */
export const KNOCK_HOST_AWAY_MS = 15_000;
/** How long one request for the answer may wait. */
export const MAX_KNOCK_WAIT_S = 20;
/** Knocks within an hour: at one session, of one network or user at one session, and of one user. */
export const MAX_KNOCKS_AT_SESSION_PER_HOUR = 60;
export const MAX_KNOCKS_OF_ONE_AT_SESSION_PER_HOUR = 6;
export const MAX_KNOCKS_OF_USER_PER_HOUR = 30;

export const MAX_CONNECTIONS_PER_USER = 5;
export const MAX_CONNECTIONS_PER_ADDRESS = 10;

/**
 * From so many watchers on they aren't sent each edit, but what has changed since the last frame, at a pace
 * that makes so many frames a second for all of them together.
 */
export const MAX_UNPACED_WATCHERS = 30;
export const AUDIENCE_FRAMES_PER_SECOND = 8_000;
/** With so many participants, watchers who come in are counted, and not shown one by one. */
export const MAX_LISTED_PARTICIPANTS = 50;
/**
 * What watchers write in the chat may make so many frames a second, for a few seconds at most: a message goes
 * to everybody. Those who may edit always may write.
 */
export const AUDIENCE_CHAT_FRAMES_PER_SECOND = 4_000;
/** Connections of watchers to one room from one address. */
export const MAX_WATCHERS_PER_ADDRESS = 200;

/** A connection that was silent this long is closed; clients ping more often than this. */
export const PING_TIMEOUT_MS = 60_000;
/**
 * The same of a page in the background (`ping` with `hidden`): browsers let its timers run once a minute, and
 * the room asks it before this is over.
 */
export const HIDDEN_TIMEOUT_MS = 150_000;

/** How many messages `session_state` carries. Older ones are read over HTTP. */
export const CHAT_HISTORY_MESSAGES = 50;

/** Entries of a conversation that a client may send along. */
export const MAX_CONVERSATION_ENTRIES = 100;

/** A saved strudel. */
export const MAX_DESCRIPTION_CHARS = 2_000;
export const MAX_TAGS = 20;
export const MAX_TAG_CHARS = 50;
export const MAX_CATEGORIES = 20;
export const MAX_LICENSE_CHARS = 100;
/** Its conversation with the assistant. */
export const MAX_STRUDEL_MESSAGES = 100;
export const MAX_STRUDEL_MESSAGE_CHARS = 20_000;
export const MAX_CLARIFYING_QUESTIONS = 10;
export const MAX_CLARIFYING_QUESTION_CHARS = 1_000;

/** Entries of one page of a list over HTTP, and how far into the list a page may begin. */
export const DEFAULT_PAGE_ENTRIES = 50;
export const MAX_PAGE_ENTRIES = 100;
export const MAX_PAGE_OFFSET = 100_000;
/** Sessions of the public list that were made without an account from one network: the newest ones. */
export const MAX_LISTED_OF_NETWORK = 3;
/** Participants that a session shows along with itself. */
export const MAX_SHOWN_PARTICIPANTS = 50;
/** Of a session's history over HTTP. */
export const DEFAULT_MESSAGES = 50;
export const MAX_MESSAGES = 200;
export const DEFAULT_DEAD_LETTERS = 50;
export const MAX_DEAD_LETTERS = 500;

export const MAX_INVITE_USES = 1_000_000;
export const MAX_INVITE_TOKEN_CHARS = 128;
/** Of a strudel's conversation, how much a list shows: the newest turns, together of so many characters. */
export const MAX_LISTED_CONVERSATION_CHARS = 20_000;
