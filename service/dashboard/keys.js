// Keys: single letters that do what a button does. Off while typing; can be switched off for good.
import { drawNow, html, useEffect, useLayoutEffect, useRef } from "./dom.js";
import { link } from "./router.js";
import { recall, setTheme } from "./store.js";

const GO = { s: () => "#/", n: () => "#/new", w: () => "#/workers", z: () => "#/zoo", o: link, t: (id) => link(id, "trials"), p: (id) => link(id, "policy"), l: (id) => link(id, "lineage"), r: (id) => link(id, "ops"), f: (id) => link(id, "failures"), m: (id) => link(id, "models"), c: (id) => link(id, "config") };
const LIST = [
  ["g then s", "searches"],
  ["g then n", "new search"],
  ["g then z", "zoo"],
  ["g then o, t, p, l, r, f, m, c", "overview, trials, policy, lineage, operations, failures, models, config of this search"],
  ["g then w", "workers"],
  ["j, k", "next, previous row of the table"],
  ["Enter", "open what has the focus"],
  ["← →", "step through the points of a chart, along the Pareto front"],
  ["x", "select the trial of this page, row or point"],
  ["c", "compare those selected"],
  ["e", "to the export"],
  ["/", "to the filter"],
  ["t", "light or dark"],
  ["?", "this list"],
  ["Esc", "close"],
];

function typing(target) {
  return target.closest?.("input:not([type=checkbox]), textarea, select, dialog, [contenteditable]") !== null;
}

function step(by) {
  const rows = [...document.querySelectorAll("main [data-row]")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by));
  rows[next]?.querySelector("a").focus();
}

/** What selects a trial: in the row that has the focus, or of the whole page. */
function chooser() {
  const row = document.activeElement.closest("[data-row]");
  return row ? row.querySelector("input") : document.querySelector("main [data-choose]");
}

function flipTheme() {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark" ||
    (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  setTheme(dark ? "light" : "dark");
}

/** Listen to the keys of the page. */
export function useKeys(route, help) {
  const now = useRef();
  now.current = { route, help };
  useLayoutEffect(() => {
    let waiting = 0; // until when a letter after g counts
    const pressed = (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (recall("keys") === "off") return;
      if (now.current.route.hash !== location.hash) dispatchEvent(new HashChangeEvent("hashchange"));
      drawNow(); // keys may be faster than frames
      const { route: here, help: show } = now.current;
      if (Date.now() < waiting) {
        waiting = 0;
        const to = GO[event.key]?.(here.params.search);
        if (to && (here.params.search || "snzw".includes(event.key))) location.hash = to;
        return;
      }
      if (event.key === "g") waiting = Date.now() + 1500;
      else if (event.key === "t") flipTheme();
      else if (event.key === "?") show();
      else if (event.key === "j") step(1);
      else if (event.key === "k") step(-1);
      else if (event.key === "x") chooser()?.click();
      else if (event.key === "c") document.querySelector("main [data-compare]")?.click();
      else if (event.key === "e") [...document.querySelectorAll("main [data-export]")].at(-1)?.focus();
      else if (event.key === "/") {
        document.querySelector("main [data-filter]")?.focus();
        event.preventDefault();
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

/** The list of keys. */
export function Help({ onClose }) {
  const box = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    return () => before?.focus?.();
  }, []);
  return html`<dialog ref=${box} onClose=${onClose} aria-labelledby="keys-title">
    <h2 id="keys-title">Keys</h2>
    <dl class="keys">
      ${LIST.map(([key, word]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${word}</dd></div>`)}
    </dl>
    <p class="quiet">They can be switched off in the <a href="#/settings" onClick=${onClose}>settings</a>.</p>
    <div class="buttons"><button type="button" class="button" autofocus onClick=${onClose}>Close</button></div>
  </dialog>`;
}
