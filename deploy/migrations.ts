/**
 * Which migrations would break the code that runs while they are applied, or keep it from working: they are
 * applied under load, in one transaction, which keeps each of its locks to its end.
 */

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
 * What reads or writes the whole of a table, or runs with each of old code's writes, and on which table: on
 * one that the same migration makes, that is nothing.
 */
const LOCKING: readonly (readonly [pattern: RegExp, what: string])[] = [
  [
    /^create\s+(?:unique\s+)?index\s.*?\son\s+(?:only\s+)?(?<table>[^\s(]+)/i,
    'builds an index, and no row can be written meanwhile',
  ],
  [
    /^alter\s+table\s+(?:only\s+)?(?<table>\S+)\s.*\badd\s+(?:constraint\s+\S+\s+)?(?:unique|primary\s+key|exclude)\b/i,
    'builds an index, and no row can be read or written meanwhile',
  ],
  [
    /^alter\s+table\s+(?:only\s+)?(?<table>\S+)\s.*\badd\s+column\s+(?:(?!,\s*add\b).)*\b(?:unique|primary\s+key)\b/i,
    'builds an index, and no row can be read or written meanwhile',
  ],
  [
    /^alter\s+table\s+(?:only\s+)?(?<table>\S+)\s.*\badd\s+column\s+(?:(?!,\s*add\b).)*(?:\b(?:small|big)?serial\b|\bgenerated\b|\bdefault\s+\(?(?:gen_random_uuid|uuid_generate_v\d|random|clock_timestamp|timeofday|nextval)\b)/i,
    'writes each row anew, and none can be read or written meanwhile',
  ],
  [
    /^alter\s+table\s+(?:only\s+)?(?<table>\S+)\s.*\bset\s+(?:tablespace|logged|unlogged|access\s+method)\b/i,
    'writes each row anew, and none can be read or written meanwhile',
  ],
  [
    // Not `on update cascade`, `do update set`, `for update` and the like.
    /(?<!\b(?:on|do|for|key|or|before|after|of)\s)\bupdate\s+(?:only\s+)?(?<table>(?!set\b)\S+)\s+(?:as\s+\S+\s+)?set\b(?!.*\bwhere\s+(?:\S+\.)?"?id"?\s*=\s*'[^']*'\s*$)/i,
    'changes more rows than one, which old code waits for',
  ],
  [
    /^create\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\s.*?\son\s+(?<table>\S+)/i,
    'makes a trigger, which runs with what old code writes',
  ],
  [
    /^create\s+(?:or\s+replace\s+)?rule\s.*?\sto\s+(?<table>\S+)/i,
    'makes a rule, which changes what old code writes',
  ],
  [/\b(?:vacuum|cluster|reindex|lock\s+table|refresh\s+materialized)\b/i, 'locks tables that old code uses'],
];

/**
 * Says in a migration that it is the second of two steps, and which release has already done without:
 * `-- second step after v1.4.0`.
 */
const SECOND_STEP = /^--\s*second step after (v\d+\.\d+\.\d+)\s*$/im;

/**
 * Says that an index is there before the deploy, so that its statement, which has to say IF NOT EXISTS, does
 * nothing but in an empty database: `-- made before the deploy: sessions_title_idx`. Drizzle applies
 * migrations in a transaction, in which CONCURRENTLY isn't possible.
 */
const MADE_BEFORE = /^--\s*made before the deploy:\s*(\S+)\s*$/gim;
const IF_NOT_EXISTS = /^create\s+(?:unique\s+)?index\s+if\s+not\s+exists\s+(\S+)/i;

/**
 * What would break the last release, or make it wait.
 * @param sql a migration as drizzle-kit writes it.
 * @returns one sentence for each statement; none when it only adds. A second step may take away.
 */
export function breakingChanges(sql: string): string[] {
  const isSecondStep = SECOND_STEP.test(sql);
  const madeBefore = [...sql.matchAll(MADE_BEFORE)].map(([, index = '']) => plain(index));
  const statements = sql
    .replace(/--(?!> statement-breakpoint).*$/gm, '')
    .split(/--> statement-breakpoint|;/)
    .map((statement) => statement.replace(/\s+/g, ' ').trim());
  const made = newThings(statements);
  return statements.flatMap((statement) => {
    const what =
      (isSecondStep ? null : breaks(statement, made)) ??
      (madeBefore.includes(plain(IF_NOT_EXISTS.exec(statement)?.[1] ?? '')) ? null : locks(statement, made));
    return what === null ? [] : [`${what}: ${statement.slice(0, 120)}`];
  });
}

/** What the same migration makes. */
interface NewThings {
  tables: readonly string[];
  columns: readonly string[];
  /** Rules that it drops, and so may make anew. */
  dropped: readonly string[];
}

function newThings(statements: readonly string[]): NewThings {
  const all = (pattern: RegExp) => statements.flatMap((statement) => pattern.exec(statement)?.[1] ?? []);
  return {
    tables: all(/^create\s+table\s+(?:if\s+not\s+exists\s+)?([^\s(]+)/i).map(plain),
    columns: all(/\badd\s+column\s+(?:if\s+not\s+exists\s+)?(\S+)/i),
    dropped: all(/\bdrop\s+constraint\s+(?:if\s+exists\s+)?(\S+)/i),
  };
}

function breaks(statement: string, { tables, columns, dropped }: NewThings): string | null {
  const found = BREAKING.find(([pattern]) => pattern.test(statement));
  if (found) return found[1];
  const rule = RULE.exec(statement);
  if (!rule) return null;
  const { altered, indexed, name } = rule.groups ?? {};
  const isAboutNew =
    tables.includes(plain(altered ?? indexed ?? '')) ||
    columns.some((column) => statement.includes(column)) ||
    dropped.some((one) => one === name);
  return isAboutNew ? null : 'may refuse rows that old code writes';
}

function locks(statement: string, { tables }: NewThings): string | null {
  for (const [pattern, what] of LOCKING) {
    const found = pattern.exec(statement);
    if (found && !tables.includes(plain(found.groups?.table ?? ''))) return what;
  }
  return null;
}

/** A name as it is compared: without quotes, the schema, and a list of columns behind it. */
function plain(name: string): string {
  return (name.split('(')[0] ?? '').replaceAll('"', '').replace(/^public\./, '');
}
