/** Values as JSON, for callers that don't ask for raw text: the types that Neon's proxy gives them. */

const BOOL = 16;
const INT2 = 21;
const INT4 = 23;
const JSON_OID = 114;
const FLOAT4 = 700;
const FLOAT8 = 701;
const JSONB = 3802;
const TEXT = 25;

/**
 * Element type by array type, for arrays whose elements aren't given as text.
 * @see https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat
 */
const typedArrays: ReadonlyMap<number, number> = new Map([
  [1000, BOOL],
  [1005, INT2],
  [1007, INT4],
  [1021, FLOAT4],
  [1022, FLOAT8],
  [199, JSON_OID],
  [3807, JSONB],
]);

/**
 * Built-in array types whose elements are given as text. A user-defined type's array stays Postgres' literal.
 */
const textArrays: ReadonlySet<number> = new Set([
  143, 629, 651, 719, 775, 791, 1001, 1002, 1003, 1006, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016,
  1017, 1018, 1019, 1027, 1028, 1034, 1040, 1041, 1115, 1182, 1183, 1185, 1187, 1231, 1263, 1270, 1561, 1563,
  2201, 2207, 2208, 2209, 2210, 2211, 2949, 2951, 3221, 3643, 3645, 3735, 3770, 3905, 3907, 3909, 3911, 3913,
  3927, 4073, 4090, 4097,
]);

/**
 * The JSON text of one value.
 * @param text the value in Postgres' text format.
 * @param dataTypeID its type's OID.
 */
export function toJsonText(text: string, dataTypeID: number): string {
  const typedElement = typedArrays.get(dataTypeID);
  if (typedElement !== undefined) return arrayToJsonText(text, typedElement);
  if (textArrays.has(dataTypeID)) return arrayToJsonText(text, TEXT);
  switch (dataTypeID) {
    case BOOL:
      return text === 't' ? 'true' : 'false';
    case INT2:
    case INT4:
      return text;
    case FLOAT4:
    case FLOAT8:
      // JSON has no NaN and no infinities; they stay strings rather than become null.
      return Number.isFinite(Number(text)) ? JSON.stringify(Number(text)) : JSON.stringify(text);
    case JSON_OID:
    case JSONB:
      // Passed through unparsed, so that numbers keep their digits.
      return text;
    default:
      return JSON.stringify(text);
  }
}

/**
 * An array literal as JSON. Bounds (`[0:1]={…}`) have no place in JSON and are left out.
 * @see https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
function arrayToJsonText(literal: string, elementTypeID: number): string {
  const tokens = literal.slice(literal.indexOf('{')).matchAll(/[{},]|"((?:[^"\\]|\\.)*)"|[^{},"]+/gs);
  let json = '';
  for (const [token, quoted] of tokens) {
    if (token === '{') json += '[';
    else if (token === '}') json += ']';
    else if (token === ',') json += ',';
    else if (quoted !== undefined) json += toJsonText(quoted.replace(/\\(.)/gs, '$1'), elementTypeID);
    else json += token === 'NULL' ? 'null' : toJsonText(token, elementTypeID);
  }
  return json;
}
