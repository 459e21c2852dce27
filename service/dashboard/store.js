// What lives longer than a view: what the browser remembers (theme, keys; works without storage too),
// and the search that is on the page.
import { useEffect, useState } from "./dom.js";

const fallback = new Map();

/** Read a setting. @param {string} name */
export function recall(name) {
  try {
    return localStorage.getItem(`nas.${name}`);
  } catch {
    return fallback.get(name) ?? null;
  }
}

/** Keep a setting, or forget it with null. */
export function keep(name, value) {
  fallback.set(name, value);
  try {
    if (value === null) localStorage.removeItem(`nas.${name}`);
    else localStorage.setItem(`nas.${name}`, value);
  } catch {
    // Private mode: kept for this page only.
  }
}

export const THEMES = ["system", "light", "dark"];

/** The chosen theme: system, light or dark. */
export function theme() {
  const kept = recall("theme");
  return kept === "light" || kept === "dark" ? kept : "system";
}

/** Use a theme, and tell the charts, which draw with resolved colours. */
export function setTheme(name) {
  keep("theme", name === "system" ? null : name);
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  dispatchEvent(new Event("nas-theme"));
}

const system = matchMedia("(prefers-color-scheme: dark)");
const resolved = new Map(); // custom properties as colours, until the theme changes
addEventListener("nas-theme", () => resolved.clear());
system.addEventListener("change", () => resolved.clear());

/** Call `draw` whenever the colours change; returns the function that ends it. */
export function onTheme(draw) {
  addEventListener("nas-theme", draw);
  system.addEventListener("change", draw);
  return () => {
    removeEventListener("nas-theme", draw);
    system.removeEventListener("change", draw);
  };
}

/** The colour that a CSS custom property has now, as rgb(...): canvases know no variables. */
export function colour(name) {
  if (!resolved.has(name)) {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    resolved.set(name, getComputedStyle(probe).color);
    probe.remove();
  }
  return resolved.get(name);
}

// For the navigation, which is drawn outside of the view.
let shown = null;
const watchers = new Set();

/** Say which search is shown; null for none. */
export function onSearch(search) {
  shown = search;
  for (const watcher of watchers) watcher(search);
}

/** The search that is shown. */
export function useShownSearch() {
  const [search, set] = useState(shown);
  useEffect(() => {
    watchers.add(set);
    return () => watchers.delete(set);
  }, []);
  return search;
}

/** The title of the tab: what is shown, then the house. */
export function useTitle(...parts) {
  const title = [...parts.filter(Boolean), "Nasturtium"].join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);
}
