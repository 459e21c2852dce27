// Two to six trials side by side: their numbers with the best of each, their cells with what differs marked.
import { html, useEffect, useRef } from "../dom.js";
import { get } from "../api.js";
import { CellView } from "../cellview.js";
import { duration, goal, isNumber, metric, metricName, sentence } from "../format.js";
import { Card, Loaded, Notice, Scroll } from "../parts.js";
import { useLoad } from "../resource.js";
import { link } from "../router.js";

export const MOST = 6;
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

/** The page. */
export function Compare({ route, search }) {
  const text = route.query.get("t") ?? "";
  const parts = [...new Set(text.split(",").filter(Boolean))];
  const fits = parts.length > 1 && parts.length <= MOST;
  const found = useLoad(fits ? `compare ${text}` : null, (signal) => load(parts, search, signal), (event) => event.kind === "trial.done" && text.includes(event.trial));
  const choose = html`<a class="button small" href=${link(search.id, `trials?t=${text}`)}>Choose among the trials</a>`;
  const range = html`<${Notice}>Comparing takes 2 to ${MOST} trials; chosen: ${parts.length}.</${Notice}>`;
  return html`<div class="page-head"><h1>Compare</h1>${choose}</div>
    ${fits ? html`<${Loaded} from=${found} what="the trials" lines=${8}>${({ items, missing }) => html`
      ${missing.map((why) => html`<${Notice} kind="warn">${why}</${Notice}>`)}
      ${items.length > 1 ? html`
        ${items.some((one) => one.search.id !== items[0].search.id) ? html`<${Notice} kind="warn">Trials of different searches: their numbers may be of other images, budgets and sizes of network.</${Notice}>` : null}
        <${Numbers} items=${items} />
        <p>Outlined operations and marked lines are not as in ${items[0].name}, place by place.</p>
        ${[...new Set(items.flatMap(({ trial }) => trial.cells))].map((cell) => html`<${Sides} key=${cell} cell=${cell} items=${items} />`)}` : range}`}</${Loaded}>` : range}`;
}
