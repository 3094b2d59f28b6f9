/** Which migrations would break the code that runs while they are applied. */

/** What takes something away from code that still uses it, or asks something of it that it doesn't do yet. */
const BREAKING: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/\bdrop\s+(table|column|view|type|schema|function|sequence)\b/i, 'drops what old code may use'],
  [/\brename\b/i, 'renames what old code may use'],
  [/\bset\s+not\s+null\b/i, 'refuses rows that old code may write'],
  [/\balter\s+column\s+\S+\s+(set\s+data\s+)?type\b/i, 'changes a type under old code'],
  [
    /\badd\s+column\s+(?:(?!\bdefault\b|,)[^;])*\bnot\s+null\b(?:(?!\bdefault\b)[^,;])*(?:;|,|$)/i,
    'adds a column that old code leaves empty',
  ],
  [/\b(truncate|delete\s+from)\b/i, 'removes data'],
];

/** Says in a migration that it is the second of two steps, and which release has already done without: `-- second step after v1.4.0`. */
const SECOND_STEP = /^--\s*second step after (v\d+\.\d+\.\d+)\s*$/im;

/**
 * What would break the last release.
 * @param sql a migration as drizzle-kit writes it.
 * @returns one sentence for each statement; none when it only adds, or says that it is the second step.
 */
export function breakingChanges(sql: string): string[] {
  if (SECOND_STEP.test(sql)) return [];
  const statements = sql
    .replace(/--(?!> statement-breakpoint).*$/gm, '')
    .split(/--> statement-breakpoint|;/)
    .map((statement) => statement.replace(/\s+/g, ' ').trim());
  return statements.flatMap((statement) =>
    BREAKING.flatMap(([pattern, what]) =>
      pattern.test(statement) ? [`${what}: ${statement.slice(0, 120)}`] : [],
    ),
  );
}
