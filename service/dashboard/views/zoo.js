// Published networks: what they cost, what their papers print, and the best cells of a search beside them.
import { html, useMemo } from "../dom.js";
import { get } from "../api.js";
import { Scatter } from "../charts/pareto.js";
import { bytes, count, goal, isNumber, large, metricName, partName, percent, several } from "../format.js";
import { Card, Copy, Facts, Loaded, Notice, Scroll } from "../parts.js";
import { useLoad, useResource } from "../resource.js";
import { go, link, setQuery } from "../router.js";
import { useTitle } from "../store.js";
import { LayerTable } from "./layers.js";
import { Head } from "./table.js";

const BEST = 10; // trials of a search that are shown
const COSTS = ["params", "madds"];
const COLUMNS = [["name", "Network"], ["year", "Year"], ["params", "Parameters"], ["madds", "Multiply-adds"], ["top1", "Published accuracy"]];

/** An accuracy in percent with the digits that the paper prints. */
const printed = (top1) => (isNumber(top1) ? `${top1}\u2009%` : "–");
const address = (name) => `#/zoo/${encodeURIComponent(name)}`;

/** A name of images without what people write differently: CIFAR-10 and cifar10. */
const squeezed = (name) => name?.toLowerCase().replace(/\W/g, "");

/** The best trials of a search that have an accuracy. */
async function bestOf(id, signal) {
  const path = `searches/${encodeURIComponent(id)}`;
  const search = await get(path, signal);
  const { items } = await get(`${path}/trials?state=done&sort=-reward&limit=${BEST}`, signal);
  return { search, trials: items.filter((trial) => isNumber(trial.metrics.accuracy)) };
}

/** Networks in the order of `sort`, `-` for falling; those without a value come last. */
function sorted(items, sort) {
  const by = sort.replace("-", "");
  const way = by === sort ? 1 : -1;
  return [...items].sort((a, b) => (a[by] === null) - (b[by] === null) || way * (a[by] > b[by] ? 1 : a[by] < b[by] ? -1 : 0));
}

function Networks({ items, sort }) {
  return html`<${Scroll} name="Published networks" kind="wide">
    <thead><tr>${COLUMNS.map(([by, name]) => html`<${Head} key=${by} by=${by} name=${name} sort=${sort} text=${by === "name"} rising=${by === "name"} onSort=${(to) => setQuery({ sort: to })} />`)}
      <th scope="col">How it was measured</th></tr></thead>
    <tbody>${sorted(items, sort).map((one) => html`<tr key=${one.name} data-row>
      <th scope="row"><a href=${address(one.name)}>${one.name}</a><span class="quiet under">${one.title}</span></th>
      <td class="number">${one.year}</td><td class="number">${large(one.params)}</td><td class="number">${large(one.madds)}</td>
      <td class="number"><b>${printed(one.top1)}</b></td><td class="quiet">${one.paper.where}</td></tr>`)}</tbody>
  </${Scroll}>`;
}

/** What the crosses are, and that they are another measure. */
function Ours({ search, trials, data, cost }) {
  const home = html`<a href=${link(search.id)}>${search.name}</a>`;
  const drawn = trials.filter((trial) => isNumber(trial.metrics[cost]));
  if (!drawn.length) return html`<${Notice} kind="warn">${home} has no finished trial with an accuracy and ${metricName(cost)}, so nothing of it is drawn.</${Notice}>`;
  const { epochs } = drawn[0].metrics;
  return html`<${Notice} kind="warn" title="Not the same measure.">The crosses are the best ${drawn.length} trials of ${home}, measured here in its search:
    ${search.spec.data ? html` on images of ${search.spec.data.source} that it holds back` : html` by its evaluator ${partName(search.spec.evaluator)}`}${epochs ? `, after ${several(epochs, "epoch")}` : ""}.
    The dots are what papers print for test images of ${data}, after their full training. Compare where they lie, not their heights.</${Notice}>`;
}

