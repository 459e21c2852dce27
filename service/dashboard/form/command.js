// The same search as a command line: flags where there is one, --set path=value for the rest.

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
