/**
 * Zod for browsers: what `zod` is in the bundles of the page and of the player (`deploy/browser-zod.ts`).
 *
 * A schema is defined once, by zod's usual methods, from which the server makes its OpenAPI document, too. In
 * a browser all that comes with those methods (JSON Schema, words for errors, formats that are used nowhere)
 * was half of what the start page loads. These are the schemas of `zod/mini`, whose parsing is the same code,
 * with those methods by which schemas are defined here. `deploy/browser-zod.test.ts` holds that none is
 * missing and that they parse alike. What they say of an error is "Invalid input", which no page shows.
 */

import * as mini from 'zod/mini';
import * as core from 'zod/v4/core';

type Schema = mini.ZodMiniType;
type Message = string | { message?: string; path?: PropertyKey[] };

const isNumber = ({ type }: Schema) => type === 'number';

const methods = {
  optional(this: Schema) {
    return withMethods(mini.optional(this));
  },
  nullable(this: Schema) {
    return withMethods(mini.nullable(this));
  },
  nullish(this: Schema) {
    return withMethods(mini.nullish(this));
  },
  default(this: Schema, value: unknown) {
    return withMethods(mini._default(this, value));
  },
  catch(this: Schema, value: unknown) {
    // Not `mini.catch`, which would bring all of zod's utilities.
    return withMethods(new mini.ZodMiniCatch({ type: 'catch', innerType: this, catchValue: () => value }));
  },
  transform(this: Schema, change: (value: unknown) => unknown) {
    return withMethods(mini.pipe(this, mini.transform(change)));
  },
  pipe(this: Schema, next: Schema) {
    return withMethods(mini.pipe(this, next));
  },
  refine(this: Schema, check: (value: unknown) => unknown, message?: Message) {
    return this.check(mini.refine(check, message));
  },
  overwrite(this: Schema, change: (value: unknown) => unknown) {
    return this.check(mini.overwrite(change));
  },
  /** Is for the API's document. */
  meta(this: Schema) {
    return this;
  },
  /** Of a number, or of the length of a string or an array. */
  min(this: Schema, least: number, message?: Message) {
    return this.check(isNumber(this) ? mini.gte(least, message) : mini.minLength(least, message));
  },
  max(this: Schema, most: number, message?: Message) {
    return this.check(isNumber(this) ? mini.lte(most, message) : mini.maxLength(most, message));
  },
  int(this: mini.ZodMiniNumber) {
    return this.check(mini.int());
  },
  positive(this: mini.ZodMiniNumber) {
    return this.check(mini.positive());
  },
  nonnegative(this: mini.ZodMiniNumber) {
    return this.check(mini.nonnegative());
  },
  trim(this: mini.ZodMiniString) {
    return this.check(mini.trim());
  },
  toLowerCase(this: mini.ZodMiniString) {
    return this.check(mini.toLowerCase());
  },
  regex(this: mini.ZodMiniString, pattern: RegExp, message?: Message) {
    return this.check(mini.regex(pattern, message));
  },
  extend(this: mini.ZodMiniObject, shape: core.$ZodLooseShape) {
    return withMethods(mini.extend(this, shape));
  },
  partial(this: mini.ZodMiniObject) {
    return withMethods(mini.partial(this));
  },
  exclude(this: mini.ZodMiniEnum, names: readonly string[]) {
    const entries = Object.entries(this.def.entries).filter(([name]) => !names.includes(name));
    return withMethods(mini.enum(Object.fromEntries(entries)));
  },
};

const equipped = new WeakSet<object>();

/** Gives the schema, and all of its kind, the methods. */
function withMethods<S extends Schema>(schema: S): S {
  const prototype = Object.getPrototypeOf(schema);
  if (!equipped.has(prototype)) {
    equipped.add(prototype);
    for (const [name, value] of Object.entries(methods)) {
      // Zod binds what it can enumerate to each schema anew.
      Object.defineProperty(prototype, name, { value, enumerable: false });
    }
  }
  return schema;
}

function making<Given extends unknown[], S extends Schema>(make: (...given: Given) => S) {
  return (...given: Given): S => withMethods(make(...given));
}

const enumOf = /* @__PURE__ */ making(mini.enum);
const nullOf = /* @__PURE__ */ making(mini.null);
const undefinedOf = /* @__PURE__ */ making(mini.undefined);

export { enumOf as enum, nullOf as null, undefinedOf as undefined };
export const array = /* @__PURE__ */ making(mini.array);
export const boolean = /* @__PURE__ */ making(mini.boolean);
export const coerce = {
  number: () => withMethods(core._coercedNumber(mini.ZodMiniNumber)),
};
export const discriminatedUnion = /* @__PURE__ */ making(mini.discriminatedUnion);
export const iso = {
  datetime: (params?: core.$ZodISODateTimeParams) =>
    withMethods(core._isoDateTime(mini.ZodMiniISODateTime, params)),
};
export const literal = /* @__PURE__ */ making(mini.literal);
export const looseObject = /* @__PURE__ */ making(mini.looseObject);
export const never = /* @__PURE__ */ making(mini.never);
export const number = /* @__PURE__ */ making(mini.number);
export const object = /* @__PURE__ */ making(mini.object);
export const record = /* @__PURE__ */ making(mini.record);
export const string = /* @__PURE__ */ making(mini.string);
export const tuple = /* @__PURE__ */ making(mini.tuple);
export const union = /* @__PURE__ */ making(mini.union);
export const unknown = /* @__PURE__ */ making(mini.unknown);
export const url = /* @__PURE__ */ making(mini.url);
export const uuid = /* @__PURE__ */ making(mini.uuid);
