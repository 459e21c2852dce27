// Reads JSON schemas as form fields, and what was typed as JSON. Pure: no page here.

/** @typedef {{path: string, key: string, label: string, help: string, kind: string, optional: boolean,
 *   choices: any[], value: any, range: string, fields?: Field[]}} Field */

function resolve(schema, root) {
  let found = schema;
  for (let depth = 0; found.$ref && depth < 10; depth += 1) {
    const target = found.$ref.replace(/^#\//, "").split("/").reduce((at, key) => at?.[key], root);
    found = { ...target, ...Object.fromEntries(Object.entries(found).filter(([key]) => key !== "$ref")) };
  }
  if (found.allOf?.length === 1) found = { ...resolve(found.allOf[0], root), ...found, allOf: undefined };
  return found;
}

/** The schema without its `null` branch, and whether it had one. */
function unwrap(schema, root) {
  const options = schema.anyOf ?? schema.oneOf;
  if (!options) return { inner: schema, optional: false };
  const real = options.map((option) => resolve(option, root)).filter((option) => option.type !== "null");
  const optional = real.length < options.length;
  if (real.length !== 1) {
    // A number or a word, such as train_images: 500, auto or all.
    const scalar = real.every((option) => option.enum || ["integer", "number", "string"].includes(option.type));
    return { inner: { ...schema, anyOf: undefined, type: scalar ? "scalar" : "json" }, optional };
  }
  return { inner: { ...schema, ...real[0], description: schema.description ?? real[0].description, default: schema.default, anyOf: undefined }, optional };
}

/** The allowed range in words. */
function range(schema) {
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  const top = high !== undefined && high > 1e15 ? undefined : high;
  if (low !== undefined && top !== undefined) {
    const open = [schema.exclusiveMinimum !== undefined && "above", schema.exclusiveMaximum !== undefined && "below"];
    return `${open[0] ? "above " : ""}${low} to ${open[1] ? "below " : ""}${top}`;
  }
  if (low !== undefined) return schema.exclusiveMinimum === undefined ? `${low} or more` : `more than ${low}`;
  return top === undefined ? "" : `at most ${top}`;
}

function kindOf(schema) {
  if (schema.enum || schema.const !== undefined) return "choice";
  if (schema.properties) return "group";
  if (["integer", "number", "boolean", "string", "scalar"].includes(schema.type)) return schema.type;
  return "json";
}

/** The fields of an object schema. `initial` holds the values that they start with. */
export function fieldsOf(schema, path, initial, root = schema) {
  const object = resolve(schema, root);
  return Object.entries(object.properties ?? {}).map(([key, raw]) => {
    const { inner, optional } = unwrap(resolve(raw, root), root);
    const value = initial?.[key] !== undefined ? initial[key] : (inner.default ?? null);
    const here = path ? `${path}.${key}` : key;
    const kind = kindOf(inner);
    const field = {
      path: here, key, label: key.replaceAll("_", " "), help: inner.description ?? "", kind, optional,
      choices: inner.enum ?? (inner.const === undefined ? [] : [inner.const]), value, range: range(inner),
    };
    if (kind === "group") field.fields = fieldsOf(inner, here, value ?? {}, root);
    return field;
  });
}

/** All fields below groups too. */
export function flat(fields) {
  return fields.flatMap((field) => (field.fields ? flat(field.fields) : [field]));
}

/** The text that shows a field's value. */
export function textOf(field, value = field.value) {
  if (value === null || value === undefined) return "";
  return field.kind === "json" ? JSON.stringify(value) : String(value);
}

function number(field, text) {
  const found = Number(text);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !Number.isFinite(found)) {
    throw new Error(`${text} is not a number`);
  }
  if (field.kind === "integer" && !Number.isInteger(found)) throw new Error(`${text} is not a whole number`);
  if (field.kind === "integer" && !Number.isSafeInteger(found)) {
    throw new Error(`browsers keep whole numbers up to ${Number.MAX_SAFE_INTEGER}; use the command line for larger ones`);
  }
  return found;
}

/** What was typed as JSON; throws an Error in words. Ranges are the service's to check. */
export function readValue(field, typed) {
  if (field.kind === "boolean") return Boolean(typed);
  const text = String(typed).trim();
  if (text === "" && field.optional) return null;
  if (field.kind === "choice") return field.choices.find((choice) => String(choice) === text) ?? text;
  if (field.kind === "string" || (field.kind === "scalar" && !/^[+-]?[\d.]/.test(text))) return text;
  if (text === "") throw new Error("needs a value");
  if (field.kind === "json") {
    try {
      return JSON.parse(text);
    } catch {
      throw new Error("is not JSON");
    }
  }
  return number(field, text);
}

/** Put `value` at a dotted path of `target`. */
export function put(target, path, value) {
  const keys = path.split(".");
  const last = keys.pop();
  let at = target;
  for (const key of keys) at = at[key] ??= {};
  at[last] = value;
}

/** The field that a path of the service's error means: the same, or the longest common ending. */
export function match(paths, wanted) {
  if (!wanted) return null;
  const clean = wanted.replace(/^body\./, "");
  if (paths.includes(clean)) return clean;
  const inside = paths.filter((path) => path.endsWith(`.${clean}`) || clean.startsWith(`${path}.`) || path.startsWith(`${clean}.`));
  return inside[0] ?? null;
}
