// What the trials of a search have in common, and where some differ: how they fail, which operations
// the best ones use, two to six of them side by side.
import { html, useEffect, useMemo, useRef, useState } from "../dom.js";
import { get } from "../api.js";
import { CellView } from "../cellview.js";
import { MOST } from "../chosen.js";
import { Chips, LineChart, lastAttempt } from "../charts/line.js";
import { count, goal, isNumber, metric, metricName, percent, sentence, several } from "../format.js";
import { Bar, Card, Loaded, Notice, Scroll } from "../parts.js";
import { useLoad, useResource } from "../resource.js";
import { link, setQuery } from "../router.js";

/** What each kind of failure means. */
const CAUSES = {
  error: "the training raised an error", invalid: "the network could not be built", diverged: "the loss was no longer a number",
  bad_metric: "the evaluator gave no usable score", out_of_memory: "it needed more memory than there was",
  timeout: "it took longer than allowed", lost: "the worker died", disk_full: "the disk was full",
  unavailable: "the worker could not begin",
};
const MACHINE = ["lost", "disk_full", "unavailable"];

/** A kind of failure in words. */
export const kindName = (kind) => kind.replaceAll("_", " ");

/** Who is to blame for a kind of failure, in a sentence. */
export function blame(kind, machine = MACHINE.includes(kind)) {
  const cause = CAUSES[kind] ? `: ${CAUSES[kind]}` : "";
  return machine
    ? `The machine's doing, not the architecture's${cause}.`
    : `The architecture's doing${cause}. The controller learned that it fails.`;
}

/** The failures of a search, kept up to date; they are not asked for while there are none. */
export function useFailures(search) {
  return useResource(search.counts.failed ? `searches/${search.id}/failures` : null,
    (event) => event.search === search.id && event.kind === "trial.failed");
}

function Group({ search, group }) {
  const { kind, machine, message, numbers } = group;
  const title = `${sentence(kindName(kind))}: ${several(group.count, "trial")}`;
  return html`<${Card} many title=${title}>
    <p>${blame(kind, machine)}</p>
    <pre class="code" tabindex="0" role="group" aria-label=${`Message, ${title}`}>${message || "No message was given."}</pre>
    <p>${numbers.map((number) => html`<a key=${number} href=${link(search.id, "trials", number)}>#${number}</a> `)}
      ${group.count > numbers.length ? html`and <a href=${link(search.id, "trials?state=failed")}>${count(group.count - numbers.length)} more</a>, the last #${group.last}` : null}</p>
  </${Card}>`;
}

/** The page of failures. */
export function Failures({ search }) {
  const found = useFailures(search);
  return html`<div class="page-head"><h1>Failures</h1></div>
    ${search.counts.failed
      ? html`<${Loaded} from=${found} what="the failures" lines=${6}>${({ items, failed }) => {
          const machine = items.reduce((sum, group) => sum + (group.machine ? group.count : 0), 0);
          return html`<p>${count(failed)} of ${several(search.counts.total, "trial")} failed, from ${several(items.length, "cause")}:${" "}
              ${count(failed - machine)} by the architecture's doing, ${count(machine)} by the machine's.</p>
            ${items.map((group) => html`<${Group} key=${`${group.kind} ${group.signature}`} search=${search} group=${group} />`)}`;
        }}</${Loaded}>`
      : html`<${Notice}>No trial of this search has failed. <a href=${link(search.id, "trials")}>All trials</a></${Notice}>`}`;
}

const LEAST = 3; // different architectures: of fewer nothing can be said
const TOPS = [1, 2, 3, 5, 10, 20, 50, 100];

const share = (value) => percent(value, 1);
const gain = (item) => item.top - item.all;
const lift = (item) => (item.all ? `${(item.top / item.all).toFixed(2)} ×` : "–");
const against = (item) => html`<b>${item.label}</b> (${share(item.top)} against ${share(item.all)})`;

function Share({ item, most }) {
  return html`<tr>
    <th scope="row"><i class=${`tick family-${item.family}`}></i> ${item.label}</th>
    <td class="number">${share(item.top)}</td>
    <td class="number">${share(item.all)}</td>
    <td class="bars"><${Bar} share=${item.top / most} /><${Bar} share=${item.all / most} kind="all" /></td>
    <td class="number">${lift(item)}</td>
  </tr>`;
}

/** One cell: in words, and as a table with its bars. */
function CellShares({ name, items, top }) {
  const sorted = [...items].sort((a, b) => gain(b) - gain(a));
  const most = Math.max(...items.flatMap((item) => [item.top, item.all]));
  const [first, last] = [sorted[0], sorted.at(-1)];
  return html`<${Card} title=${`${sentence(name)} cell`}>
    <p>The best ${top} favour ${against(first)} and avoid ${against(last)}.</p>
    <ul class="legend"><li><i class="key top"></i>best ${top}</li><li><i class="key all"></i>all</li></ul>
    <${Scroll} name=${`Operations of the ${name} cell`} kind="shares">
      <thead><tr><th scope="col">Operation</th><th scope="col" class="number">Best ${top}</th>
        <th scope="col" class="number">All</th><th scope="col"><span class="offscreen">Shares as bars</span></th><th scope="col" class="number">Lift</th></tr></thead>
      <tbody>${sorted.map((item) => html`<${Share} key=${item.operation} item=${item} most=${most} />`)}</tbody>
    </${Scroll}>
  </${Card}>`;
}

/** The page of operations. */
export function Operations({ route, search }) {
  const { done } = search.counts;
  const usual = TOPS.filter((number) => number <= 10 && number <= Math.max(1, done / 3)).at(-1);
  const top = Number(route.query.get("top")) || usual;
  const found = useResource(`searches/${search.id}/operations?top=${top}`,
    (event) => event.search === search.id && event.kind === "trial.done");
  return html`<div class="page-head"><h1>Operations</h1>
      <label class="inline">Best <select value=${top} onChange=${(event) => setQuery({ top: event.target.value })}>
        ${TOPS.filter((number) => number < done || number === top).map((number) => html`<option key=${number} value=${number}>${number}</option>`)}</select></label></div>
    <${Loaded} from=${found} what="the operations" lines=${8}>${({ items, top: ranked, read, different }) => different < LEAST
      ? html`<${Notice}>This takes ${LEAST} different architectures; there are ${different} so far.</${Notice}>`
      : html`<p>Shares of the operations of a cell: in the best ${ranked} of ${different} different architectures, and in ${read < different ? `${read}, spread evenly over the search` : "all"}.
          A lift above 1 says that the best have more of it; of few trials it is mostly chance.</p>
        <div class="even">${[...new Set(items.map((item) => item.cell))].map((name) =>
          html`<${CellShares} key=${name} name=${name} items=${items.filter((item) => item.cell === name)} top=${ranked} />`)}</div>`
    }</${Loaded}>`;
}

const MORE = /accuracy|per_second/;
const LESS = /loss|params|madds|seconds/;

/** The trials of `t=3,7` or `t=SEARCH:3,SEARCH:7`, each with its search, and why others are not there. */
async function load(parts, own, signal) {
  const items = [];
  const missing = [];
  for (const part of parts) {
    const [number, id = own.id] = part.split(":").reverse();
    const path = `searches/${encodeURIComponent(id)}`;
    try {
      const search = id === own.id ? own : await get(path, signal);
      const trial = await get(`${path}/trials/${encodeURIComponent(number)}`, signal);
      items.push({ trial, search, name: `${search === own ? "" : `${search.name} `}#${number}` });
    } catch (error) {
      if (![404, 422].includes(error.status)) throw error;
      missing.push(`${part}: ${error.message}`);
    }
  }
  return { items, missing };
}

