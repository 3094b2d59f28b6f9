/**
 * One command line, as it is run and as it is shown. Secrets reach a program by its environment
 * or by a private file.
 */

export type Program = 'wrangler' | 'drizzle-kit' | 'git';

/** Stands in the arguments for the path of a file that exists only while the command runs. */
export interface PrivateFile {
  name: string;
  content: string;
  /** What may be shown of it. */
  shows: string;
}

export interface Command {
  program: Program;
  args: readonly (string | PrivateFile)[];
  /** Files that it finds by their names in the private folder. */
  files?: readonly PrivateFile[];
  /** On top of what every command gets; may hold secrets. */
  env?: Readonly<Record<string, string>>;
  /** Where it runs: the project's folder, or the private one, where no configuration of ours lies about. */
  cwd?: 'project' | 'private';
}

/** The lines that show a command: what to type, and below it what its environment and its files hold. */
export function showCommand(command: Command, mask: (text: string) => string): string[] {
  const npx = command.program === 'git' ? '' : 'npx ';
  const words = command.args.map((arg) => (typeof arg === 'string' ? shellWord(arg) : `<${arg.name}>`));
  const env = Object.entries(command.env ?? {}).map(([name, value]) => `${name}=${mask(value)}`);
  return [
    mask(`$ ${npx}${[command.program, ...words].join(' ')}`),
    ...(command.cwd === 'private' ? ['    in a private folder of its own'] : []),
    ...(env.length > 0 ? [`    environment: ${env.join(' ')}`] : []),
    ...filesOf(command).map(({ name, shows }) => `    <${name}>: ${mask(shows)}`),
  ];
}

/** All the files that exist only while it runs. */
export function filesOf({ args, files }: Command): PrivateFile[] {
  return [...args.flatMap((arg) => (typeof arg === 'string' ? [] : [arg])), ...(files ?? [])];
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./<>-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
