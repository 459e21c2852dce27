// The list of all searches; for a new house, how to start the first one.
import { html, useClock, useEffect, useRef, useState } from "../dom.js";
import { freshKey, get, getPages, may, post, send } from "../api.js";
import { ChosenActs, chosenOf, useKept } from "../chosen.js";
import { Spark } from "../charts/spark.js";
import { ago, count, ended, goal, metricName, moment, partName, reward } from "../format.js";
import { Icon } from "../icons.js";
import { Act, Copy, Loaded, Notice, State, Typed, transition } from "../parts.js";
import { useHistory } from "../history.js";
import { useLoad } from "../resource.js";
import { go, link, setQuery } from "../router.js";
import { useTitle } from "../store.js";

const PAGE = 50;
const SPARKS = 12; // rows that get a spark line at once: each is a request of its own
const UNDO_MS = 10_000;
const OVER = ["finished", "stopped", "failed"];
const STATES = ["pending", "running", "paused", "finishing", "finished", "stopped", "failed"];

/** The rewards of one search in order, loaded when the row comes into sight. */
function RowSpark({ search }) {
  const seen = useRef(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const watch = new IntersectionObserver(([entry]) => entry.isIntersecting && setNear(true));
    watch.observe(seen.current);
    return () => watch.disconnect();
  }, []);
  const history = useHistory(near && search.counts.done > 1 ? search.id : null, (event) => event.search === search.id && event.kind === "trial.done");
  return html`<span ref=${seen} class="spark-box">
    ${history.data
      ? html`<${Spark} values=${history.data.reward} label=${`Rewards of ${count(search.counts.done)} trials, best ${reward(search, search.best?.reward)}`} />`
      : html`<span class="quiet">–</span>`}
  </span>`;
}

function Row({ search, now, spark, onDelete, chosen, choose }) {
  const done = ended(search.counts);
  const limit = search.limits.trials;
  return html`<tr data-row>
    <td><input type="checkbox" checked=${chosen} aria-label=${`Compare ${search.name}`} onChange=${choose} /></td>
    <th scope="row"><a href=${link(search.id)}>${search.name}</a>
      <span class="quiet under">${partName(search.spec.space)} · ${partName(search.spec.controller)}</span></th>
    <td><${State} state=${search.state} note=${transition(search)} /></td>
    <td class="number">${search.best ? html`<b>${reward(search, search.best.reward)}</b>` : "–"}
      <span class="quiet under">${metricName(goal(search))}</span></td>
    <td class="number">${count(done)} / ${count(limit)}
      <progress max=${limit} value=${done} aria-label=${`${done} of ${limit} trials`}></progress></td>
    <td>${spark ? html`<${RowSpark} search=${search} />` : html`<span class="quiet">–</span>`}</td>
    <td><time datetime=${search.created_at} title=${moment(search.created_at)}>${ago(search.created_at, now)}</time></td>
    <td>${OVER.includes(search.state) && may("write") ? html`<button type="button" class="link" aria-label=${`Delete ${search.name}`} onClick=${() => onDelete(search)}>Delete</button>` : null}</td>
  </tr>`;
}

