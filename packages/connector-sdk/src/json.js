// @ts-check
/**
 * JSON of values that connectors have at hand: a `bigint` becomes its digits, an error its name and message.
 *
 * @param {unknown} value
 * @returns {string} without line breaks
 * @throws {TypeError} for what has no JSON, such as a function or a circle
 */
export function toJson(value) {
  let json;
  try {
    json = JSON.stringify(value);
  } catch {
    // Nearly no row holds a bigint, and a replacer makes all rows three times slower.
    json = JSON.stringify(value, replaceBigInt);
  }
  if (json === undefined) throw new TypeError(`A ${typeof value} can not be written as JSON.`);
  return json;
}

/**
 * The same with errors readable, for contexts of messages.
 *
 * @param {unknown} value
 */
export const contextToJson = (value) =>
  JSON.stringify(value, (key, part) =>
    part instanceof Error ? { name: part.name, message: part.message } : replaceBigInt(key, part),
  );

/**
 * @param {string} _key
 * @param {unknown} value
 */
const replaceBigInt = (_key, value) => (typeof value === 'bigint' ? value.toString() : value);
