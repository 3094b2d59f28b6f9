/** Puts results where they are kept: JSON, a table, plots. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Plot, svg } from './plots.ts';

/** Writes `NAME.json`, `NAME.md` and `NAME-PLOT.svg`; returns their paths from the working folder. */
export function writeResults(
  folder: string,
  name: string,
  result: { json: object; markdown: string; plots: Record<string, Plot> },
): string[] {
  mkdirSync(folder, { recursive: true });
  const files: [string, string][] = [
    [`${name}.json`, `${JSON.stringify(result.json, null, 2)}\n`],
    [`${name}.md`, `${result.markdown}\n`],
    ...Object.entries(result.plots).map(([plot, data]): [string, string] => [
      `${name}-${plot}.svg`,
      svg(data),
    ]),
  ];
  for (const [file, text] of files) writeFileSync(join(folder, file), text);
  return files.map(([file]) => relative(process.cwd(), join(folder, file)));
}