/** Accuracy against cost, the cost on a logarithmic axis; trials of a search are crosses. */
function Plot({ items, ours, cost, data }) {
  const points = useMemo(() => [
    ...items.map((one) => ({ number: one.name, x: one[cost], y: one.top1 === null ? null : one.top1 / 100 })),
    ...(ours?.trials ?? []).map((trial) => ({ number: trial.number, ours: true, x: trial.metrics[cost], y: trial.metrics.accuracy })),
  ], [items, ours, cost]);
  const own = isNumber;
  return html`<${Card} title=${`Published accuracy on ${data} against ${metricName(cost)}`}>
    ${ours ? html`<${Ours} ...${ours} data=${data} cost=${cost} />` : null}
    <${Scatter} trials=${points} noun="network" name=${(number) => (own(number) ? `#${number} of ${ours?.search.name}, measured here` : number)}
      onOpen=${(number) => go(own(number) ? link(ours.search.id, "trials", number) : address(number))}
      x=${{ label: metricName(cost), of: (point) => point.x, show: large, log: true }}
      y=${{ label: "accuracy", of: (point) => point.y, show: percent }}
      note="no published one with less is better than those on the line, the Pareto front." /></${Card}>`;
}

function Choice({ label, name, value, options }) {
  return html`<label class="inline">${label} <select value=${value} onChange=${(event) => setQuery({ [name]: event.target.value })}>
    ${options.map(([key, word]) => html`<option key=${key} value=${key}>${word}</option>`)}</select></label>`;
}

/** The page of all networks. */
export function Zoo({ route }) {
  const asked = (name, usual = "") => route.query.get(name) || usual;
  const [id, text, sort, x] = [asked("s"), asked("q"), asked("sort", "-top1"), asked("x")];
  const cost = COSTS.includes(x) ? x : COSTS[0];
  const networks = useResource("zoo");
  const searches = useResource("searches?limit=100");
  const ours = useLoad(id || null, (signal) => bestOf(id, signal), (event) => event.search === id && event.kind === "trial.done");
  useTitle("Zoo");
  const all = useMemo(() => (networks.data?.items ?? []).map((one) => ({ ...one, top1: one.paper.top1 })), [networks.data]);
  const found = useMemo(() => {
    const has = (one) => `${one.name} ${one.title} ${one.year} ${one.idea} ${one.paper.citation}`.toLowerCase().includes(text.toLowerCase());
    return all.filter(has);
  }, [all, text]);
  const sets = useMemo(() => [...new Set(all.map((one) => one.paper.dataset))].map((name) => [name, all.filter((one) => one.paper.dataset === name).length]).sort((a, b) => b[1] - a[1]), [all]);
  const source = squeezed(ours.data?.search.spec.data?.source);
  const data = asked("data", sets.find(([name]) => squeezed(name) === source)?.[0] ?? (id ? "CIFAR-10" : sets[0]?.[0]));
  const shown = useMemo(() => found.filter((one) => one.paper.dataset === data), [found, data]);
  const beside = (searches.data?.items ?? []).filter((one) => one.id === id || (one.counts.done && goal(one) === "accuracy"));
  return html`<div class="page-head"><h1>Zoo</h1><p class="quiet">Published networks, built here and counted; accuracies are as published.</p></div>
    <${Loaded} from=${networks} what="the networks" lines=${8}>${() => html`<div class="buttons">
      <label class="inline">Filter <input type="text" data-filter value=${text} onInput=${(event) => setQuery({ q: event.target.value })} /></label>
      <${Choice} label="Measured on" name="data" value=${data} options=${sets.map(([name]) => [name, `${name} (${found.filter((one) => one.paper.dataset === name).length})`])} />
      <${Choice} label="Cost" name="x" value=${cost} options=${COSTS.map((name) => [name, metricName(name)])} />
      <${Choice} label="Beside them" name="s" value=${id} options=${[["", "no search"], ...beside.map((one) => [one.id, one.name])]} /></div>
    ${id && ours.error ? html`<${Notice} kind="warn">${ours.error.message}</${Notice}>` : null}
    ${shown.length
      ? html`<${Plot} items=${shown} ours=${id ? ours.data : null} cost=${cost} data=${data} />
        <${Card} title=${`${several(shown.length, "network")} measured on ${data}`}><${Networks} items=${shown} sort=${sort} /></${Card}>`
      : html`<${Notice}>No network measured on ${data} has “${text}” in its name, idea or paper${found.length ? `; ${several(found.length, "other")} ${found.length === 1 ? "has" : "have"}` : ""}.</${Notice}>`}`}</${Loaded}>`;
}

/** What is known of [name, value] pairs. */
const known = (pairs) => pairs.filter(([, value]) => value !== null && value !== undefined && value !== 0 && value !== false);

function built(one) {
  return known([
    ["images", `${one.channels} × ${one.height} × ${one.width}`], ["classes", count(one.classes)], ["parameters", count(one.params)],
    ["multiply-adds", count(one.madds)], ["activations at once, one image", bytes(one.memory_peak_bytes)], ["activations in all", bytes(one.memory_sum_bytes)],
  ]);
}

function paperFacts({ citation, where, dataset, params, madds, top1, top5, differs }) {
  return known([
    ["paper", citation], ["figures from", where], ["measured on", dataset], ["parameters", params], ["multiply-adds", madds],
    ["accuracy", top1 && printed(top1)], ["among the first five", top5 && printed(top5)], ["differs", differs],
  ]);
}

/** The page of one network. */
export function Network({ route }) {
  const { network } = route.params;
  const found = useResource(`zoo/${encodeURIComponent(network)}`);
  useTitle(network, "Zoo");
  if (found.error?.status === 404) {
    return html`<h1>No such network</h1>
      <${Notice} kind="warn">The zoo has no network ${network}. <a href="#/zoo">All networks</a></${Notice}>`;
  }
  const use = `import nas\nmodel = nas.create_model("${network}", num_classes=10)`;
  return html`<${Loaded} from=${found} what="the network" lines=${10}>${(one) => html`<div class="page-head">
      <div class="page-title"><h1>${one.title}</h1><span class="quiet">${one.name} · ${one.year}</span></div><a class="button small" href="#/zoo">All networks</a></div>
    <p>${one.idea}</p>
    <div class="even"><${Card} title="As built here"><${Facts} kind="one" facts=${built(one)} /></${Card}>
      <${Card} title="In the paper"><${Facts} kind="one" facts=${paperFacts(one.paper)} /></${Card}>
      ${one.recipe ? html`<${Card} title="How its authors trained it"><${Facts} kind="one" facts=${known(Object.entries(one.recipe)).map(([key, value]) => [metricName(key), value === true ? "yes" : String(value)])} /></${Card}>` : null}
      <${Card} title="Use it" tools=${html`<${Copy} text=${() => use} kind="small" />`}><pre class="code" tabindex="0" role="group" aria-label="Python">${use}</pre>
        <p class="quiet">Fresh, not trained: as a folder with <code>nas zoo export ${network}</code></p></${Card}></div>
    <${Card} title="Layers"><${LayerTable} whole=${one} /></${Card}>`}</${Loaded}>`;
}