/** 1 where more is better, -1 where less is, 0 where nobody can say. */
function direction(name, search) {
  if (name === goal(search)) return search.spec.objective?.minimise ? -1 : 1;
  return MORE.test(name) - LESS.test(name);
}

function Numbers({ items }) {
  const names = new Set([...items.flatMap(({ trial }) => Object.keys(trial.metrics)), "seconds"]);
  return html`<${Card} title="Numbers"><${Scroll} name="Numbers">
    <thead><tr><th scope="col">Trial</th>${items.map(({ name, search, trial }) =>
      html`<th key=${name} scope="col" class="number"><a href=${link(search.id, "trials", trial.number)}>${name}</a></th>`)}</tr></thead>
    <tbody>${[...names].map((name) => {
      const way = direction(name, items[0].search);
      const values = items.map(({ trial }) => trial.metrics[name] ?? trial[name]);
      const known = values.filter(isNumber).map((value) => way * value);
      const best = Math.max(...known);
      const word = name === "seconds" ? "time" : metricName(name);
      return html`<tr key=${name}><th scope="row">${word}</th>${values.map((value) => html`<td class="number">${way * value === best && best > Math.min(...known)
        ? html`<b class="winner">${metric(name, value)} best</b>` : metric(name, value)}</td>`)}</tr>`;
    })}</tbody></${Scroll}></${Card}>`;
}

export const CURVE_COLOURS = ["--chart-best", "--accent", "--chart-entropy"]; // solid, then dashed