/** Throw searches away, the last one to be taken back for 10 seconds: [throw away, the notice]. */
function useTrash(reload) {
  const [gone, set] = useState(null);
  const undo = useRef(null);
  const timer = useRef(0);
  const act = async (search, method, path, next) => {
    clearTimeout(timer.current);
    try {
      await send(`searches/${search.id}${path}`, { method });
      set(next);
      if (next) timer.current = setTimeout(() => set(null), UNDO_MS);
    } catch (error) {
      set({ ...search, error: error.message });
    }
    reload();
  };
  useEffect(() => undo.current?.focus(), [gone]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const notice = gone && html`<${Notice} kind=${gone.error ? "bad" : "info"}>${gone.error ?? html`${gone.name} is deleted; for a week <code>nas restore ${gone.id}</code> takes it back.
    <button ref=${undo} type="button" class="link" onClick=${() => act(gone, "POST", "/restore", null)}>Undo</button>`}</${Notice}>`;
  return [(search) => act(search, "DELETE", "", search), notice];
}

/** Start the demonstration with the defaults of the service. */
function DemoButton() {
  const [state, set] = useState({ busy: false, error: "" });
  const key = useRef(freshKey());
  const start = async () => {
    set({ busy: true, error: "" });
    try {
      const catalog = await get("catalog");
      const spec = catalog.demo ?? { ...catalog.defaults, name: "demo" };
      const search = await post("searches", spec, { "Idempotency-Key": key.current });
      go(link(search.id));
    } catch (error) {
      set({ busy: false, error: error.message });
    }
  };
  return html`<button type="button" class="button primary" disabled=${state.busy} onClick=${start}>
      Start a 5-minute demo search</button>
    ${state.error ? html`<${Notice} kind="bad">${state.error}</${Notice}>` : null}`;
}

function Empty() {
  const command = "nas search --data digits --trials 24 --workers 2 --name demo";
  return html`<section class="card empty">
    <h2>No search yet</h2>
    <p>A search tries network cells on your data, learns from each, and hands you the best one as a PyTorch file.</p>
    <${Act} say><div class="buttons"><${DemoButton} /><a class="button" href="#/new">Set up a search</a></div></${Act}>
    <p class="quiet">The same on the command line:</p>
    <div class="code-line"><code>${command}</code><${Copy} text=${() => command} kind="small" /></div>
  </section>`;
}

function Filter({ state, name }) {
  return html`<label class="inline">Name <${Typed} data-filter size="14" maxlength="80" title="case counts; * and ? stand for any" value=${name} onDone=${(text) => setQuery({ name: text })} /></label>
    <label class="inline">State
    <select value=${state} onChange=${(event) => setQuery({ state: event.target.value })}>
      <option value="">all</option>
      ${STATES.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
    </select></label>`;
}

/** The page. */
export function Searches({ route }) {
  const state = route.query.get("state") ?? "";
  const name = route.query.get("name") ?? "";
  const like = (!name || /[*?]/.test(name) ? name : `*${name}*`).replaceAll("[", "[[]");
  const [wanted, want] = useState(PAGE);
  const list = useLoad(`${state} ${wanted} ${name}`, (signal) => getPages("searches", { state, name: like }, wanted, signal, 100), (event) =>
    event.search && event.kind !== "trial.progress" && event.kind !== "trial.started");
  const kept = useRef(null);
  if (list.data) kept.current = list.data;
  const now = useClock(10);
  const [remove, notice] = useTrash(list.reload);
  useTitle("Searches");
  useKept("", route);
  const { chosen, choose } = chosenOf("", route);
  const empty = list.data && !list.data.items.length && !state && !name;
  return html`<div class="page-head"><h1>Searches</h1>
      <div class="buttons">
        ${chosen.length ? html`<${ChosenActs} id="" route=${route} />` : null}
        ${empty ? null : html`<${Filter} state=${state} name=${name} />`}
        <${Act}><a class="button primary" href="#/new"><${Icon} name="plus" />New search</a></${Act}>
      </div></div>
    ${notice}
    <${Loaded} from=${list.data ? list : { ...list, data: list.error ? null : kept.current }} what="the searches" lines=${6}>${(data) =>
      empty ? html`<${Empty} />` : !data.items.length
        ? html`<${Notice}>No search ${state && `is ${state}`}${state && name && " and "}${name && `has ${name} in its name (case counts)`}. <a href="#/">Show all</a></${Notice}>`
        : html`<div class="scroll card tight" tabindex="0" role="region" aria-label="Searches, table"><table class="wide">
            <thead><tr><th scope="col"><span class="offscreen">Compare</span></th><th scope="col">Name</th><th scope="col">State</th><th scope="col" class="number">Best</th>
              <th scope="col" class="number">Trials</th><th scope="col">Rewards</th><th scope="col">Created</th><th><span class="offscreen">Delete</span></th></tr></thead>
            <tbody>${data.items.map((search, i) => html`<${Row} key=${search.id} search=${search} now=${now} spark=${i < SPARKS} onDelete=${remove} chosen=${chosen.includes(search.id)} choose=${() => choose(search.id)} />`)}</tbody>
          </table></div>
          ${data.after ? html`<button type="button" class="button more" onClick=${() => want(wanted + PAGE)}>Show more</button>` : null}`
    }</${Loaded}>`;
}
