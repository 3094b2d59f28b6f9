/** Says where it runs: to people, in a file for a comment, and in a CI step's outputs. */
import { appendFileSync } from 'node:fs';
import type { Deployed } from './production.ts';

/** Marks the comment as ours. */
const MARK = '<!-- backbeat-preview -->';

export function deployedLines(title: string, { url }: Deployed): string[] {
  return [title, `  page    ${url}/`, `  API     ${url}/docs`, `  health  ${url}/health`];
}

/** Markdown for a pull request's comment. */
export function previewComment(branch: string, { url }: Deployed): string {
  // A branch's name is what its author typed: no Markdown of it may take effect.
  const name = branch.replace(/[`\r\n]/g, '');
  return [
    MARK,
    `**Preview of \`${name}\`**`,
    '',
    '| | |',
    '| --- | --- |',
    `| Page | ${url}/ |`,
    `| API | ${url}/docs |`,
    `| Health | ${url}/health |`,
    '',
    'It has its own rooms, database, keys and secrets, and goes when the branch does.',
    '',
  ].join('\n');
}

/**
 * Notes the URL for later steps of a CI job.
 * @param file GitHub's file of `name=value` lines; null: none.
 */
export function writeOutputs({ url }: Deployed, file: string | null): void {
  if (file !== null) appendFileSync(file, `url=${url}\n`);
}