/** Training curves over each other, one metric at a time. */
function Curves({ items }) {
  const [chosen, choose] = useState(0);
  const curves = useMemo(() => items.map(({ trial }) => new Map(lastAttempt(trial.curve).map(({ step, metrics }) => [step, metrics]))), [items]);
  const known = new Set(curves.flatMap((curve) => [...curve.values()].flatMap(Object.keys)));
  const first = [goal(items[0].search), "accuracy", "loss"];
  const names = [...new Set([...first, ...known])].filter((name) => known.has(name));
  const at = Math.min(chosen, names.length - 1);
  const name = names[at];
  const data = useMemo(() => {
    const steps = [...new Set(curves.flatMap((curve) => [...curve.keys()]))].sort((a, b) => a - b);
    return [steps, ...curves.map((curve) => steps.map((step) => curve.get(step)?.[name] ?? null))];
  }, [curves, name]);
  const without = items.filter((_, i) => !curves[i].size).map((one) => one.name);
  if (!name) return null;
  const show = (value) => metric(name, value);
  const told = (values) => values.filter(isNumber).length;
  const lines = items.map((one, i) => ({
    label: one.name, colour: CURVE_COLOURS[i % 3], format: show, kind: told(data[i + 1]) === 1 ? "dots" : i > 2 ? "dashed" : undefined,
  }));
  const ends = items.map((one, i) => [one.name, data[i + 1].findLast(isNumber)]).filter(([, value]) => isNumber(value));
  const spec = {
    name: `Training: ${metricName(name)} by epoch`, lines, xLabel: "epoch", xName: "epoch", yFormat: show,
    summary: `${sentence(metricName(name))} at the end: ${ends.map(([who, value]) => `${who} ${show(value)}`).join(", ")}.${without.length ? ` ${without.join(", ")} told no epochs.` : ""}`,
    table: { title: "As a table", head: ["epoch", ...items.map((one) => one.name)], rows: data[0].map((step, j) => [step, ...items.map((_, i) => show(data[i + 1][j]))]) },
  };
  return html`<${Card} title="Training"><${Chips} names=${names} chosen=${at} onChoose=${choose} />
    <${LineChart} key=${name} spec=${spec} data=${data} /></${Card}>`;
}

const chips = (side) => [...side.querySelectorAll("rect[class^=op-]:not(.op-combine)")];
const label = (chip) => chip?.nextSibling.textContent;

/** One cell of all; what is not as in the first one is marked, in the drawings once they are there. */
function Sides({ cell, items }) {
  const box = useRef(null);
  useEffect(() => {
    const watch = new MutationObserver(() => {
      const [first, ...others] = [...box.current.children].map(chips);
      for (const other of others) other.forEach((chip, i) => chip.classList.toggle("differs", label(chip) !== label(first[i])));
    });
    watch.observe(box.current, { childList: true, subtree: true });
    return () => watch.disconnect();
  }, []);
  const lines = items.map(({ trial }) => (trial.text[cell] ?? "").split("\n").slice(1));
  return html`<${Card} title=${`${sentence(cell)} cell`}>
    <div class="even sides" ref=${box}>${items.map(({ trial, search, name }, i) => html`<div key=${name} class="side">
      <${CellView} search=${search.id} trial=${trial.number} name=${cell} title=${name} />
      <pre class="code" tabindex="0" role="group" aria-label=${`${cell} cell of ${name} as text`}>${lines[i].map((line, j) =>
        line === lines[0][j] ? `${line}\n` : html`<mark>${line}<span class="offscreen"> differs</span></mark>${"\n"}`)}</pre>
    </div>`)}</div>
  </${Card}>`;
}

/** The page of trials side by side. */
export function Compare({ route, search }) {
  const text = route.query.get("t") ?? "";
  const parts = [...new Set(text.split(",").filter(Boolean))];
  const fits = parts.length > 1 && parts.length <= MOST;
  const found = useLoad(fits ? `compare ${text}` : null, (signal) => load(parts, search, signal), (event) => ["trial.done", "trial.progress"].includes(event.kind) && text.includes(event.trial));
  const choose = html`<a class="button small" href=${link(search.id, `trials?t=${text}`)}>Choose among the trials</a>`;
  const range = html`<${Notice}>Comparing takes 2 to ${MOST} trials; chosen: ${parts.length}.</${Notice}>`;
  return html`<div class="page-head"><h1>Compare</h1>${choose}</div>
    ${fits ? html`<${Loaded} from=${found} what="the trials" lines=${8}>${({ items, missing }) => html`
      ${missing.map((why) => html`<${Notice} kind="warn">${why}</${Notice}>`)}
      ${items.length > 1 ? html`
        ${items.some((one) => one.search.id !== items[0].search.id) ? html`<${Notice} kind="warn">Trials of different searches: their numbers may be of other images, budgets and sizes of network.</${Notice}>` : null}
        <${Numbers} items=${items} />
        <${Curves} items=${items} />
        <p>Outlined operations and marked lines are not as in ${items[0].name}, place by place.</p>
        ${[...new Set(items.flatMap(({ trial }) => trial.cells))].map((cell) => html`<${Sides} key=${cell} cell=${cell} items=${items} />`)}` : range}`}</${Loaded}>` : range}`;
}
