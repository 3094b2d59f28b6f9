/**
 * The interface between the Worker and the platform that hosts it. An adapter in `src/hosts` implements it.
 */

/**
 * The sessions' rooms, each reached by its session's id. Only the Worker's own code can send requests to
 * them.
 */
export interface RoomStubs {
  /**
   * @param path of the request: `/reserve`, `/command`, or `/` for a connection to be upgraded.
   * @throws when the room can't be reached.
   */
  fetch(
    sessionId: string,
    path: string,
    init: { method?: string; headers?: Record<string, string>; body?: string },
  ): Promise<Response>;
}

/** The objects that ask the AI, each reached by the name of the person it asks for. */
export interface DeskStubs {
  /** @throws when the object can't be reached. */
  fetch(
    name: string,
    path: string,
    init: { method: string; body: string; signal?: AbortSignal },
  ): Promise<Response>;
}

/** What the sweeper keeps from one turn to the next. */
export interface SweeperStorage {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
}

export interface Platform {
  rooms: RoomStubs;
  desks: DeskStubs;
  /** The one object that sweeps (`sweeper.ts`). @throws when it can't be reached. */
  sweeper: { fetch(path: string, init: { method: string; body?: string }): Promise<Response> };
  /** The page's files, also under a path that is the Worker's own. Null or 404: there is none. */
  assets: { fetch(path: string): Promise<Response | null> };
}

/**
 * The platform of the flush route when a room calls it, in the room's own isolate: it reaches no object. A
 * room that sent a request to itself would wait for itself.
 */
export const NO_PLATFORM: Platform = {
  rooms: { fetch: () => Promise.reject(new Error('a room reaches no other room')) },
  desks: { fetch: () => Promise.reject(new Error('a room reaches no desk')) },
  sweeper: { fetch: () => Promise.reject(new Error('a room reaches no sweeper')) },
  assets: { fetch: () => Promise.resolve(null) },
};
