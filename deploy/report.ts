/** Says what runs where: to people, to a file for a comment, and to a CI step's outputs. */
import { appendFileSync } from 'node:fs';
import type { Deployed } from './production.ts';

/** Marks the comment as ours. */
const MARK = '<!-- backbeat-preview -->';

export function deployedLines(title: string, { roomUrl, workerUrl }: Deployed): string[] {
  return [
    title,
    `  page and rooms  ${roomUrl}/`,
    `  Worker          ${workerUrl}/`,
    `  health          ${workerUrl}/health`,
  ];
}

/** Markdown for a pull request's comment. */
export function previewComment(branch: string, { roomUrl, workerUrl }: Deployed): string {
  // A branch's name is whatever somebody typed: no Markdown of it may take effect.
  const name = branch.replace(/[`\r\n]/g, '');
  return [
    MARK,
    `**Preview of \`${name}\`**`,
    '',
    '| | |',
    '| --- | --- |',
    `| Page and rooms | ${roomUrl}/ |`,
    `| Worker | ${workerUrl}/health |`,
    '',
    'It has its own database, keys and secrets, and goes when the branch does.',
    '',
  ].join('\n');
}

/**
 * Notes the URLs for later steps of a CI job.
 * @param file GitHub's file of `name=value` lines; null: none.
 */
export function writeOutputs({ roomUrl, workerUrl }: Deployed, file: string | null): void {
  if (file !== null) appendFileSync(file, `room_url=${roomUrl}\nworker_url=${workerUrl}\n`);
}
