// The same search as a command line, with flags where there is one and --set path=value for the rest, and as Python.
import { saved } from "../api.js";

const FLAGS = {
  name: "--name", "space.name": "--space", "controller.name": "--controller", "evaluator.name": "--evaluator", "data.source": "--data",
  "data.train_images": "--train-images", "data.image_size": "--image-size",
  "limits.trials": "--trials", "limits.hours": "--hours",
  "execution.executor": "--executor", "execution.workers": "--workers",
  "execution.gpus_per_trial": "--gpus-per-trial", "execution.cpus_per_trial": "--cpus-per-trial",
  "execution.ray_address": "--ray-address", "execution.trial_timeout_seconds": "--trial-timeout",
  "evaluator.options.recipe.epochs": "--epochs", "evaluator.options.scale.cells": "--cells",
  "evaluator.options.scale.filters": "--filters",
  "final.epochs": "--final-epochs", seed: "--seed",
};

/** A word that every POSIX shell takes as it is. */
export function quote(word) {
  const text = String(word);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function flatten(data, path, out) {
  for (const [key, value] of Object.entries(data ?? {})) {
    const here = path ? `${path}.${key}` : key;
    if (["space", "controller", "evaluator"].includes(here) && typeof value === "string") out.set(`${here}.name`, value);
    else if (value !== null && typeof value === "object" && !Array.isArray(value)) flatten(value, here, out);
    else out.set(here, value);
  }
  return out;
}

function word(path, value) {
  if (path === "ordered") return value ? "--ordered" : "";
  const text = Array.isArray(value) ? JSON.stringify(value) : value === null ? "null" : String(value);
  const flag = value === null ? undefined : FLAGS[path];
  return flag ? `${flag} ${quote(text)}` : `--set ${quote(`${path}=${text}`)}`;
}

/** `nas search ...` for a spec: only what differs from the defaults of the service. */
export function commandLine(spec, defaults) {
  const usual = flatten(defaults, "", new Map());
  const words = [];
  for (const [path, value] of flatten(spec, "", new Map())) {
    const same = JSON.stringify(usual.get(path)) === JSON.stringify(value);
    const part = path.split(".")[0];
    // Options belong to the part that is named: with another part the defaults say nothing of them.
    if (same && !(path.includes(".options.") && usual.get(`${part}.name`) !== spec[part]?.name)) continue;
    words.push(word(path, value));
  }
  return ["nas search", ...words.filter(Boolean)].join(" ");
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** What of `value` is not as `usual`; a part under another name is whole. */
function differing(value, usual) {
  if (!isObject(value) || !isObject(usual) || value.name !== usual.name) return value;
  const other = Object.entries(value).filter(([key, inner]) => key === "name" || !same(inner, usual[key]));
  return Object.fromEntries(other.map(([key, inner]) => [key, differing(inner, usual[key])]));
}

function literal(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${literal(inner)}`).join(", ")}}`;
}

/** Lines of Python that start the search at the service of this page. */
export function pythonCode(spec, defaults) {
  const given = Object.entries(spec).filter(([key, value]) => !same(value, defaults[key]));
  const lines = given.map(([key, value]) => `    ${key}=${literal(differing(value, defaults[key]))},\n`);
  const address = saved ? "" : JSON.stringify(new URL(".", document.baseURI).href);
  return `from nas.client import Client\n\nsearch = Client(${address}).create(\n${lines.join("")})\nsearch.wait(progress=True)\n`;
}
