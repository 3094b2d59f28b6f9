/** The commands that load and run scripts. Scripts themselves can't call them. */
import { RedisError } from '../engine.ts';
import { type Command, type CommandTable, SYNTAX_ERROR, wrongArity } from './command.ts';
import type { ScriptRunner } from './scripts.ts';
import { OK, type Value } from './value.ts';

function script(scripts: ScriptRunner, [subcommand = '', ...args]: string[]): Value {
  const name = subcommand.toLowerCase();
  if (name === 'load') {
    if (args.length !== 1) throw wrongArity('script|load');
    return scripts.load(args[0] ?? '');
  }
  if (name === 'exists') {
    if (args.length === 0) throw wrongArity('script|exists');
    return args.map((sha) => (scripts.has(sha) ? 1 : 0));
  }
  if (name === 'flush') {
    if (args.length > 1 || !/^(?:a?sync)?$/i.test(args[0] ?? '')) throw new RedisError(SYNTAX_ERROR);
    scripts.flush();
    return OK;
  }
  throw new RedisError(`ERR unknown subcommand '${subcommand}'. Try SCRIPT HELP.`);
}

const readOnly = (command: Command): Command => ({
  arity: command.arity,
  run(keyspace, args) {
    keyspace.isReadOnly = true;
    try {
      return command.run(keyspace, args);
    } finally {
      keyspace.isReadOnly = false;
    }
  },
});

export function scriptCommands(scripts: ScriptRunner): CommandTable {
  const evaluate: Command = { arity: -3, run: (_, args) => scripts.eval(args) };
  const evaluateSha: Command = { arity: -3, run: (_, args) => scripts.evalsha(args) };
  return {
    eval: evaluate,
    evalsha: evaluateSha,
    eval_ro: readOnly(evaluate),
    evalsha_ro: readOnly(evaluateSha),
    script: { arity: -2, run: (_, args) => script(scripts, args) },
  };
}
