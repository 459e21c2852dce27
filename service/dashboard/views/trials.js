// All trials of a search: sorted and filtered by the server, a page at a time, kept up to date.
import { html, useRef, useState } from "../dom.js";
import { getPages } from "../api.js";
import { ChosenActs, chosenOf } from "../chosen.js";
import { count, several } from "../format.js";
import { Loaded, Notice, Typed } from "../parts.js";
import { useLoad } from "../resource.js";
import { link, setQuery } from "../router.js";
import { TrialTable } from "./table.js";

const PAGE = 100;
const STATES = ["pending", "running", "done", "failed", "stopped"];
const SORTS = [["-number", "newest first"], ["number", "oldest first"], ["-reward", "best first"]];

/** The first `wanted` trials, in pages of the size that the server allows: those that are `known`, if there are more, and the next.
 * `told` is how many changes had been told when it began. */
async function load(id, wanted, sort, state, filter, known, signal, told) {
  const on = known?.after && known.items.length < wanted;
  const { items, after } = await getPages(`searches/${id}/trials`, { sort, state, filter }, wanted, signal, 500, on ? known : {});
  return { items: [...new Map(items.map((one) => [one.number, one])).values()], after, told };
}

function Filters({ search, route, sort, state, filter, refused }) {
  return html`<div class="buttons">
    <${ChosenActs} id=${search.id} route=${route} />
    <label class="inline">Filter <${Typed} data-filter size="26" value=${filter} onDone=${(text) => setQuery({ q: text })}
        placeholder="accuracy>0.9 and params<4e6" aria-invalid=${refused ? "true" : undefined} aria-describedby="filter-error" /></label>
    <label class="inline">State <select value=${state} onChange=${(event) => setQuery({ state: event.target.value })}>
      <option value="">all</option>
      ${STATES.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
    </select></label>
    <label class="inline">Order <select value=${sort} onChange=${(event) => setQuery({ sort: event.target.value })}>
      ${[...SORTS, ...(SORTS.some(([name]) => name === sort) ? [] : [[sort, "by column"]])].map(([name, word]) => html`<option key=${name} value=${name}>${word}</option>`)}
    </select></label>
    <p id="filter-error" class="field-error" role="alert">${refused}</p>
  </div>`;
}

/** The page. */
export function Trials({ route, search }) {
  const asked = route.query.get("sort");
  const sort = /^-?[a-z_]\w*$/i.test(asked ?? "") ? asked : "-number";
  const filter = route.query.get("state");
  const state = STATES.includes(filter) ? filter : "";
  const wish = route.query.get("q") ?? "";
  const [{ of, wanted }, want] = useState({ of: "", wanted: PAGE });
  const kind = `${search.id} ${sort} ${state} ${wish}`;
  const most = of === kind ? wanted : PAGE; // another order or filter begins at its top
  const { chosen, choose } = chosenOf(search.id, route);
  const kept = useRef(null);
  const known = kept.current?.kind === kind ? kept.current.data : null;
  const told = useRef(0);
  const list = useLoad(`${kind} ${most}`, (signal) => load(search.id, most, sort, state, wish, known?.told === told.current && known, signal, told.current),
    (event) => {
      const due = event.kind === "resync" || (event.search === search.id && event.kind.startsWith("trial.") && event.kind !== "trial.progress");
      told.current += due;
      return due;
    });
  const refused = list.error?.problem?.field === "filter" ? list.error.message : "";
  if (list.data) kept.current = { kind, data: list.data };
  const shown = list.data || (list.error && !refused) ? list : { ...list, error: null, data: kept.current?.data ?? null };
  const total = state ? search.counts[state] : search.counts.total;
  const rows = (data) => (wish || kept.current?.kind !== kind ? data.items.length : Math.max(total, data.items.length));
  return html`<div class="page-head"><h1>Trials</h1><${Filters} search=${search} route=${route} sort=${sort} state=${state} filter=${wish} refused=${refused} /></div>
    <${Loaded} from=${shown} what="the trials" lines=${8}>${(data) => data.items.length
      ? html`<section class="card" aria-label="Trials">
          <${TrialTable} key=${kind} search=${search} trials=${data.items} name="All trials" states chosen=${chosen} onChoose=${choose} sort=${sort} onSort=${(to) => setQuery({ sort: to })}
            total=${rows(data)} onMore=${data.after && kept.current?.kind === kind ? () => want({ of: kind, wanted: data.items.length + PAGE }) : undefined} />
          <p class="quiet" role="status">${data.after ? `The first ${count(data.items.length)}` : count(data.items.length)} ${wish ? "that pass the filter" : `of ${several(total, "trial")}`}</p>
        </section>`
      : html`<${Notice}>${state || wish
          ? html`No trial ${state ? `is ${state}` : ""}${state && wish ? " and " : ""}${wish ? html`passes <code>${wish}</code>` : ""}. <a href=${link(search.id, "trials")}>Show all</a>`
          : "No trial yet. The first appears when a worker takes it up."}</${Notice}>`
    }</${Loaded}>`;
}
