// Hash routes: they work at any prefix, behind any proxy and in a saved copy, with no server rule.
import { useLayoutEffect, useState } from "./dom.js";

const ROUTES = [
  [/^$/, "searches", []],
  [/^new$/, "new", []],
  [/^finetune$/, "finetune", []],
  [/^zoo$/, "zoo", []],
  [/^zoo\/([^/]+)$/, "network", ["network"]],
  [/^compare$/, "versus", []],
  [/^workers$/, "workers", []],
  [/^settings$/, "settings", []],
  [/^s\/([^/]+)$/, "overview", ["search"]],
  [/^s\/([^/]+)\/trials$/, "trials", ["search"]],
  [/^s\/([^/]+)\/trials\/(\d+)$/, "trial", ["search", "trial"]],
  [/^s\/([^/]+)\/policy$/, "policy", ["search"]],
  [/^s\/([^/]+)\/lineage$/, "lineage", ["search"]],
  [/^s\/([^/]+)\/ops$/, "operations", ["search"]],
  [/^s\/([^/]+)\/compare$/, "compare", ["search"]],
  [/^s\/([^/]+)\/failures$/, "failures", ["search"]],
  [/^s\/([^/]+)\/models$/, "models", ["search"]],
  [/^s\/([^/]+)\/logs$/, "logs", ["search"]],
  [/^s\/([^/]+)\/config$/, "config", ["search"]],
];

/** Split a hash into {name, params, query}; an unknown one is named "lost". */
export function parse(hash) {
  const [path, search = ""] = hash.replace(/^#?\/?/, "").split("?");
  const query = new URLSearchParams(search);
  for (const [pattern, name, keys] of ROUTES) {
    const match = pattern.exec(path);
    if (!match) continue;
    const params = Object.fromEntries(keys.map((key, i) => [key, decode(match[i + 1])]));
    return { name, params, query, hash };
  }
  return { name: "lost", params: {}, query, hash };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a view of one search: link("abc", "trials", 3). */
export function link(search, ...rest) {
  return ["#/s", encodeURIComponent(search), ...rest].join("/");
}

/** Go to a hash. */
export function go(hash) {
  location.hash = hash;
}

/** Change the query of the present route without a step in the history; its state says that this page has written it. */
export function setQuery(changes) {
  const [path, search = ""] = location.hash.split("?");
  const query = new URLSearchParams(search);
  for (const [key, value] of Object.entries(changes)) {
    if (value) query.set(key, value);
    else query.delete(key);
  }
  const text = query.toString().replaceAll("%2C", ",");
  history.replaceState(1, "", `${path || "#/"}${text ? `?${text}` : ""}`);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The present route; the view is drawn again when it changes. */
export function useRoute() {
  const [route, set] = useState(() => parse(location.hash));
  useLayoutEffect(() => {
    const changed = () => set(parse(location.hash));
    changed(); // it may have changed since the drawing began
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
