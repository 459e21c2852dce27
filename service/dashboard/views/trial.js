// One trial: how it went, its cells, its training, where it came from, and the way to a model.
import { html, useState } from "../dom.js";
import { saved } from "../api.js";
import { CellView } from "../cellview.js";
import { chosenOf } from "../chosen.js";
import { TrainingCurve } from "../charts/line.js";
import { duration, isNumber, large, metric, metricName, moment, partName, reward, several } from "../format.js";
import { Card, Copy, Facts, Loaded, Notice, Scroll, State } from "../parts.js";
import { useResource } from "../resource.js";
import { link } from "../router.js";
import { ExportPanel } from "./export.js";
import { blame, kindName } from "./insights.js";
import { TrialLog } from "./logs.js";
import { LayerTable } from "./layers.js";
import { FamilyLegend } from "./table.js";

function Failure({ search, number, failure }) {
  return html`<${Notice} kind="bad" title=${`Failed: ${kindName(failure.kind)}.`}>
    ${failure.message}
    <p class="quiet">${blame(failure.kind)}</p>
    ${saved ? null : html`<${TrialLog} search=${search} trial=${number} />`}
    ${failure.trace ? html`<details><summary>Trace</summary><pre tabindex="0" aria-label="Trace">${failure.trace}</pre></details>` : null}
  </${Notice}>`;
}

function Attempts({ attempts }) {
  return html`<${Card} title="Attempts">
    <${Scroll} name="Attempts">
      <thead><tr><th scope="col">Attempt</th><th scope="col">Worker</th><th scope="col">Outcome</th><th scope="col" class="number">Time</th></tr></thead>
      <tbody>${attempts.map((attempt) => html`<tr key=${attempt.attempt}>
        <th scope="row">${attempt.attempt}</th><td>${attempt.worker || "–"}</td>
        <td>${(attempt.outcome || "running").replaceAll("_", " ")} <span class="quiet">${attempt.message ?? ""}</span></td>
        <td class="number">${attempt.ended_at && attempt.started_at
          ? duration((Date.parse(attempt.ended_at) - Date.parse(attempt.started_at)) / 1000) : "–"}</td>
      </tr>`)}</tbody>
    </${Scroll}>
  </${Card}>`;
}

/** Where the architecture came from. */
function Origin({ search, trial }) {
  const source = trial.cached_from === null
    ? trial.arm === "random" ? "Drawn at random: a trial of the random arm." : html`Proposed by the controller <b>${partName(search.spec.controller)}</b>.`
    : html`The same architecture as <a href=${link(search.id, "trials", trial.cached_from)}>trial #${trial.cached_from}</a>, so it was not trained again.`;
  const facts = [
    ["created", moment(trial.created_at)], ["started", moment(trial.started_at)],
    ["ended", moment(trial.finished_at)], ["took", isNumber(trial.seconds) ? duration(trial.seconds) : "–"],
    ["budget", trial.budget === null ? "full schedule" : several(trial.budget, "epoch")],
    ["seed", trial.seed], ["architecture", html`<code>${trial.key}</code>`],
  ];
  const json = () => JSON.stringify(trial.arch, null, 2);
  return html`<${Card} title="Came from" tools=${trial.arch ? html`<${Copy} text=${json} label="Copy architecture" kind="small" />` : null}>
    <p>${source}</p>
    <${Facts} facts=${facts} />
  </${Card}>`;
}

const FIRST = ["accuracy", "loss", "params", "madds", "train_seconds", "epochs"];

function Metrics({ trial }) {
  const all = Object.keys(trial.metrics);
  const names = [...FIRST.filter((name) => all.includes(name)), ...all.filter((name) => !FIRST.includes(name))];
  if (!names.length) return null;
  return html`<${Card} title="Measured">
    <dl class="facts">${names.map((name) => html`<div key=${name}><dt>${metricName(name)}</dt>
      <dd title=${String(trial.metrics[name])}>${metric(name, trial.metrics[name])}</dd></div>`)}</dl>
  </${Card}>`;
}

function Cells({ search, trial }) {
  return html`<${Card} title="Cells" kind="cells-card">
    ${trial.cells.length
      ? trial.cells.map((name) => html`<${CellView} key=${name} search=${search.id} trial=${trial.number} name=${name} words=${trial.text?.[name]} />`)
      : html`<p class="quiet">The decisions could not be read as an architecture.</p>`}
    <${FamilyLegend} trials=${[trial]} />
  </${Card}>`;
}

