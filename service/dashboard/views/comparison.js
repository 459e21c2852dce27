// A search's cells against published networks, trained alike: asked for, followed, as a table and a plot.
import { html, useState } from "../dom.js";
import { get, saved } from "../api.js";
import { Scatter } from "../charts/pareto.js";
import { isNumber, metric, percent, several } from "../format.js";
import { Act, Card, Loaded, Notice, Scroll, State } from "../parts.js";
import { useLoad } from "../resource.js";
import { link } from "../router.js";
import { Course, Failed, Tested, active, useAct } from "./jobs.js";

const COSTS = ["params", "madds", "p50_ms"];
const LABELS = { epochs: "Epochs", params: "Parameters", madds: "Multiply-adds", p50_ms: "Latency, ms" };
const BUDGETS = { epochs: { label: "Epochs", pattern: "[1-9][0-9]*" }, seconds: { label: "Seconds", pattern: "[0-9]+([.][0-9]+)?" } };

/** Accuracy against a cost that is chosen, with the front of both. */
function Front({ rows }) {
  const [cost, choose] = useState("params");
  const points = rows.map((one, number) => ({ ...one, number })).filter((one) => isNumber(one.mean));
  if (points.length < 2) return null;
  const measured = COSTS.filter((name) => points.some((one) => isNumber(one[name])));
  return html`<label class="inline">Test accuracy against <select value=${cost} onChange=${(event) => choose(event.target.value)}>
      ${measured.map((name) => html`<option key=${name} value=${name}>${LABELS[name].toLowerCase()}</option>`)}</select></label>
    <${Scatter} trials=${points} noun="network" name=${(number) => rows[number].name}
      x=${{ label: LABELS[cost].toLowerCase(), of: (one) => one[cost], show: (value) => metric(cost, value) }}
      y=${{ label: "test accuracy", of: (one) => one.mean, show: (value) => percent(value) }}
      note="none that costs less is better than those on the line, the Pareto front." />`;
}

function Networks({ search, found }) {
  return html`<${Scroll} name="Networks" kind="wide">
      <thead><tr><th scope="col">Network</th><th scope="col">Kind</th><th scope="col" class="number">Test accuracy</th>
        ${Object.values(LABELS).map((word) => html`<th key=${word} scope="col" class="number">${word}</th>`)}</tr></thead>
      <tbody>${found.rows.map((one) => html`<tr key=${one.name}>
        <th scope="row">${one.trial === null ? one.name : html`<a href=${link(search.id, "trials", one.trial)}>${one.name}</a>`}</th>
        <td>${one.kind === "zoo" ? "hand-built" : one.kind}</td><${Tested} one=${one} />
        ${Object.keys(LABELS).map((name) => html`<td key=${name} class="number">${metric(name, one[name])}</td>`)}</tr>`)}</tbody>
    </${Scroll}>
    <${Failed} rows=${found.rows} name=${(one) => one.name} />
    <${Front} rows=${found.rows} />`;
}

/** How far the comparison is, or how it ended. */
function Standing({ found, stop, busy }) {
  const { state, progress } = found;
  if (active(found)) {
    return html`<${Course} job=${found} what="comparison" text=${progress && `${progress.network}, seed ${progress.seed}`}
      epochs=${progress?.epochs} stop=${stop} busy=${busy} />`;
  }
  if (state === "failed") return html`<${Notice} kind="bad" title="The comparison failed.">${found.error}</${Notice}>`;
  return html`<p class="quiet"><${State} state=${state} /> ${found.done} of ${several(found.total, "training")}, all with the recipe of the search.</p>`;
}

function ComparisonBody({ search, found, reload }) {
  const [act, busy, refused] = useAct(reload);
  const [budget, measure] = useState("epochs");
  const path = `searches/${search.id}/comparison`;
  const train = (event) => {
    event.preventDefault();
    const { zoo, ...rest } = Object.fromEntries(new FormData(event.target));
    const wish = { zoo: zoo.split(/[\s,]+/).filter(Boolean) };
    for (const name in rest) wish[name] = Number(rest[name]);
    act(path, wish);
  };
  const number = (name, label, value, pattern = "[0-9]+") => html`<label class="inline" key=${name}>${label} <input class="epochs" name=${name}
    inputmode="decimal" required pattern=${pattern} defaultValue=${value} /></label> `;
  return html`${found ? html`<${Standing} found=${found} busy=${busy} stop=${() => act(`${path}/stop`)} />
      ${found.done + found.failed ? html`<${Networks} search=${search} found=${found} />` : null}`
    : saved ? html`<p class="quiet">Not compared.</p>` : html`<p class="quiet">Trains cells and published networks with one recipe, one budget and the same seeds, and tests them on images that no trial has seen.</p>`}
    ${active(found) ? null : html`<${Act}><form class="make" onSubmit=${train}>
      ${number("top", "Best cells", 1)}${number("random", "Random cells", 1)}
      <label class="inline">Published networks <input name="zoo" size="24" defaultValue="resnet20_cifar" /></label>
      <label class="inline">Budget of each <select value=${budget} onChange=${(event) => measure(event.target.value)}>
        ${Object.keys(BUDGETS).map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>
      ${number(budget, BUDGETS[budget].label, budget === "epochs" ? search.spec.final?.epochs || 1 : 60, BUDGETS[budget].pattern)}${number("seeds", "Seeds", 3)}
      <button class="button" disabled=${busy}>Train and compare</button></form></${Act}>`}
    <p class="field-error" role="alert">${refused}</p>`;
}

/** The card, for searches that have images to train on. */
export function Comparison({ search }) {
  const path = `searches/${search.id}/comparison`;
  const found = useLoad(path, async (signal) => ({ newest: await get(path, signal) }),
    (event) => event.search === search.id && event.kind === "comparison.state");
  return html`<${Card} title="Searched against hand-built"><${Loaded} from=${found} what="the comparison">${(data) =>
    html`<${ComparisonBody} search=${search} found=${data.newest} reload=${found.reload} />`}</${Loaded}></${Card}>`;
}
