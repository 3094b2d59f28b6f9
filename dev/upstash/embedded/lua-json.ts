/** `cjson` for scripts: the same shapes and escapes as the library that Redis embeds. */
import { LuaType } from './lua-api.ts';
import type { LuaStack } from './lua-stack.ts';
import { toBytes, toText } from './value.ts';

const MAX_DEPTH = 1000;
/** An array with more holes than this is an error, as in cjson: it would be mostly null. */
const SPARSE_RATIO = 2;
const SPARSE_SAFE = 10;

export class LuaJsonError extends Error {
  override readonly name = 'LuaJsonError';
}

const ESCAPES: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
};

/** Bytes of 128 and more pass as they are: they are the caller's UTF-8. */
function encodeString(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what has to be escaped
  const escaped = text.replace(/["\\/\x00-\x1f\x7f]/g, (char) => {
    return ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}

/** C's `%.14g`, which is how Lua and cjson write numbers. */
export function formatLuaNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e14) return Object.is(value, -0) ? '-0' : String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
  const rounded = Number(value.toPrecision(14));
  const exponent = Math.floor(Math.log10(Math.abs(rounded)));
  if (exponent < -4 || exponent >= 14) {
    const [mantissa = '', power = ''] = rounded.toExponential().split('e');
    const sign = power.startsWith('-') ? '-' : '+';
    return `${mantissa}e${sign}${power.slice(1).padStart(2, '0')}`;
  }
  return String(rounded);
}

/**
 * The highest index when all keys are positive integers and few are missing; null for an object. Looks
 * at the table on top.
 */
function arrayLength(stack: LuaStack): number | null {
  const { module, state } = stack;
  let highest = 0;
  let entries = 0;
  module._lua_checkstack(state, 8);
  module._lua_pushnil(state);
  while (module._lua_next(state, -2) !== 0) {
    const key = stack.type(-2) === LuaType.number ? stack.number(-2) : 0;
    stack.pop(1);
    if (!Number.isInteger(key) || key < 1) {
      stack.pop(1);
      return null;
    }
    highest = Math.max(highest, key);
    entries += 1;
  }
  if (highest > SPARSE_SAFE && highest > entries * SPARSE_RATIO) {
    throw new LuaJsonError('Cannot serialise table: excessively sparse array');
  }
  return entries === 0 ? null : highest;
}

/** Encodes the value on top of the stack, which stays there. */
export function encodeLuaValue(stack: LuaStack, depth = 0): string {
  const { module, state } = stack;
  if (depth > MAX_DEPTH) throw new LuaJsonError('Cannot serialise, excessive nesting');
  switch (stack.type(-1)) {
    case LuaType.string:
      return encodeString(stack.string(-1));
    case LuaType.number: {
      const value = stack.number(-1);
      if (!Number.isFinite(value)) throw new LuaJsonError('Cannot serialise number: must not be NaN or Inf');
      return formatLuaNumber(value);
    }
    case LuaType.boolean:
      return stack.boolean(-1) ? 'true' : 'false';
    case LuaType.nil:
    case LuaType.lightUserdata:
      return 'null';
    case LuaType.table: {
      const length = arrayLength(stack);
      const parts: string[] = [];
      if (length !== null) {
        for (let position = 1; position <= length; position += 1) {
          module._lua_rawgeti(state, -1, position);
          parts.push(encodeLuaValue(stack, depth + 1));
          stack.pop(1);
        }
        return `[${parts.join(',')}]`;
      }
      module._lua_pushnil(state);
      while (module._lua_next(state, -2) !== 0) {
        const keyType = stack.type(-2);
        let key: string;
        if (keyType === LuaType.string) key = encodeString(stack.string(-2));
        else if (keyType === LuaType.number) key = `"${formatLuaNumber(stack.number(-2))}"`;
        else throw new LuaJsonError('Cannot serialise table: table key must be a number or string');
        parts.push(`${key}:${encodeLuaValue(stack, depth + 1)}`);
        stack.pop(1);
      }
      return `{${parts.join(',')}}`;
    }
    default:
      throw new LuaJsonError('Cannot serialise function: type not supported');
  }
}

function pushJson(stack: LuaStack, value: unknown): void {
  if (typeof value === 'string') stack.pushString(toBytes(value));
  else if (typeof value === 'number') stack.pushNumber(value);
  else if (typeof value === 'boolean') stack.pushBoolean(value);
  else if (Array.isArray(value)) {
    stack.pushTable();
    value.forEach((item, index) => {
      pushJson(stack, item);
      stack.setAt(-2, index + 1);
    });
  } else if (typeof value === 'object' && value !== null) {
    stack.pushTable();
    for (const [name, item] of Object.entries(value)) {
      pushJson(stack, item);
      stack.setField(-2, toBytes(name));
    }
  } else stack.module._lua_pushlightuserdata(stack.state, 0);
}

/** Decodes JSON and pushes it; null becomes `cjson.null`. @throws {LuaJsonError} */
export function pushDecoded(stack: LuaStack, json: string): void {
  let value: unknown;
  try {
    value = JSON.parse(toText(json));
  } catch {
    throw new LuaJsonError('Expected value but found invalid token');
  }
  pushJson(stack, value);
}
