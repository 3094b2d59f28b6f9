/**
 * EVAL, EVALSHA and SCRIPT: scripts run in one Lua, one at a time and to their end, so nothing comes
 * between their commands.
 */
import { createHash } from 'node:crypto';
import { RedisError } from '../engine.ts';
import { type CFunction, LUA_REGISTRY, LuaType, loadLuaModule, type State } from './lua-api.ts';
import { encodeLuaValue, LuaJsonError, pushDecoded } from './lua-json.ts';
import { PRELUDE } from './lua-prelude.ts';
import { LuaStack } from './lua-stack.ts';
import { formatFloat, parseInteger } from './numbers.ts';
import { Status, type Value } from './value.ts';

/** Runs a command on behalf of a script. @throws {RedisError} */
export type ScriptDispatch = (args: string[]) => Value;

const MAX_REPLY_DEPTH = 100;
const BAD_ARGUMENT = 'ERR Lua redis lib command arguments must be strings or integers';

const sha1 = (text: string) => createHash('sha1').update(Buffer.from(text, 'latin1')).digest('hex');

export class ScriptRunner {
  readonly #stack: LuaStack;
  readonly #dispatch: ScriptDispatch;
  /** Compiled scripts by SHA-1: references into Lua's registry. */
  readonly #compiled = new Map<string, number>();
  #runnerReference = 0;

  private constructor(stack: LuaStack, dispatch: ScriptDispatch) {
    this.#stack = stack;
    this.#dispatch = dispatch;
  }

  /** @param dispatch runs the commands that scripts call. */
  static async create(dispatch: ScriptDispatch): Promise<ScriptRunner> {
    const runner = new ScriptRunner(new LuaStack(await loadLuaModule()), dispatch);
    runner.#prepare();
    return runner;
  }

  /** EVAL: `script numkeys key… arg…`. @throws {RedisError} */
  eval([script = '', ...rest]: string[]): Value {
    return this.#run(this.load(script), rest);
  }

  /** EVALSHA: `sha numkeys key… arg…`. @throws {RedisError} `NOSCRIPT` when it isn't loaded. */
  evalsha([sha = '', ...rest]: string[]): Value {
    const known = sha.toLowerCase();
    if (!this.#compiled.has(known)) throw new RedisError('NOSCRIPT No matching script. Please use EVAL.');
    return this.#run(known, rest);
  }

  /** Compiles a script if it isn't yet. @returns its SHA-1. @throws {RedisError} it isn't Lua. */
  load(script: string): string {
    const sha = sha1(script);
    if (this.#compiled.has(sha)) return sha;
    const { module, state } = this.#stack;
    if (!this.#stack.load(script, '@user_script')) {
      const message = this.#stack.string(-1);
      this.#stack.pop(1);
      throw new RedisError(`ERR Error compiling script (new function): ${message}`);
    }
    this.#compiled.set(sha, module._luaL_ref(state, LUA_REGISTRY));
    return sha;
  }

  has(sha: string): boolean {
    return this.#compiled.has(sha.toLowerCase());
  }

  /** Forgets all scripts. */
  flush(): void {
    const { module, state } = this.#stack;
    for (const reference of this.#compiled.values()) module._luaL_unref(state, LUA_REGISTRY, reference);
    this.#compiled.clear();
  }

  close(): void {
    this.#stack.module._lua_close(this.#stack.state);
  }

  #run(sha: string, [keyCountText, ...rest]: string[]): Value {
    const keyCount = parseInteger(keyCountText);
    if (keyCount < 0) throw new RedisError("ERR Number of keys can't be negative");
    if (keyCount > rest.length)
      throw new RedisError("ERR Number of keys can't be greater than number of args");
    const stack = this.#stack;
    const { module, state } = stack;
    const top = module._lua_gettop(state);
    try {
      stack.setGlobalStrings('KEYS', rest.slice(0, keyCount));
      stack.setGlobalStrings('ARGV', rest.slice(keyCount));
      module._lua_rawgeti(state, LUA_REGISTRY, this.#runnerReference);
      module._lua_rawgeti(state, LUA_REGISTRY, this.#compiled.get(sha) ?? 0);
      if (module._lua_pcall(state, 1, 2, 0) !== 0) throw new RedisError(`ERR ${stack.string(-1)}`);
      if (stack.boolean(-2)) return this.#toValue();
      throw this.#toScriptError(sha);
    } finally {
      module._lua_settop(state, top);
    }
  }

  /** The error table on top, worded as Redis 7 does: message, script and line. */
  #toScriptError(sha: string): RedisError {
    const stack = this.#stack;
    stack.getField(-1, 'err');
    stack.getField(-2, 'line');
    return new RedisError(`${stack.string(-2)} script: ${sha}, on @user_script:${stack.number(-1)}.`);
  }

  /**
   * The value on top as a reply. Redis' rules: numbers lose their fraction, true is 1, false is nil, an array
   * ends at its first nil.
   */
  #toValue(depth = 0): Value {
    const stack = this.#stack;
    const { module, state } = stack;
    if (depth > MAX_REPLY_DEPTH) throw new RedisError('ERR reached lua stack limit');
    switch (stack.type(-1)) {
      case LuaType.string:
        return stack.string(-1);
      case LuaType.number:
        return Math.trunc(stack.number(-1)) + 0;
      case LuaType.boolean:
        return stack.boolean(-1) ? 1 : null;
      case LuaType.table:
        break;
      default:
        return null;
    }
    module._lua_checkstack(state, 8);
    const error = this.#textField('err');
    if (error !== null) return new RedisError(error);
    const status = this.#textField('ok');
    if (status !== null) return new Status(status);
    const items: Value[] = [];
    for (let position = 1; ; position += 1) {
      module._lua_rawgeti(state, -1, position);
      const isEnd = stack.isNil(-1);
      if (!isEnd) items.push(this.#toValue(depth + 1));
      stack.pop(1);
      if (isEnd) return items;
    }
  }

  /** A string field of the table on top. */
  #textField(name: string): string | null {
    const stack = this.#stack;
    stack.getField(-1, name);
    const text = stack.type(-1) === LuaType.string ? stack.string(-1) : null;
    stack.pop(1);
    return text;
  }

  #pushValue(value: Value): void {
    const stack = this.#stack;
    if (value === null) stack.pushBoolean(false);
    else if (typeof value === 'number') stack.pushNumber(value);
    else if (typeof value === 'string') stack.pushString(value);
    else if (value instanceof Status) this.#pushRecord('ok', value.text);
    else if (value instanceof RedisError) this.#pushRecord('err', value.message);
    else {
      stack.pushTable();
      value.forEach((item, index) => {
        this.#pushValue(item);
        stack.setAt(-2, index + 1);
      });
    }
  }

  #pushRecord(name: 'ok' | 'err', text: string): void {
    this.#stack.pushTable();
    this.#stack.pushString(text);
    this.#stack.setField(-2, name);
  }

