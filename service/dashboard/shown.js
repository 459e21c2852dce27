// The search that is on the page, for the navigation, which is drawn outside of the view.
import { useEffect, useState } from "./dom.js";

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
