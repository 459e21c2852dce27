// Searches side by side: the course of the best of each over its trials, and whether they measure the same.
import { html, useMemo } from "../dom.js";
import { get } from "../api.js";
import { LineChart } from "../charts/line.js";
import { count, duration, goal, metricName, reward, sentence } from "../format.js";
import { Card, Loaded, Notice, Scroll, State } from "../parts.js";
import { useLoad } from "../resource.js";
import { link } from "../router.js";
import { useTitle } from "../store.js";
import { CURVE_COLOURS } from "./insights.js";

/** The searches, and the first of them in full: it says in what rewards are measured. */
async function load(ids, signal) {
  const found = await get(`compare?searches=${encodeURIComponent(ids)}`, signal);
  const { items } = found;
  for (const one of items) one.title = items.filter(({ name }) => name === one.name).length > 1 ? `${one.name} ${one.search}` : one.name;
  return { ...found, first: await get(`searches/${found.items[0].search}`, signal) };
}

/** Columns over the trials of all courses, [{number, reward}]: in each the best so far, to the last trial of its own. */
export function flights(courses) {
  const x = [...new Set(courses.flatMap((course) => course.number))].sort((a, b) => a - b);
  return [x, ...courses.map(({ number, reward: rewards }) => {
    let at = -1;
    return x.map((trial) => {
      if (number[at + 1] === trial) at += 1;
      return at < 0 || trial > number.at(-1) ? null : rewards[at];
    });
  })];
}

function Courses({ items, first, differs }) {
  const data = useMemo(() => flights(items.map((one) => one.course)), [items]);
  const show = (value) => reward(first, value);
  const name = metricName(goal(first));
  const ends = items.filter((one) => one.best).map((one) => `${one.title} ${show(one.best.reward)} after ${one.course.number.at(-1) + 1}`);
  const spec = {
    name: `Best ${name} by trial`, xLabel: "trial", xName: "trial", yFormat: show,
    lines: items.map((one, i) => ({ label: one.title, colour: CURVE_COLOURS[i % 3], kind: i > 2 ? "step-dashed" : "step", format: show })),
    summary: ends.length ? `The best ${name} so far: ${ends.join(", ")} trials.` : "No trial has finished.",
  };
  return html`${differs.length ? html`<${Notice} kind="warn" title="They do not measure the same.">${sentence(differs.join(", "))} ${differs.length > 1 ? "are" : "is"} not equal in all, so a higher curve need not be a better search.</${Notice}>` : null}
    <${Card} title=${sentence(spec.name)}>${data[0].length ? html`<${LineChart} spec=${spec} data=${data} />` : html`<p class="quiet chart-wait">${spec.summary}</p>`}</${Card}>
    <${Card} title="Numbers"><${Scroll} name="Numbers" kind="wide">
      <thead><tr><th scope="col">Search</th><th scope="col">State</th><th scope="col" class="number">Best ${name}</th><th scope="col" class="number">Trials</th><th scope="col" class="number">Running time</th></tr></thead>
      <tbody>${items.map((one) => html`<tr key=${one.search} data-row><th scope="row"><a href=${link(one.search)}>${one.title}</a></th><td><${State} state=${one.state} /></td>
        <td class="number">${one.best ? html`<b>${show(one.best.reward)}</b> <a href=${link(one.search, "trials", one.best.number)}>#${one.best.number}</a>` : "–"}</td>
        <td class="number">${count(one.trials)} / ${count(one.of)}</td><td class="number">${duration(one.seconds_running)}</td></tr>`)}</tbody>
    </${Scroll}></${Card}>`;
}

/** The page. */
export function Versus({ route }) {
  const ids = route.query.get("s") ?? "";
  const found = useLoad(ids, (signal) => load(ids, signal), (event) => ids.includes(event.search) && /trial.done|search/.test(event.kind));
  useTitle("Compare searches");
  return html`<div class="page-head"><h1>Compare searches</h1><a class="button small" href=${`#/?s=${ids}`}>Choose among the searches</a></div>
    <${Loaded} from=${found} what="the searches" lines=${8}>${(data) => html`<${Courses} ...${data} />`}</${Loaded}>`;
}
