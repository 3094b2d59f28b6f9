/**
 * Upstash lets a script say in its first line that it may lock just its keys:
 * `#!lua flags=allow-key-locking`. Clients of Upstash send such scripts, and Redis refuses a flag that
 * it doesn't know. So the flag is taken away on the way to the engine, and callers go on using the SHA-1
 * of the text they sent.
 */
import { createHash } from 'node:crypto';
import type { CommandArgs, Reply } from './engine.ts';

const FIRST_LINE = /^#!lua([^\r\n]*)/;
const FLAG = 'allow-key-locking';

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');

export class KeyLockingScripts {
  /** SHA-1 of what the engine has, by that of what was sent. */
  readonly #shas = new Map<string, string>();

  /** The command for the engine. */
  toEngine(args: CommandArgs): CommandArgs {
    const [name = '', second = '', ...rest] = args;
    switch (String(name).toUpperCase()) {
      case 'EVAL':
      case 'EVAL_RO':
        return [name, this.#plain(second), ...rest];
      case 'EVALSHA':
      case 'EVALSHA_RO':
        return [name, this.#plainSha(second), ...rest];
      case 'SCRIPT':
        if (/^load$/i.test(String(second))) return [name, second, ...rest.map((text) => this.#plain(text))];
        if (/^exists$/i.test(String(second)))
          return [name, second, ...rest.map((sha) => this.#plainSha(sha))];
        return args;
      default:
        return args;
    }
  }

  /** The engine's reply for the caller; only SCRIPT LOAD's differs. */
  toCaller(args: CommandArgs, reply: Reply): Reply {
    const [name = '', second = '', text = ''] = args;
    const isLoad = /^script$/i.test(String(name)) && /^load$/i.test(String(second));
    return isLoad && Buffer.isBuffer(reply) ? Buffer.from(sha1(String(text))) : reply;
  }

  #plain(script: string | Buffer): string | Buffer {
    const text = String(script);
    const first = FIRST_LINE.exec(text);
    if (!first?.[1]?.includes(FLAG)) return script;
    const plain = firstLineWithout(first[1]) + text.slice(first[0].length);
    this.#shas.set(sha1(text), sha1(plain));
    return plain;
  }

  #plainSha(sha: string | Buffer): string | Buffer {
    return this.#shas.get(String(sha).toLowerCase()) ?? sha;
  }
}

/** Without any other flag the line stays empty rather than goes, so that errors name the right one. */
function firstLineWithout(options: string): string {
  const kept = options
    .trim()
    .split(/\s+/)
    .flatMap((option) => {
      if (!option.startsWith('flags=')) return option || [];
      const flags = option.slice('flags='.length).split(',');
      const others = flags.filter((flag) => flag !== FLAG);
      return others.length > 0 ? `flags=${others.join(',')}` : [];
    });
  return kept.length > 0 ? `#!lua ${kept.join(' ')}` : '';
}
