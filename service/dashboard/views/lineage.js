// How the best trial of a search came about: from which trial each was changed, and what the changes gained.
import { html, useMemo, useState } from "../dom.js";
import { descent } from "../charts/descent.js";
import { chosenOf } from "../chosen.js";
import { LEAST } from "../charts/reward.js";
import { Scatter } from "../charts/pareto.js";
import { controllers, count, difference, goal, isNumber, metricName, reward, several } from "../format.js";
import { Card, Loaded, Notice, Scroll } from "../parts.js";
import { useHistory } from "../history.js";
import { useResource } from "../resource.js";
import { go, link } from "../router.js";

export const CHANGE = ["evolution", "local_search"]; // controllers that change trials
const PAIRS = 8; // changes from which on noise can be judged

/** The middle one of some numbers. */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The steps that led to the trial `best`, the first one first: {number, parent, change, value, gain}. */
export function lineOf(best, lineage, values) {
  const at = new Map(lineage.number.map((number, i) => [number, i]));
  const steps = [];
  for (let number = best; number !== null && isNumber(values.get(number)); ) {
    const i = at.get(number);
    const parent = i === undefined ? null : lineage.parent[i];
    const value = values.get(number);
    const gain = isNumber(values.get(parent)) ? value - values.get(parent) : null;
    steps.unshift({ number, parent: gain === null ? null : parent, change: lineage.change[i], value, gain });
    number = gain === null || parent >= number ? null : parent;
  }
  return steps;
}

/** What a change moves without doing anything, as far as the search can tell: half of all its changes moved
 * the reward by less. Null of few changes. */
export function noiseOf(lineage, values) {
  const moved = lineage.number.map((number, i) => Math.abs(values.get(number) - values.get(lineage.parent[i]))).filter(isNumber);
  return moved.length < PAIRS ? null : median(moved);
}

/** The steps with those folded together that gain no more than `noise`: a step, or a list of steps. */
export function folded(steps, noise) {
  const rows = [];
  for (const step of steps) {
    if (step.gain === null || noise === null || step.gain > noise) rows.push(step);
    else if (Array.isArray(rows.at(-1))) rows.at(-1).push(step);
    else rows.push([step]);
  }
  return rows;
}

function Step({ search, step, gained }) {
  const { change } = step;
  return html`<tr data-row><th scope="row"><a href=${link(search.id, "trials", step.number)}>#${step.number}</a></th>
    <td>${change ? html`${change.choice}: ${change.before} → <b>${change.after}</b>` : step.gain === null ? "not changed from another" : "the space has changed since"}</td>
    <td class="number">${reward(search, step.value)}</td><td class="number">${step.gain === null ? "–" : gained(step.gain)}</td></tr>`;
}

/** Steps that are shown when they are asked for. */
function Fold({ search, steps, noise, gained }) {
  const [open, set] = useState(false);
  const losses = steps.filter((step) => step.gain < -noise).length;
  const words = losses
    ? `${several(steps.length, "step")} ${losses < steps.length ? `without a gain beyond noise, ${losses} of them ` : ""}with a loss`
    : several(steps.length, "neutral step");
  return html`<tr class="quiet"><td colspan="3"><button type="button" class="link" aria-expanded=${open} onClick=${() => set(!open)}>${words}</button></td>
      <td class="number">${gained(steps.reduce((sum, step) => sum + step.gain, 0))}</td></tr>
    ${open ? steps.map((step) => html`<${Step} key=${step.number} search=${search} step=${step} gained=${gained} />`) : null}`;
}

