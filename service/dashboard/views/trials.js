// All trials of a search: sorted and filtered by the server, a page at a time, kept up to date.
import { html, useRef, useState } from "../dom.js";
import { get } from "../api.js";
import { count, several } from "../format.js";
import { Loaded, Notice } from "../parts.js";
import { useLoad } from "../resource.js";
import { link, setQuery } from "../router.js";
import { MOST } from "./insights.js";
import { TrialTable } from "./table.js";

const PAGE = 50;
const STATES = ["pending", "running", "done", "failed", "stopped"];
const SORTS = [["-number", "newest first"], ["number", "oldest first"], ["-reward", "best first"]];

/** The first `wanted` trials, in pages of the size that the server allows. */
async function load(id, wanted, sort, state, signal) {
  const items = [];
  let after = "";
  do {
    const query = new URLSearchParams({ limit: String(Math.min(500, wanted - items.length)), sort });
    if (state) query.set("state", state);
    if (after) query.set("after", after);
    const page = await get(`searches/${id}/trials?${query}`, signal);
    items.push(...page.items);
    after = page.next;
  } while (after && items.length < wanted);
  return { items, more: Boolean(after) };
}

function Filters({ search, sort, state, chosen }) {
  const ready = chosen.length > 1 && chosen.length <= MOST;
  return html`<div class="buttons">
    <a class="button small" role="link" href=${ready ? link(search.id, `compare?t=${chosen}`) : undefined} aria-disabled=${ready ? undefined : "true"}
      title=${`2 to ${MOST} trials`}>Compare selected${chosen.length ? ` (${chosen.length})` : ""}</a>
    ${chosen.length ? html`<button type="button" class="link" onClick=${() => setQuery({ t: "" })}>Clear</button>` : null}
    <label class="inline">State <select data-filter value=${state} onChange=${(event) => setQuery({ state: event.target.value })}>
      <option value="">all</option>
      ${STATES.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
    </select></label>
    <label class="inline">Order <select value=${sort} onChange=${(event) => setQuery({ sort: event.target.value })}>
      ${SORTS.map(([name, word]) => html`<option key=${name} value=${name}>${word}</option>`)}
    </select></label>
  </div>`;
}

/** The page. */
export function Trials({ route, search }) {
  const asked = route.query.get("sort");
  const sort = SORTS.some(([name]) => name === asked) ? asked : "-number";
  const filter = route.query.get("state");
  const state = STATES.includes(filter) ? filter : "";
  const [wanted, want] = useState(PAGE);
  const chosen = (route.query.get("t") ?? "").split(",").filter((part) => /^\d+$/.test(part)).map(Number);
  const choose = (number) => setQuery({
    t: (chosen.includes(number) ? chosen.filter((one) => one !== number) : [...chosen, number]).join(),
  });
  const list = useLoad(`${search.id} ${sort} ${state} ${wanted}`,
    (signal) => load(search.id, wanted, sort, state, signal),
    (event) => event.search === search.id && event.kind.startsWith("trial.") && event.kind !== "trial.progress");
  const kept = useRef(null);
  if (list.data) kept.current = list.data;
  const shown = list.data || list.error ? list : { ...list, data: kept.current };
  const total = state ? search.counts[state] : search.counts.total;
  return html`<div class="page-head"><h1>Trials</h1><${Filters} search=${search} sort=${sort} state=${state} chosen=${chosen} /></div>
    <${Loaded} from=${shown} what="the trials" lines=${8}>${(data) => data.items.length
      ? html`<section class="card" aria-label="Trials">
          <${TrialTable} search=${search} trials=${data.items} name="All trials" states chosen=${chosen} onChoose=${choose} sort=${sort} onSort=${(to) => setQuery({ sort: to })} />
          <p class="quiet" role="status">${count(data.items.length)} of ${several(total, "trial")}</p>
          ${data.more ? html`<button type="button" class="button more" onClick=${() => want(wanted + PAGE)}>Load more</button>` : null}
        </section>`
      : html`<${Notice}>${state
          ? html`No trial is ${state}. <a href=${link(search.id, "trials")}>Show all</a>`
          : "No trial yet. The first appears when a worker takes it up."}</${Notice}>`
    }</${Loaded}>`;
}
