/** Values between JavaScript and a Lua stack. Strings cross as bytes. */
import { type CFunction, LUA_GLOBALS, type LuaModule, LuaType, type State } from './lua-api.ts';

/** Room for the usual string; longer ones get memory of their own. */
const SCRATCH_BYTES = 64 * 1024;
const LENGTH_BYTES = 4;

export class LuaStack {
  readonly state: State;
  readonly #scratch: number;
  readonly #length: number;
  #view: Buffer;

  constructor(readonly module: LuaModule) {
    this.state = module._luaL_newstate();
    this.#scratch = module._malloc(SCRATCH_BYTES);
    this.#length = module._malloc(LENGTH_BYTES);
    this.#view = Buffer.from(module.HEAPU8.buffer);
  }

  /** Lua's memory as it is now: growing replaces it, so a view may not be kept. */
  #memory(): Buffer {
    const { buffer } = this.module.HEAPU8;
    if (this.#view.buffer !== buffer) this.#view = Buffer.from(buffer);
    return this.#view;
  }

  /** Lends `text` to `use` as a pointer, valid until it returns. */
  withBytes<T>(text: string, use: (pointer: number, bytes: number) => T): T {
    const isLong = text.length >= SCRATCH_BYTES;
    const pointer = isLong ? this.module._malloc(text.length + 1) : this.#scratch;
    try {
      const memory = this.#memory();
      memory.write(text, pointer, 'latin1');
      memory[pointer + text.length] = 0;
      return use(pointer, text.length);
    } finally {
      if (isLong) this.module._free(pointer);
    }
  }

  type(index: number): number {
    return this.module._lua_type(this.state, index);
  }

  pop(count: number): void {
    this.module._lua_settop(this.state, -count - 1);
  }

  /**
   * The string at `index`. Don't use it on a number that is a table's key: Lua would turn it
   * into a string in place.
   */
  string(index: number): string {
    const pointer = this.module._lua_tolstring(this.state, index, this.#length);
    const bytes = this.module.HEAPU32[this.#length >>> 2] ?? 0;
    return this.#memory().toString('latin1', pointer, pointer + bytes);
  }

  number(index: number): number {
    return this.module._lua_tonumber(this.state, index);
  }

  boolean(index: number): boolean {
    return this.module._lua_toboolean(this.state, index) !== 0;
  }

  pushString(text: string): void {
    this.withBytes(text, (pointer, bytes) => this.module._lua_pushlstring(this.state, pointer, bytes));
  }

  pushNumber(value: number): void {
    this.module._lua_pushnumber(this.state, value);
  }

  pushBoolean(value: boolean): void {
    this.module._lua_pushboolean(this.state, value ? 1 : 0);
  }

  pushFunction(fn: CFunction): void {
    this.module._lua_pushcclosure(this.state, this.module.addFunction(fn, 'ii'), 0);
  }

  /** Pushes a new table and makes sure that a few more slots are free, for what goes into it. */
  pushTable(): void {
    this.module._lua_checkstack(this.state, 8);
    this.module._lua_createtable(this.state, 0, 0);
  }

  /**
   * Pops a value and sets it as `table[name]`, without metamethods; `table` counts with
   * the value still there.
   */
  setField(table: number, name: string): void {
    this.pushString(name);
    // rawset wants the key below the value.
    this.module._lua_checkstack(this.state, 2);
    this.#swapTop();
    this.module._lua_rawset(this.state, table - 1);
  }

  /** Pops a value and sets it as `table[position]`; `table` counts with the value still there. */
  setAt(table: number, position: number): void {
    this.module._lua_rawseti(this.state, table, position);
  }

  setGlobalStrings(name: string, values: readonly string[]): void {
    this.pushTable();
    values.forEach((value, index) => {
      this.pushString(value);
      this.setAt(-2, index + 1);
    });
    this.setGlobal(name);
  }

  /** Pops a value and sets it as a global, past the protection of globals. */
  setGlobal(name: string): void {
    this.pushString(name);
    this.#swapTop();
    this.module._lua_rawset(this.state, LUA_GLOBALS);
  }

  /** Pushes `table[name]`, without metamethods. */
  getField(table: number, name: string): void {
    this.pushString(name);
    this.module._lua_rawget(this.state, table < 0 ? table - 1 : table);
  }

  /** Loads a chunk and pushes it as a function; on failure pushes the message and returns false. */
  load(code: string, name: string): boolean {
    return this.withBytes(code, (codePointer, bytes) => {
      const namePointer = this.module._malloc(name.length + 1);
      try {
        this.#memory().write(`${name}\0`, namePointer, 'latin1');
        return this.module._luaL_loadbuffer(this.state, codePointer, bytes, namePointer) === 0;
      } finally {
        this.module._free(namePointer);
      }
    });
  }

  isNil(index: number): boolean {
    const type = this.type(index);
    return type === LuaType.nil || type === LuaType.none;
  }

  #swapTop(): void {
    this.module._lua_insert(this.state, -2);
  }
}
