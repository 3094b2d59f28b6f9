/** Our own servers say on stdout when they are ready, in one line of JSON. */
import type { z } from 'zod';

/** Makes a picker of the line that has this shape; other lines give null. */
export function readyLine<T extends z.ZodType>(schema: T): (line: string) => z.infer<T> | null {
  return (line) => {
    try {
      return schema.parse(JSON.parse(line));
    } catch {
      return null;
    }
  };
}
