// Which trials of a search are selected: the same on every page of it, and in its address (?t=3,7). Searches too (?s=).
import { focusMain, html, useLayoutEffect } from "./dom.js";
import { link, setQuery } from "./router.js";

export const MOST = 6; // side by side
const kept = new Map(); // by search, "" for the searches themselves, as the address has it
const keyOf = (id) => (id ? "t" : "s");

function keepChosen(id, parts) {
  kept.set(id, parts.join());
  setQuery({ [keyOf(id)]: parts.join() });
}

const split = (text) => (text ?? "").split(",").filter(Boolean);

/** Keep what the address says; an address that does not say, or says what was kept when it was left, gets what is kept.
 * What is compared stays apart from what is selected. */
export function useKept(id, route) {
  const said = route.query.get(keyOf(id));
  useLayoutEffect(() => {
    const own = kept.get(id);
    const fixed = said !== null && route.name === "compare";
    if (said !== null && (fixed ? !own : own === undefined || !history.state)) kept.set(id, said);
    else if (!fixed && (own ?? "") !== (said ?? "")) setQuery({ [keyOf(id)]: own });
  }, [id, route]);
}

/** The numbers (ids) that are selected, and what selects one or gives it up: {chosen, choose(number)}. */
export function chosenOf(id, route) {
  const choose = (number) => {
    const parts = split(kept.get(id)); // not what was drawn: keys may be faster
    const others = parts.filter((part) => part !== String(number));
    keepChosen(id, others.length < parts.length ? others : [...parts, number]);
  };
  const parts = split(route.query.get(keyOf(id)));
  return { chosen: id ? parts.filter((part) => /^\d+$/.test(part)).map(Number) : parts, choose };
}

/** What can be done with those that are selected. */
export function ChosenActs({ id, route }) {
  const parts = split(route.query.get(keyOf(id)));
  const ready = parts.length > 1 && parts.length <= MOST;
  const clear = () => {
    keepChosen(id, []);
    focusMain(); // the button goes
  };
  return html`<a class="button small" role="link" data-compare href=${ready ? (id ? link(id, `compare?t=${parts}`) : `#/compare?s=${parts}`) : undefined} aria-disabled=${ready ? undefined : "true"}
      title=${`2 to ${MOST} ${id ? "trials" : "searches"}`}>Compare selected${parts.length ? ` (${parts.length})` : ""}</a>
    ${parts.length ? html`<button type="button" class="link" onClick=${clear}>Clear</button>` : null}`;
}

/** The line below the head of a search's pages, while trials are selected. */
export function ChosenLine({ id, route }) {
  const { chosen } = chosenOf(id, route);
  return html`<span class="offscreen" role="status">${chosen.length ? `${chosen.length} selected` : ""}</span>
    ${!chosen.length || ["trials", "compare"].includes(route.name) ? null : html`<p class="buttons"><span>Selected: ${chosen.map((number) => html`<a key=${number} href=${link(id, "trials", number)}>#${number}</a> `)}</span>
    <${ChosenActs} id=${id} route=${route} /></p>`}`;
}