function Tree({ search, lineage, history, route }) {
  const name = goal(search);
  const minimise = search.spec.objective?.minimise;
  const gained = (gain) => difference(name, minimise ? -gain : gain);
  const trials = useMemo(() => [...history.number].flatMap((number, i) =>
    (isNumber(history.reward[i]) ? [{ number, reward: history.reward[i] }] : [])), [history]);
  const best = search.best?.number ?? null;
  const { steps, noise, rows } = useMemo(() => {
    const values = new Map(trials.map((trial) => [trial.number, trial.reward]));
    const found = { steps: lineOf(best, lineage, values), noise: noiseOf(lineage, values) };
    return { ...found, rows: folded(found.steps, found.noise) };
  }, [trials, lineage, best]);
  const gains = rows.filter((row) => isNumber(row.gain));
  const paint = useMemo(() => descent(lineage.number.map((number, i) => [number, lineage.parent[i]]), new Set(gains.map((step) => step.number))), [lineage, rows]);
  const marked = useMemo(() => steps.map((step) => step.number), [steps]);
  const [first, last] = [steps[0], steps.at(-1)];
  const label = metricName(name);
  return html`<p>${steps.length > 1
      ? html`The best, trial <a href=${link(search.id, "trials", last.number)}>#${last.number}</a>, came from trial <a href=${link(search.id, "trials", first.number)}>#${first.number}</a>${" "}
        by ${several(steps.length - 1, "change")}: from ${reward(search, first.value)} to ${reward(search, last.value)}.${noise === null ? "" : ` ${gains.length} of them gained more than noise.`}`
      : best === null ? "No trial has finished." : !last ? "" : html`The best, trial <a href=${link(search.id, "trials", best)}>#${best}</a>, was not changed from another.`}</p>
    <${Card} title="Descent">
      <${Scatter} trials=${trials} marked=${marked} paint=${paint} line="the line of the best" table=${null} onOpen=${(number) => go(link(search.id, "trials", number))} ...${chosenOf(search.id, route)}
        x=${{ label: "trial", of: (trial) => trial.number, show: count, whole: true }} y=${{ label, of: (trial) => trial.reward, show: (value) => reward(search, value) }}
        note=${`${several(lineage.number.length, "change")} as faint lines; the bold line led to the best, with circles where a change gained more than noise.`} /></${Card}>
    ${steps.length > 1 ? html`<${Card} title="The changes that led to the best">
      <p class="quiet">${noise === null
        ? `All are shown: of fewer than ${PAIRS} changes nobody can say what is noise.`
        : `Noise is judged by the search itself: half of its ${count(lineage.number.length)} changes moved the ${label} by less than ${gained(noise).slice(1)}, up or down. A change that gains no more is folded away. The best was chosen for its ${label}, so its last gains may owe something to luck.`}</p>
      <${Scroll} name="Changes" kind="wide"><thead><tr><th scope="col">Trial</th><th scope="col">Changed</th><th scope="col" class="number">${label}</th><th scope="col" class="number">Gain</th></tr></thead>
        <tbody>${rows.map((row) => Array.isArray(row)
          ? html`<${Fold} key=${row[0].number} search=${search} steps=${row} noise=${noise} gained=${gained} />`
          : html`<${Step} key=${row.number} search=${search} step=${row} gained=${gained} />`)}</tbody></${Scroll}></${Card}>` : null}`;
}

/** The page. */
export function Lineage({ search, route }) {
  const ended = (event) => event.search === search.id && event.kind === "trial.done";
  const lineage = useResource(`searches/${search.id}/lineage`, ended);
  const history = useHistory(search.id, ended);
  const names = controllers(search.spec.controller);
  const changes = names.some((name) => CHANGE.includes(name));
  return html`<div class="page-head"><h1>Lineage</h1></div>
    <${Loaded} from=${lineage} what="the lineage" lines=${10}>${(found) => found.number.length && search.counts.done >= LEAST
      ? html`<${Loaded} from=${history} what="the rewards" lines=${10}>${(rewards) => html`<${Tree} search=${search} lineage=${found} history=${rewards} route=${route} />`}</${Loaded}>`
      : html`<${Notice}>${changes
        ? "No trial has been changed from another yet: the first ones are drawn at random."
        : `The controller ${names.at(-1)} does not change trials into others; ${CHANGE.join(" and ")} do.`}</${Notice}>`}</${Loaded}>`;
}
