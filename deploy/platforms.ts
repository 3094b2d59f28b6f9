/**
 * What Backbeat relies on in the platforms' documents. `platforms.json` lists each fact with the day on which
 * its document was last read, and this file judges how old that reading is. PartyKit announced the end of its
 * platform in its documentation, which the project had read once and never again.
 */
import { z } from 'zod';

/** A reading is good for this long; after that the document has to be read again. */
export const MAX_AGE_DAYS = 90;

const DAY_MS = 24 * 60 * 60 * 1000;

const text = z.string().trim().min(1);

const factSchema = z.strictObject({
  /** Names the entry in warnings. */
  id: z
    .string()
    .regex(
      /^[a-z0-9]+(-[a-z0-9]+)*$/,
      'must be words of lower case letters and digits, with hyphens between them',
    ),
  platform: text,
  /** What of ours would break or cost more if it changed. */
  reliesOn: text,
  documented: z.strictObject({
    title: text,
    url: z.url({ protocol: /^https$/ }),
    /** The date that the document itself shows; null: it shows none. */
    dated: z.iso.date().nullable(),
  }),
  /** What the document said, with its figures. */
  says: text,
  /** The day of the last reading; null: the document couldn't be read yet, and `says` is what we suppose. */
  lastRead: z.iso.date().nullable(),
});

const listSchema = z.strictObject({ facts: z.array(factSchema).min(1) });

export type PlatformFact = z.infer<typeof factSchema>;

/** The list can't be used as it is. The message has a line for each thing that is wrong. */
export class PlatformListError extends Error {
  override readonly name = 'PlatformListError';
}

/**
 * @param json the content of `platforms.json`
 * @param today as `YYYY-MM-DD`, in UTC
 * @throws {PlatformListError} naming everything that is malformed: also a name that is given twice, a reading
 *   that is older than its document, and a reading in the future. Tomorrow passes: it may have begun where
 *   the list was edited.
 */
export function parsePlatforms(json: string, today: string): PlatformFact[] {
  const parsed = listSchema.safeParse(parseJson(json));
  if (!parsed.success) {
    throw new PlatformListError(
      parsed.error.issues
        .map(({ path, message }) => `${path.join('.') || 'the list'}: ${message}`)
        .join('\n'),
    );
  }
  const { facts } = parsed.data;
  const problems = facts.flatMap(({ id, lastRead, documented: { dated } }, at) => [
    ...(facts.findIndex((other) => other.id === id) < at ? [`${id}: stands there twice`] : []),
    ...(lastRead !== null && daysBetween(today, lastRead) > 1
      ? [`${id}: was read on ${lastRead}, which is to come`]
      : []),
    ...(lastRead !== null && dated !== null && dated > lastRead
      ? [`${id}: was read on ${lastRead}, before the document's own date, ${dated}`]
      : []),
  ]);
  if (problems.length > 0) throw new PlatformListError(problems.join('\n'));
  return facts;
}

export interface FactAge {
  fact: PlatformFact;
  /** Whole days since the last reading; null: never read. */
  ageDays: number | null;
  isDue: boolean;
}

/**
 * How long ago each fact was read. Those that were never read come first, then the oldest readings. A fact is
 * due when its reading is older than `MAX_AGE_DAYS`, or when there was none.
 */
export function ageFacts(facts: readonly PlatformFact[], today: string): FactAge[] {
  return facts
    .map((fact) => {
      const ageDays = fact.lastRead === null ? null : Math.max(0, daysBetween(fact.lastRead, today));
      return { fact, ageDays, isDue: ageDays === null || ageDays > MAX_AGE_DAYS };
    })
    .toSorted((a, b) => (a.fact.lastRead ?? '').localeCompare(b.fact.lastRead ?? ''));
}

/** The facts as a table, and below it how many have to be read again. */
export function showAges(ages: readonly FactAge[]): string[] {
  const rows = [
    ['days', 'last read', 'document of', 'what we rely on', 'where'],
    ...ages.map(({ fact, ageDays, isDue }) => [
      `${ageDays ?? '-'}${isDue ? ' !' : ''}`,
      fact.lastRead ?? 'never',
      fact.documented.dated ?? '-',
      `${fact.platform}: ${fact.id}`,
      fact.documented.url,
    ]),
  ];
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length))) ?? [];
  const due = ages.filter(({ isDue }) => isDue).length;
  return [
    ...rows.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
    `${ages.length} facts, ${due} to read again (older than ${MAX_AGE_DAYS} days, or never read)`,
  ];
}

/**
 * One line for each fact that has to be read again: on GitHub an annotation at the entry's place in the list,
 * elsewhere plain text.
 */
export function warnings(
  ages: readonly FactAge[],
  json: string,
  { isGitHub }: { isGitHub: boolean },
): string[] {
  return ages
    .filter(({ isDue }) => isDue)
    .map(({ fact, ageDays }) => {
      const { title, url } = fact.documented;
      const when = ageDays === null ? 'was never read' : `was last read ${ageDays} days ago`;
      const message = [
        `"${title}" ${when}. We rely on it: ${fact.reliesOn}`,
        `Read ${url} and bring deploy/platforms.json up to date.`,
      ].join(' ');
      if (!isGitHub) return `warning: ${fact.id}: ${message}`;
      const place = `file=deploy/platforms.json,line=${lineOf(json, fact.id)}`;
      return `::warning ${place},title=${escapeProperty(`Platforms: ${fact.id}`)}::${escapeData(message)}`;
    });
}

/** Whole days from one `YYYY-MM-DD` to another. */
function daysBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / DAY_MS;
}

/** The line, counted from 1, on which the entry of this name begins. */
function lineOf(json: string, id: string): number {
  const at = json.search(new RegExp(`"id":\\s*"${id}"`));
  return at === -1 ? 1 : json.slice(0, at).split('\n').length;
}

/**
 * Without this a line break would end the annotation's message.
 * https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
function escapeData(value: string): string {
  return value.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** A colon or a comma would end a property. */
function escapeProperty(value: string): string {
  return escapeData(value).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new PlatformListError(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
