/**
 * Upstash lets a script say in its first line that it may lock just its keys:
 * `#!lua flags=allow-key-locking`. Clients of Upstash send such scripts, and Redis refuses a flag that
 * it doesn't know. So the flag is taken away on the way to the engine, and callers go on using the SHA-1
 * of the text they sent.
 *
 * Such a script may use the keys that it was given, no others, and no command that needs the whole database
 * (https://upstash.com/docs/redis/features/key-locking and the page of EVAL, on 28 November 2026: a key that
 * the script builds itself is "rejected outright when the flag is set"). What stands in the flag's place
 * checks that. The documents don't give the error's words.
 */
import { createHash } from 'node:crypto';
import type { CommandArgs, Reply } from './engine.ts';

const FIRST_LINE = /^#!lua([^\r\n]*)/;
const FLAG = 'allow-key-locking';

/**
 * In one line, so that errors name the script's own. Of commands with several keys it knows those that this
 * project or Upstash's libraries use.
 */
const CHECK = `
local redis = (function(real)
  local given = {}
  for _, key in ipairs(KEYS) do given[key] = true end
  local without = { TIME = true, PING = true, ECHO = true }
  local whole = { KEYS = true, SCAN = true, DBSIZE = true, FLUSHALL = true, FLUSHDB = true, RANDOMKEY = true }
  local many = { DEL = true, UNLINK = true, EXISTS = true, MGET = true, TOUCH = true, RENAME = true }
  local function problem(name, ...)
    local command = string.upper(tostring(name))
    if without[command] then return nil end
    if whole[command] then return 'ERR This command needs the whole database: ' .. command end
    for i = 1, many[command] and select('#', ...) or 1 do
      if not given[tostring((select(i, ...)))] then
        return 'ERR Script uses a key that is not in KEYS, with allow-key-locking: ' .. command
      end
    end
  end
  local function call(...)
    local found = problem(...)
    if found then return error(real.error_reply(found)) end
    return real.call(...)
  end
  local function pcall(...)
    local found = problem(...)
    if found then return real.error_reply(found) end
    return real.pcall(...)
  end
  return setmetatable({ call = call, pcall = pcall }, { __index = real })
end)(redis)
`
  .trim()
  .replace(/\s*\n\s*/g, ' ');

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');

export class KeyLockingScripts {
  /** @param isForAll checks scripts that don't say so, too. */
  constructor(private readonly isForAll = false) {}

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
    const isDeclared = first?.[1]?.includes(FLAG) ?? false;
    if (!isDeclared && !this.isForAll) return script;
    const [line, options = ''] = first ?? [''];
    const rest = text.slice(line.length);
    const kept = firstLineWithout(options);
    // Redis wants the flags alone in the first line.
    const plain = kept === '' ? `${CHECK} ${rest}` : `${kept}\n${CHECK} ${rest.replace(/^\r?\n/, '')}`;
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
