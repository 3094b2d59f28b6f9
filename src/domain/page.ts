/** Lists, page by page. */

export interface PageRequest {
  limit: number;
  /** Entries before the page. */
  offset: number;
}

export interface Page<T> {
  items: T[];
  /** Entries of the whole list. */
  total: number;
}
