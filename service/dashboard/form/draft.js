// What has been typed into the form for a new search, and the description that it amounts to. Pure.
import { fieldsOf, flat, match, put, readValue } from "./schema.js";

/** The parts of a search that are chosen by name, with the key of their list in the catalog. */
export const PARTS = { space: "spaces", controller: "controllers", evaluator: "evaluators" };
export const EPOCHS = "evaluator.options.recipe.epochs";

function entry(catalog, part, name) {
  return catalog[PARTS[part]].find((item) => item.name === name);
}

/** The name that is chosen for a part: typed, else of the description that the form began with. */
export function chosen(form, part) {
  return form.typed[`${part}.name`] ?? form.initial[part].name;
}

/** A form at its beginning: `initial` is a whole description. */
export function begin(initial) {
  return { initial, typed: {}, stash: {}, errors: {} };
}

/** The fields of the options of a part as chosen now. */
function optionFields(catalog, form, part) {
  const name = chosen(form, part);
  const found = entry(catalog, part, name);
  const values = form.initial[part].name === name ? form.initial[part].options : {};
  const schema = found?.options ?? found?.schema;
  return schema ? fieldsOf(schema, `${part}.options`, values) : [];
}

/** All fields: those of the description itself, and of each part's options. */
export function fields(catalog, form) {
  const skip = new Set(Object.keys(PARTS));
  const initial = { ...form.initial, data: form.initial.data ?? catalog.defaults.data };
  const own = fieldsOf(catalog.spec_schema, "", initial).filter((field) => !skip.has(field.key));
  const parts = Object.fromEntries(Object.keys(PARTS).map((part) => [part, optionFields(catalog, form, part)]));
  return { own, parts };
}

/** Whether the chosen evaluator looks at images. */
export function needsData(catalog, form) {
  return entry(catalog, "evaluator", chosen(form, "evaluator"))?.needs_data !== false;
}

/** The form after typing `value` into the field at `path`. Options of a part that is exchanged for
 * another are kept, and are back when the part is. */
export function type(form, path, value) {
  const typed = { ...form.typed, [path]: value };
  const errors = { ...form.errors, [path]: undefined };
  const stash = { ...form.stash };
  const part = path.replace(/\.name$/, "");
  if (path.endsWith(".name") && PARTS[part]) {
    const mine = Object.entries(form.typed).filter(([key]) => key.startsWith(`${part}.options.`));
    stash[`${part}:${chosen(form, part)}`] = Object.fromEntries(mine);
    for (const [key] of mine) delete typed[key];
    Object.assign(typed, stash[`${part}:${value}`]);
  }
  return { ...form, typed, errors, stash };
}

/** The description that the form amounts to, and the errors of fields that cannot be read. */
export function build(catalog, form) {
  const spec = structuredClone(form.initial);
  const errors = {};
  for (const part of Object.keys(PARTS)) {
    const name = chosen(form, part);
    if (name !== spec[part].name) spec[part] = { name, options: {} };
  }
  const all = fields(catalog, form);
  const wanted = needsData(catalog, form);
  if (!wanted) spec.data = null;
  else spec.data ??= {};
  for (const field of flat([...all.own, ...Object.values(all.parts).flat()])) {
    if (form.typed[field.path] === undefined) continue;
    if (!wanted && field.path.startsWith("data.")) continue;
    try {
      put(spec, field.path, readValue(field, form.typed[field.path]));
    } catch (error) {
      errors[field.path] = error.message;
    }
  }
  return { spec, errors };
}

/** The service's errors by field, and what belongs to no field. */
export function place(catalog, form, problem) {
  const all = fields(catalog, form);
  const paths = flat([...all.own, ...Object.values(all.parts).flat()]).map((field) => field.path);
  paths.push(...Object.keys(PARTS).map((part) => `${part}.name`));
  const errors = {};
  const rest = [];
  const found = problem.errors?.length ? problem.errors : [problem];
  for (const one of found) {
    const path = match(paths, one.field);
    const text = one.message || one.detail || one.title || "is not allowed";
    if (path) errors[path] = text;
    else rest.push(text);
  }
  return { errors, rest };
}
