/** Puts results where they are kept: JSON, a table, plots. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Plot, svg } from './plots.ts';

/** Writes `NAME.json`, `NAME.md`, `NAME-PLOT.svg`, `NAME.cpuprofile`; returns their paths. */
export function writeResults(
  folder: string,
  name: string,
  result: { json: object; markdown: string; plots: Record<string, Plot>; profile?: object | undefined },
): string[] {
  mkdirSync(folder, { recursive: true });
  const files: [string, string][] = [
    [`${name}.json`, `${JSON.stringify(result.json, null, 2)}\n`],
    [`${name}.md`, `${result.markdown}\n`],
    ...(result.profile ? [[`${name}.cpuprofile`, JSON.stringify(result.profile)] as [string, string]] : []),
    ...Object.entries(result.plots).map(([plot, data]): [string, string] => [
      `${name}-${plot}.svg`,
      svg(data),
    ]),
  ];
  for (const [file, text] of files) writeFileSync(join(folder, file), text);
  return files.map(([file]) => relative(process.cwd(), join(folder, file)));
}
