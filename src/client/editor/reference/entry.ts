/** What the editor says of one of Strudel's words. All texts are our own. */

export interface ReferenceEntry {
  name: string;
  /** Other names of the same. */
  aliases: readonly string[];
  /** What goes between its parentheses, `(` and `)` included; empty for a value such as `sine`. */
  parameters: string;
  /** One sentence. */
  says: string;
  /** Code that plays by itself. */
  example: string;
  /**
   * `start`: it begins an expression, as in `stack(…)`. `chained`: it follows a pattern's full stop.
   * `both`: either.
   */
  place: 'start' | 'chained' | 'both';
}

type Row = readonly [names: string, parameters: string, says: string, example: string];

/** @param rows each with its name, and after spaces its aliases */
export function entries(place: ReferenceEntry['place'], rows: readonly Row[]): ReferenceEntry[] {
  return rows.map(([names, parameters, says, example]) => {
    const [name = '', ...aliases] = names.split(' ');
    return { name, aliases, parameters, says, example, place };
  });
}
