// Searched against hand-built: the best cells, random ones and published networks, all trained alike.
import { html } from "../dom.js";
import { get } from "../api.js";
import { Scatter } from "../charts/pareto.js";
import { isNumber, metric, percent, several } from "../format.js";
import { Card, Loaded, Notice, Scroll, State } from "../parts.js";
import { useLoad } from "../resource.js";
import { link } from "../router.js";
import { Course, Failed, Tested, active, useAct } from "./jobs.js";

const COLUMNS = { epochs: "Epochs", params: "Parameters", madds: "Multiply-adds", p50_ms: "Latency, ms" };

function Result({ search, found }) {
  const points = found.rows.map((one, number) => ({ ...one, number })).filter((one) => isNumber(one.mean));
  return html`<${Scroll} name="Networks" kind="wide">
      <thead><tr><th scope="col">Network</th><th scope="col">Kind</th><th scope="col" class="number">Test accuracy</th>
        ${Object.values(COLUMNS).map((word) => html`<th key=${word} scope="col" class="number">${word}</th>`)}</tr></thead>
      <tbody>${found.rows.map((one) => html`<tr key=${one.name}>
        <th scope="row">${one.trial === null ? one.name : html`<a href=${link(search.id, "trials", one.trial)}>${one.name}</a>`}</th>
        <td>${one.kind === "zoo" ? "hand-built" : one.kind}</td><${Tested} one=${one} />
        ${Object.keys(COLUMNS).map((name) => html`<td key=${name} class="number">${metric(name, one[name])}</td>`)}</tr>`)}</tbody>
    </${Scroll}>
    <${Failed} rows=${found.rows} name=${(one) => one.name} />
    ${points.length > 1 ? html`<${Scatter} trials=${points} noun="network" name=${(number) => found.rows[number].name}
        x=${{ label: "parameters", of: (one) => one.params, show: (value) => metric("params", value) }}
        y=${{ label: "test accuracy", of: (one) => one.mean, show: (value) => percent(value) }}
        note="none smaller is better than those on the line, the Pareto front." />` : null}`;
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

function Body({ search, found, reload }) {
  const [act, busy, refused] = useAct(reload);
  const path = `searches/${search.id}/comparison`;
  const train = (event) => {
    event.preventDefault();
    const { zoo, ...rest } = Object.fromEntries(new FormData(event.target));
    const wish = { zoo: zoo.split(/[\s,]+/).filter(Boolean) };
    for (const name in rest) wish[name] = Number(rest[name]);
    act(path, wish);
  };
  const number = (name, label, value) => html`<label class="inline">${label} <input class="epochs" name=${name} inputmode="numeric" required pattern="[0-9]+" defaultValue=${value} /></label> `;
  return html`${found ? html`<${Standing} found=${found} busy=${busy} stop=${() => act(`${path}/stop`)} />
      ${found.done + found.failed ? html`<${Result} search=${search} found=${found} />` : null}`
    : html`<p class="quiet">Trains cells and published networks with one recipe, one budget and the same seeds, and tests them on images that no trial has seen.</p>`}
    ${active(found) ? null : html`<form class="make" onSubmit=${train}>
      ${number("top", "Best cells", 1)}${number("random", "Random cells", 1)}
      <label class="inline">Published networks <input name="zoo" size="24" defaultValue="resnet20_cifar" /></label>
      ${number("epochs", "Epochs", search.spec.final?.epochs || 1)}${number("seeds", "Seeds", 3)}
      <button class="button" disabled=${busy}>Train and compare</button></form>`}
    <p class="field-error" role="alert">${refused}</p>`;
}

/** The card, for searches that have images to train on. */
export function Comparison({ search }) {
  const path = `searches/${search.id}/comparison`;
  const found = useLoad(path, async (signal) => ({ newest: await get(path, signal) }),
    (event) => event.search === search.id && event.kind === "comparison.state");
  return html`<${Card} title="Searched against hand-built"><${Loaded} from=${found} what="the comparison">${(data) =>
    html`<${Body} search=${search} found=${data.newest} reload=${found.reload} />`}</${Loaded}></${Card}>`;
}
