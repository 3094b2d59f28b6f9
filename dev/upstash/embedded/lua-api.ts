/**
 * Lua 5.1, the version Redis embeds, compiled to WebAssembly: numbers are doubles only, so `TIME` in
 * milliseconds neither wraps nor prints as `1.7e+12.0`, which the Lua 5.3 of pure JavaScript implementations
 * with its 32-bit integers gets wrong.
 *
 * Only the C API is used, on pointers: the package's own conversions go through UTF-8 and would
 * spoil binary strings.
 */
import lua51 from 'wasmoon-lua5.1';

/** A `lua_State *`. */
export type State = number;

/** A C function: takes its arguments from the stack, returns how many results it pushed. */
export type CFunction = (state: State) => number;

/** The part of Lua's C API that is needed, plus the module's memory. */
export interface LuaModule {
  HEAPU8: Uint8Array;
  HEAPU32: Uint32Array;
  addFunction(fn: CFunction, signature: 'ii'): number;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _luaL_newstate(): State;
  _luaL_loadbuffer(state: State, text: number, bytes: number, name: number): number;
  _luaL_ref(state: State, table: number): number;
  _luaL_unref(state: State, table: number, reference: number): void;
  _luaopen_base(state: State): number;
  _luaopen_table(state: State): number;
  _luaopen_string(state: State): number;
  _luaopen_math(state: State): number;
  _luaopen_debug(state: State): number;
  _lua_checkstack(state: State, slots: number): number;
  _lua_close(state: State): void;
  _lua_createtable(state: State, array: number, records: number): void;
  _lua_error(state: State): number;
  _lua_getfield(state: State, index: number, name: number): void;
  _lua_gettop(state: State): number;
  _lua_insert(state: State, index: number): void;
  _lua_next(state: State, index: number): number;
  _lua_pcall(state: State, args: number, results: number, handler: number): number;
  _lua_pushboolean(state: State, value: number): void;
  _lua_pushcclosure(state: State, fn: number, upvalues: number): void;
  _lua_pushlightuserdata(state: State, pointer: number): void;
  _lua_pushlstring(state: State, text: number, bytes: number): void;
  _lua_pushnil(state: State): void;
  _lua_pushnumber(state: State, value: number): void;
  _lua_rawget(state: State, index: number): void;
  _lua_rawgeti(state: State, index: number, position: number): void;
  _lua_rawset(state: State, index: number): void;
  _lua_rawseti(state: State, index: number, position: number): void;
  _lua_settop(state: State, index: number): void;
  _lua_toboolean(state: State, index: number): number;
  _lua_tolstring(state: State, index: number, bytes: number): number;
  _lua_tonumber(state: State, index: number): number;
  _lua_type(state: State, index: number): number;
}

export const LUA_REGISTRY = -10000;
export const LUA_GLOBALS = -10002;

/** Results of `lua_type`. */
export const LuaType = {
  none: -1,
  nil: 0,
  boolean: 1,
  lightUserdata: 2,
  number: 3,
  string: 4,
  table: 5,
  function: 6,
} as const;

/** A Lua of its own, with its own memory. */
export async function loadLuaModule(): Promise<LuaModule> {
  // The package declares its module as `any`; the interface above is what its binary exports.
  const { module }: { module: LuaModule } = await lua51.LuaApi.initialize();
  return module;
}
