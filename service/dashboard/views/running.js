// The trials that run now, and how far they are. Progress comes with the events: no request for it.
import { html, useClock, useEffect } from "../dom.js";
import { saved } from "../api.js";
import { ago, count, isNumber, metric, metricName, several } from "../format.js";
import { subscribe } from "../live.js";
import { Card, Loaded } from "../parts.js";
import { useResource } from "../resource.js";
import { link } from "../router.js";

const SHOWN = 12;

/** The epochs that a trial is to run for, as far as the spec says. */
function epochs(search, trial) {
  const evaluator = search.spec.evaluator;
  return trial.budget ?? evaluator?.options?.recipe?.epochs ?? null;
}

function Row({ search, trial, now }) {
  const total = epochs(search, trial);
  const step = trial.progress?.step;
  const metrics = Object.entries(trial.progress?.metrics ?? {}).filter(([, value]) => isNumber(value));
  const order = ["accuracy", "loss", "images_per_second"];
  const shown = order.filter((name) => metrics.some(([key]) => key === name));
  const names = shown.length ? shown : metrics.slice(0, 3).map(([key]) => key);
  return html`<li data-row>
    <a href=${link(search.id, "trials", trial.number)}>#${trial.number}</a>
    <span class="run-step">${isNumber(step) ? `epoch ${step}${total ? ` of ${total}` : ""}` : "starting"}</span>
    ${total
      ? html`<progress max=${total} value=${step ?? 0} aria-label=${`Trial ${trial.number}: epochs done`}></progress>`
      : html`<span></span>`}
    <span class="run-metrics">${names.map((name) => html`<span key=${name}><span class="quiet">${metricName(name)}</span> ${metric(name, trial.progress.metrics[name])}</span>`)}</span>
    <span class="quiet">${trial.attempt > 1 ? `attempt ${trial.attempt}, ` : ""}started ${ago(trial.started_at, now)}</span>
  </li>`;
}

/** Put the progress of one event into the list. */
function advance(page, event) {
  const progress = { step: event.payload.step, metrics: event.payload.metrics ?? {} };
  const items = page.items.map((trial) => (trial.number === event.trial ? { ...trial, progress } : trial));
  return { ...page, items };
}

/** The card; nothing when the search is over. */
export function Running({ search }) {
  const live = !saved && ["pending", "running", "finishing"].includes(search.state);
  const changed = (event) =>
    event.search === search.id && event.kind.startsWith("trial.") && event.kind !== "trial.progress";
  const list = useResource(live ? `searches/${search.id}/trials?state=running&limit=100` : null, changed);
  const now = useClock(5, live);
  useEffect(() => subscribe((event) => {
    if (event.kind === "trial.progress" && event.search === search.id) list.set((page) => page && advance(page, event));
  }), [search.id]);
  if (!live) return null;
  if (search.state === "finishing") {
    return html`<${Card} title="Running now"><p>The best cell is trained anew on all training data, then measured once on the test set.
      See <a href=${link(search.id, "models")}>models</a>.</p></${Card}>`;
  }
  const title = list.data?.items.length ? `Running now (${count(list.data.items.length)})` : "Running now";
  return html`<${Card} title=${title}>
    <${Loaded} from=${list} what="what runs" lines=${2}>${(data) => data.items.length
      ? html`<ul class="running">${data.items.slice(0, SHOWN).map((trial) =>
          html`<${Row} key=${trial.number} search=${search} trial=${trial} now=${now} />`)}</ul>
        ${data.items.length > SHOWN ? html`<p class="quiet">and ${several(data.items.length - SHOWN, "more trial")}</p>` : null}`
      : html`<p class="quiet">No trial runs at this moment${search.counts.pending ? `; ${several(search.counts.pending, "trial")} wait for a worker` : ""}.</p>`
    }</${Loaded}>
  </${Card}>`;
}