  /** Opens the libraries and runs the prelude. */
  #prepare(): void {
    const stack = this.#stack;
    const { module, state } = stack;
    const libraries = ['base', 'table', 'string', 'math', 'debug'] as const;
    for (const library of libraries) {
      module[`_luaopen_${library}`](state);
      module._lua_settop(state, 0);
    }
    if (!stack.load(PRELUDE, '=prelude')) throw new Error(stack.string(-1));
    stack.pushFunction((caller) => this.#callCommand(caller, true));
    stack.pushFunction((caller) => this.#callCommand(caller, false));
    stack.pushFunction(
      this.#hostFunction((text) => this.#pushRecord('err', text.startsWith('-') ? text.slice(1) : text)),
    );
    stack.pushFunction(this.#hostFunction((text) => this.#pushRecord('ok', text)));
    stack.pushFunction(this.#hostFunction((text) => stack.pushString(sha1(text))));
    stack.pushFunction((caller) => this.#encode(caller));
    stack.pushFunction(this.#hostFunction((text) => pushDecoded(stack, text)));
    module._lua_pushlightuserdata(state, 0);
    if (module._lua_pcall(state, 8, 1, 0) !== 0) throw new Error(stack.string(-1));
    this.#runnerReference = module._luaL_ref(state, LUA_REGISTRY);
  }

  /** A function of one string that pushes one result. */
  #hostFunction(run: (text: string) => void): CFunction {
    return (caller) => {
      const message = this.#attempt(caller, () => {
        const isText = this.#stack.type(1) === LuaType.string || this.#stack.type(1) === LuaType.number;
        if (!isText || this.#stack.module._lua_gettop(caller) !== 1)
          throw new RedisError('wrong number or type of arguments');
        run(this.#stack.string(1));
      });
      return message === null ? 1 : this.#raise(caller, message);
    };
  }

  #encode(caller: State): number {
    const { module } = this.#stack;
    const message = this.#attempt(caller, () => {
      module._lua_settop(caller, 1);
      this.#stack.pushString(encodeLuaValue(this.#stack));
    });
    return message === null ? 1 : this.#raise(caller, message);
  }

  /** `redis.call` and `redis.pcall`: the one raises a command's error, the other returns it. */
  #callCommand(caller: State, isRaised: boolean): number {
    let reply: Value;
    const message = this.#attempt(caller, () => {
      try {
        reply = this.#dispatch(this.#commandArgs());
      } catch (error) {
        if (!(error instanceof RedisError)) throw error;
        reply = error;
      }
      this.#pushValue(reply);
    });
    if (message !== null) return this.#raise(caller, message);
    const { module } = this.#stack;
    return isRaised && this.#isErrorTable() ? module._lua_error(caller) : 1;
  }

  #isErrorTable(): boolean {
    return this.#stack.type(-1) === LuaType.table && this.#textField('err') !== null;
  }

  #commandArgs(): string[] {
    const stack = this.#stack;
    const count = stack.module._lua_gettop(stack.state);
    if (count === 0) throw new RedisError('ERR Please specify at least one argument for this redis lib call');
    const args: string[] = [];
    for (let index = 1; index <= count; index += 1) {
      const type = stack.type(index);
      if (type === LuaType.number) args.push(formatFloat(stack.number(index)));
      else if (type === LuaType.string) args.push(stack.string(index));
      else throw new RedisError(BAD_ARGUMENT);
    }
    return args;
  }

  /**
   * Runs host code for Lua. A JavaScript exception must not unwind Lua's frames, so it becomes a message to
   * raise; one that isn't the script's fault is logged too, for it is a bug here.
   */
  #attempt(caller: State, run: () => void): string | null {
    if (caller !== this.#stack.state)
      return 'commands and libraries of the host cannot be used in coroutines';
    try {
      run();
      return null;
    } catch (error) {
      if (!(error instanceof RedisError) && !(error instanceof LuaJsonError))
        console.error('[upstash] script', error);
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** @param caller the state that called, which in a coroutine isn't the main one. */
  #raise(caller: State, message: string): number {
    const { module } = this.#stack;
    this.#stack.withBytes(message, (pointer, bytes) => module._lua_pushlstring(caller, pointer, bytes));
    return module._lua_error(caller);
  }
}