/** The layers of its network; they are asked for when this is opened. */
function Layers({ search, trial }) {
  const [open, set] = useState(false);
  const found = useResource(open ? `searches/${search.id}/trials/${trial.number}/layers` : null);
  return html`<details class="card advanced" onToggle=${(event) => set(event.target.open)}><summary><h2>Layers</h2></summary>
    ${open ? html`<${Loaded} from=${found} what="the layers">${(whole) => html`<${LayerTable} whole=${whole} />`}</${Loaded}>` : null}</details>`;
}

function Head({ search, trial, route }) {
  const { chosen, choose } = chosenOf(search.id, route);
  const facts = [];
  if (isNumber(trial.reward) && !trial.failure) facts.push(reward(search, trial.reward));
  if (isNumber(trial.metrics.params)) facts.push(`${large(trial.metrics.params)} parameters`);
  if (isNumber(trial.metrics.madds)) facts.push(`${large(trial.metrics.madds)} multiply-adds`);
  if (isNumber(trial.seconds)) facts.push(duration(trial.seconds));
  const last = search.counts.total - 1;
  const best = search.best?.number === trial.number;
  return html`<div class="page-head">
    <div class="page-title"><h1>Trial #${trial.number}</h1><${State} state=${trial.state} note=${best ? (search.ended_at ? "the best" : "best so far") : ""} />
      <span class="quiet">${facts.join(" · ")}</span></div>
    <div class="buttons">
      <button type="button" class="button small" data-choose aria-pressed=${chosen.includes(trial.number)} onClick=${() => choose(trial.number)}>Select</button>
      ${search.best && !best ? html`<a class="button small" href=${link(search.id, `compare?t=${search.best.number},${trial.number}`)}>Compare with the best</a>` : null}
      ${trial.number > 0 ? html`<a class="button small" href=${link(search.id, "trials", trial.number - 1)}>← #${trial.number - 1}</a>` : null}
      ${trial.number < last ? html`<a class="button small" href=${link(search.id, "trials", trial.number + 1)}>#${trial.number + 1} →</a>` : null}
    </div>
  </div>`;
}

function Detail({ search, trial, route }) {
  const live = ["pending", "running"].includes(trial.state);
  return html`<${Head} search=${search} trial=${trial} route=${route} />
    ${trial.failure ? html`<${Failure} search=${search} number=${trial.number} failure=${trial.failure} />` : null}
    <div class="pair">
      <div class="stack">
        <${Cells} search=${search} trial=${trial} />
        <${Origin} search=${search} trial=${trial} />
        ${trial.attempts.length > 1 || trial.failure ? html`<${Attempts} attempts=${trial.attempts} />` : null}
      </div>
      <div class="stack">
        ${trial.state === "done" && !saved ? html`<${ExportPanel} search=${search} trial=${trial.number} />` : null}
        ${trial.curve.length
          ? html`<${Card} title=${live ? "Training, live" : "Training"}><${TrainingCurve} curve=${trial.curve} /></${Card}>`
          : live ? html`<${Card} title="Training"><p class="quiet">${trial.state === "pending" ? "Waits for a worker." : "The first epoch is under way."}</p></${Card}>` : null}
        <${Metrics} trial=${trial} />
      </div>
    </div>
    ${search.spec.data && trial.cells.length ? html`<${Layers} search=${search} trial=${trial} />` : null}`;
}

/** The page. */
export function TrialPage({ route, search }) {
  const number = Number(route.params.trial);
  const mine = (event) => event.search === search.id && event.trial === number && event.kind.startsWith("trial.");
  const trial = useResource(`searches/${search.id}/trials/${number}`, mine);
  if (trial.error?.status === 410) {
    return html`<h1>Trial #${number}</h1>
      <${Notice}>${trial.error.message} <a href=${link(search.id, "trials")}>All trials</a></${Notice}>`;
  }
  if (trial.error?.status === 404 && !trial.data) {
    const last = search.counts.total - 1;
    const range = last < 0 ? "it has none yet" : `0 to ${last}`;
    return html`<h1>No trial ${number}</h1>
      <${Notice} kind="warn">No trial ${number} in this search (${range}). <a href=${link(search.id, "trials")}>All trials</a></${Notice}>`;
  }
  return html`<${Loaded} from=${trial} what="the trial" lines=${10}>${(data) =>
    html`<${Detail} search=${search} trial=${data} route=${route} />`}</${Loaded}>`;
}
