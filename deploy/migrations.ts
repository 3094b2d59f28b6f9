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
  [/\bdrop\s+default\b/i, 'asks for a value that old code leaves to the default'],
  [/\bdrop\s+constraint\s+\S+_(unique|pk|pkey)"?$/i, 'takes away what old code may name in ON CONFLICT'],
  [/\b(truncate|delete\s+from)\b/i, 'removes data'],
];

/**
 * What may refuse rows that old code writes, unless the table or a column of it is as new as the rule, or
 * the rule replaces one.
 */
const RULE =
  /^(?:alter\s+table\s+(?<altered>\S+)\s+add\s+constraint\s+(?<name>\S+)\s+(?:unique|check|exclude|foreign\s+key|primary\s+key)|create\s+unique\s+index\s.*?\son\s+(?<indexed>\S+))/i;

/**
 * Says in a migration that it is the second of two steps, and which release has already done without:
 * `-- second step after v1.4.0`.
 */
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
  const isNew = newThings(statements);
  return statements.flatMap((statement) => [
    ...BREAKING.flatMap(([pattern, what]) =>
      pattern.test(statement) ? [`${what}: ${statement.slice(0, 120)}`] : [],
    ),
    ...(RULE.test(statement) && !isNew(statement)
      ? [`may refuse rows that old code writes: ${statement.slice(0, 120)}`]
      : []),
  ]);
}

/**
 * Tells whether a rule is about something that the same migration makes, or takes the place of
 * a rule that it drops.
 */
function newThings(statements: readonly string[]): (rule: string) => boolean {
  const all = (pattern: RegExp) => statements.flatMap((statement) => pattern.exec(statement)?.[1] ?? []);
  const tables = all(/^create\s+table\s+(?:if\s+not\s+exists\s+)?([^\s(]+)/i);
  const columns = all(/\badd\s+column\s+(?:if\s+not\s+exists\s+)?(\S+)/i);
  const dropped = all(/\bdrop\s+constraint\s+(?:if\s+exists\s+)?(\S+)/i);
  return (rule) => {
    const { altered, indexed, name } = RULE.exec(rule)?.groups ?? {};
    const isOn = (table: string) => table === (altered ?? indexed)?.split('(')[0];
    return (
      tables.some(isOn) ||
      columns.some((column) => rule.includes(column)) ||
      dropped.some((one) => one === name)
    );
  };
}
