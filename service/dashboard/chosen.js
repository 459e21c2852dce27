// Which trials of a search are selected: the same on every page of it, and in its address (?t=3,7).
import { html, useLayoutEffect } from "./dom.js";
import { link, setQuery } from "./router.js";

export const MOST = 6; // trials side by side
const kept = new Map(); // by search, as the address has it

function keepChosen(id, parts) {
  kept.set(id, parts.join());
  setQuery({ t: parts.join() });
}

/** The parts of a list with commas. */
export const split = (text) => (text ?? "").split(",").filter(Boolean);

/** Keep what the address says; an address that does not say gets what is kept. */
export function useKept(id, route) {
  const said = route.query.get("t");
  useLayoutEffect(() => {
    if (said !== null) kept.set(id, said);
    else if (kept.get(id)) setQuery({ t: kept.get(id) });
  }, [id, route]);
}

/** The numbers that are selected, and what selects a trial or gives it up: {chosen, choose(number)}. */
export function chosenOf(id, route) {
  const choose = (number) => {
    const parts = split(kept.get(id)); // not what was drawn: keys may be faster
    const others = parts.filter((part) => part !== String(number));
    keepChosen(id, others.length < parts.length ? others : [...parts, number]);
  };
  return { chosen: split(route.query.get("t")).filter((part) => /^\d+$/.test(part)).map(Number), choose };
}

/** What can be done with those that are selected. */
export function ChosenActs({ search, route }) {
  const parts = split(route.query.get("t"));
  const ready = parts.length > 1 && parts.length <= MOST;
  return html`<a class="button small" role="link" data-compare href=${ready ? link(search.id, `compare?t=${parts}`) : undefined} aria-disabled=${ready ? undefined : "true"}
      title=${`2 to ${MOST} trials`}>Compare selected${parts.length ? ` (${parts.length})` : ""}</a>
    ${parts.length ? html`<button type="button" class="link" onClick=${() => keepChosen(search.id, [])}>Clear</button>` : null}`;
}

/** The line below the head of a search's pages, while trials are selected. */
export function ChosenLine({ search, route }) {
  const { chosen } = chosenOf(search.id, route);
  if (!chosen.length || ["trials", "compare"].includes(route.name)) return null;
  return html`<p class="buttons" role="status"><span>Selected: ${chosen.map((number) => html`<a key=${number} href=${link(search.id, "trials", number)}>#${number}</a> `)}</span>
    <${ChosenActs} search=${search} route=${route} /></p>`;
}
