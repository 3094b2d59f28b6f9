/** Every limit of the wire, in one place. Units are in the names; characters are UTF-16 code units, as browsers count them. */

/** One WebSocket frame, in bytes of UTF-8. */
export const MAX_FRAME_BYTES = 512 * 1024;
/** One session's code, in bytes of UTF-8. */
export const MAX_CODE_BYTES = 100 * 1024;
/** One chat message. Blank ones are refused too. */
export const MAX_CHAT_CHARS = 5_000;
export const MAX_DISPLAY_NAME_CHARS = 100;
export const MAX_TITLE_CHARS = 200;
/** Ids that a client makes (`request_id`); long ones would be stored and echoed for nothing. */
export const MAX_REQUEST_ID_CHARS = 128;

/** Accepted code updates of one connection within any second. */
export const MAX_CODE_UPDATES_PER_SECOND = 30;
/** Chat messages of one connection within any minute. */
export const MAX_CHAT_PER_MINUTE = 20;
/** Strudel switches of one connection within any minute: each one flushes the session first. */
export const MAX_STRUDEL_SWITCHES_PER_MINUTE = 20;
/** Cursor moves, plays, stops and pings of one connection within any second: generous, only a flood meets it. */
export const MAX_SIGNALS_PER_SECOND = 60;

/** What is asked of the AI in one request. Blank ones are refused too. */
export const MAX_AGENT_QUERY_CHARS = 4_000;
/** Earlier turns that a request may bring along; the prompt takes the newest of them. */
export const MAX_AGENT_HISTORY_ENTRIES = 200;
/** A caller's own key for a provider. */
export const MAX_PROVIDER_KEY_CHARS = 512;
/** AI requests of one person within any minute. */
export const MAX_AI_REQUESTS_PER_MINUTE = 10;
/** AI requests of one person on one day (UTC), in all sessions together; none with the person's own key. */
export const MAX_AI_REQUESTS_PER_DAY = { anonymous: 50, user: 100 } as const;

/** Invites that don't work, of one address within any minute. */
export const MAX_BAD_INVITES_PER_MINUTE = 20;

export const MAX_CONNECTIONS_PER_USER = 5;
export const MAX_CONNECTIONS_PER_ADDRESS = 10;

/** A connection that was silent this long is closed; clients ping more often than this. */
export const PING_TIMEOUT_MS = 60_000;

/** How many messages `session_state` carries. Older ones are read over HTTP. */
export const CHAT_HISTORY_MESSAGES = 50;

/** Entries of a conversation that a client may send along. */
export const MAX_CONVERSATION_ENTRIES = 100;

/** A saved strudel. */
export const MAX_DESCRIPTION_CHARS = 2_000;
export const MAX_TAGS = 20;
export const MAX_TAG_CHARS = 50;
/** Its conversation with the assistant. */
export const MAX_STRUDEL_MESSAGES = 100;
export const MAX_STRUDEL_MESSAGE_CHARS = 20_000;
