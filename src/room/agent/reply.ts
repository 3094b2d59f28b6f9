/**
 * Reads the model's text. The prompt asks for a form; this reads that form, and says what is unclear in it.
 * Pure.
 */

/**
 * Info string of the block that holds the new program. An example in another block must never replace the
 * session's music.
 */
export const PROGRAM_TAG = 'strudel';
/** Marks a line as a question to the requester. */
export const QUESTION_MARK = '? ';

const MAX_QUESTIONS = 5;
const MAX_QUESTION_CHARS = 500;

export type Reply =
  | { kind: 'code'; code: string; explanation: string }
  | { kind: 'questions'; questions: string[]; text: string }
  | { kind: 'text'; text: string }
  /** It may be meant as code; with a program's block it certainly is. `problem` is in words for the model. */
  | { kind: 'unclear'; problem: string; isProgram: boolean; text: string };

interface Block {
  tag: string;
  content: string;
  isClosed: boolean;
  firstLine: number;
  lastLine: number;
}

/** Reads the model's text. */
export function readReply(text: string): Reply {
  const lines = text.split(/\r?\n/);
  const blocks = blocksOf(lines);
  const programs = blocks.filter(({ tag }) => tag === PROGRAM_TAG);
  const [program] = programs;
  const whole = text.trim();
  if (programs.length > 1) {
    const problem = `there is more than one ${PROGRAM_TAG} block`;
    return { kind: 'unclear', problem, isProgram: true, text: whole };
  }
  if (program && !program.isClosed) {
    const problem = 'the program was cut off before its end';
    return { kind: 'unclear', problem, isProgram: true, text: whole };
  }
  if (program) {
    const around = [...lines.slice(0, program.firstLine), ...lines.slice(program.lastLine + 1)];
    const explanation = around
      .join('\n')
      .replace(/\n{3,}/g, '\n\n')
      .trim();
    return { kind: 'code', code: program.content, explanation };
  }
  if (blocks.length > 0) {
    const problem = `there is a code block, but none is marked ${PROGRAM_TAG}`;
    return { kind: 'unclear', problem, isProgram: false, text: whole };
  }
  const isQuestion = (line: string) => line.trimStart().startsWith(QUESTION_MARK);
  const questions = lines
    .filter(isQuestion)
    .map((line) => line.trimStart().slice(QUESTION_MARK.length).trim().slice(0, MAX_QUESTION_CHARS))
    .filter((question) => question !== '')
    .slice(0, MAX_QUESTIONS);
  if (questions.length === 0) return { kind: 'text', text: whole };
  return {
    kind: 'questions',
    questions,
    text: lines
      .map((line) => (isQuestion(line) ? line.trimStart().slice(QUESTION_MARK.length) : line))
      .join('\n')
      .trim(),
  };
}

/** A fence around `code` that nothing in it can close. */
export function fenced(code: string, tag: string = PROGRAM_TAG): string {
  const longest = Math.max(0, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${fence}${tag}\n${code}\n${fence}`;
}

/** Fenced blocks, by Markdown's rules. */
function blocksOf(lines: readonly string[]): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; tag: string; firstLine: number } | null = null;
  for (const [index, line] of lines.entries()) {
    if (open === null) {
      const match = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)[^`]*$/.exec(line);
      if (match) open = { fence: match[1] ?? '', tag: (match[2] ?? '').toLowerCase(), firstLine: index };
      continue;
    }
    const { fence, tag, firstLine } = open;
    const closing = /^ {0,3}(`{3,}|~{3,})\s*$/.exec(line)?.[1];
    if (closing === undefined || closing[0] !== fence[0] || closing.length < fence.length) continue;
    blocks.push({
      tag,
      content: contentOf(lines, firstLine, index),
      isClosed: true,
      firstLine,
      lastLine: index,
    });
    open = null;
  }
  if (open) {
    const { tag, firstLine } = open;
    const lastLine = lines.length - 1;
    blocks.push({
      tag,
      content: contentOf(lines, firstLine, lines.length),
      isClosed: false,
      firstLine,
      lastLine,
    });
  }
  return blocks;
}

/** What is between two fences, without blank lines at its ends. */
function contentOf(lines: readonly string[], fence: number, closing: number): string {
  return lines
    .slice(fence + 1, closing)
    .join('\n')
    .replace(/^(?:[ \t]*\n)+/, '')
    .trimEnd();
}
