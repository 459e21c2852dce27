// Did the search do anything? Its verdict against random, the finals, and the front of several objectives.
import { html, useMemo, useState } from "../dom.js";
import { Scatter } from "../charts/pareto.js";
import { LEAST } from "../charts/reward.js";
import { difference, goal, isNumber, metric, metricName, percent, plain, reward, several } from "../format.js";
import { Card, Copy, Loaded, Scroll, State } from "../parts.js";
import { useAgain, useResource } from "../resource.js";
import { link } from "../router.js";

/** Finished trials of both arms, of a history: {search, random}. */
export function arms(history) {
  const counts = { search: 0, random: 0 };
  history.state.forEach((state, i) => {
    if (state === "done" && history.arm[i] in counts) counts[history.arm[i]] += 1;
  });
  return counts;
}

function Without({ search }) {
  return html`<p class="quiet">This search has no random arm, so nothing can be said.
    A new one gets it with <code>--control-fraction 0.25</code>, or with <b>control fraction</b> under Advanced:
    every fourth trial is then random. <a href=${`#/new?from=${encodeURIComponent(search.id)}`}>Begin with these options</a></p>`;
}

function Measured({ search, lift }) {
  const by = (value) => difference(goal(search), value);
  return html`<p>Lift <strong>${by(lift.difference)}</strong>, ${lift.low === null
      ? "without an interval: each arm needs five different architectures."
      : `${percent(lift.level, 0)} interval ${by(lift.low)} to ${by(lift.high)}.`}</p>
    <p class="quiet">Compared: mean ${metricName(goal(search))} ${reward(search, lift.search_mean)} of ${several(lift.searched, "architecture")} of the
      controller's later three quarters, ${reward(search, lift.random_mean)} of ${lift.random} random${lift.budget === null ? "" : `, at ${several(lift.budget, "epoch")}`}.
      ${search.spec.objective.minimise ? " The lift is that of the reward: + is better." : ""}</p>`;
}

/** The card. `history` may not be there yet. */
export function Verdict({ search, history }) {
  const { lift } = search;
  const counts = history && arms(history);
  const sides = counts && (counts.search || counts.random)
    ? html`<span class="quiet">${several(counts.search, "trial")} of the controller, ${counts.random} random</span>` : null;
  return html`<${Card} title="Better than random?" kind="verdict" tools=${sides}>
    ${!search.spec.control_fraction
      ? html`<${Without} search=${search} />`
      : lift
        ? html`<div class="verdict-line"><${State} state=${lift.verdict} /><div><${Measured} search=${search} lift=${lift} /></div></div>`
        : html`<p class="quiet">No verdict yet: both arms need a finished trial.</p>`}
  </${Card}>`;
}

const TOPS = [2, 3, 5, 10, 20, 50];

const gap = (value) => difference("accuracy", value);
const seeds = (one) => Object.keys(one.tests).length;

function Row({ search, one, rank, epochs }) {
  const each = Object.entries(one.tests).map(([seed, value]) => `seed ${seed}: ${percent(value)}`).join(", ");
  return html`<tr>
    <td class="number">${rank}</td>
    <th scope="row"><a href=${link(search.id, "trials", one.trial)}>#${one.trial}</a></th>
    <td class="number">${percent(one.selection)}</td>
    <td class="number">${epochs}</td>
    <td class="number">${seeds(one)}</td>
    <td class="number" title=${each}><b>${percent(one.mean)}</b>${isNumber(one.spread) ? ` ± ${percent(one.spread)}` : ""}</td>
    <td class="number">${isNumber(one.mean) && isNumber(one.selection) ? gap(one.mean - one.selection) : "–"}</td>
  </tr>`;
}

/** What the search owed to luck, in a sentence. */
function Lead({ finals }) {
  const { lead_before: before, lead_after: after, lead_error: error } = finals;
  if (before === null || after === null) return null;
  return html`<p class="lead">The search's winner led the others by ${gap(before)} in the search and by ${gap(after)}${isNumber(error)
    ? ` ± ${gap(error).slice(1)}` : ""} on the test images:
    its lead ${before >= after ? "shrank" : "grew"} by <strong>${gap(Math.abs(before - after)).slice(1)}</strong>.</p>`;
}

function Table({ search, finals }) {
  const heads = ["In the search", "Epochs", "Seeds", "Test accuracy", "Change"];
  return html`<${Scroll} name="Finals" kind="wide">
    <thead><tr><th scope="col" class="number">Rank</th><th scope="col">Trial</th>
      ${heads.map((word) => html`<th key=${word} scope="col" class="number">${word}</th>`)}</tr></thead>
    <tbody>${finals.finalists.map((one, i) =>
      html`<${Row} key=${one.trial} search=${search} one=${one} rank=${i + 1} epochs=${finals.epochs} />`)}</tbody>
  </${Scroll}>`;
}

function Body({ search, finals, top, reload }) {
  const done = finals.finalists.map(seeds);
  const most = Math.max(...done);
  const partly = most > 0 && done.some((number) => number < most);
  useAgain(partly, reload, 10_000);
  const wanted = Math.max(3, partly ? most : most + 2);
  const command = `nas finals ${search.id} --top ${top} --seeds ${wanted} --epochs ${finals.epochs}`;
  return html`${most ? html`<${Table} search=${search} finals=${finals} /><${Lead} finals=${finals} />` : null}
    <p class="quiet">${most === 0
      ? `Not trained yet at ${several(finals.epochs, "epoch")}. The highest of many noisy scores is too high: this trains the best
        again from scratch, with several seeds, and tests them on images that no trial has seen.`
      : partly
        ? "Some trainings are missing: they go on now, or were interrupted or failed. The command says which, and goes on where it was."
        : "Mean and standard deviation over the seeds, on images that no trial has seen. More seeds:"}</p>
    <div class="code-line"><code>${command}</code><${Copy} text=${() => command} kind="small" />
      <button type="button" class="button small" onClick=${reload}>Look again</button></div>`;
}

/** The card, for searches that have images to train on. */
export function Finals({ search }) {
  const [top, setTop] = useState(3);
  const [epochs, setEpochs] = useState(search.spec.final?.epochs || 1);
  const found = useResource(`searches/${search.id}/finals?top=${top}&epochs=${epochs}`,
    (event) => event.search === search.id && event.kind === "trial.done");
  const change = (event) => {
    if (event.target.reportValidity()) setEpochs(event.target.value);
  };
  const tools = html`<label class="inline">Best <select value=${top} onChange=${(event) => setTop(event.target.value)}>
      ${TOPS.map((number) => html`<option key=${number} value=${number}>${number}</option>`)}</select></label>
    <label class="inline">Epochs <input class="epochs" inputmode="numeric" required pattern="[1-9][0-9]*" value=${epochs} onChange=${change} /></label>`;
  return html`<${Card} title="Finals" tools=${tools}>
    <${Loaded} from=${found} what="the finals">${(data) =>
      html`<${Body} search=${search} finals=${data} top=${top} reload=${found.reload} />`}</${Loaded}>
  </${Card}>`;
}

const bare = (objective) => objective.replace(/^-/, "");

/** All objectives of a search, with - before where less is better. */
export function objectives(search) {
  const { minimise, pareto = [] } = search.spec.objective;
  return [`${minimise ? "-" : ""}${goal(search)}`, ...pareto];
}

function axis(objective) {
  const name = bare(objective);
  return {
    label: metricName(name), more: objective === name,
    of: (trial) => trial.metrics[name], show: (value) => metric(name, value),
  };
}

function Picker({ word, names, value, other, onPick }) {
  return html`<label class="inline">${word} <select value=${value} onChange=${(event) => onPick(event.target.value)}>
    ${names.map((name) => html`<option key=${name} value=${name} disabled=${name === other}>${metricName(bare(name))}</option>`)}
  </select></label>`;
}

function Plot({ trials, found, x, y, onOpen }) {
  const shown = useMemo(() => {
    // The plot holds the best trials by reward only: those of the front are all there.
    const known = new Set(trials.map((trial) => trial.number));
    const rest = found.front.filter((point) => !known.has(point.number));
    return [...trials.filter((trial) => !trial.metrics.excess), ...rest.map((p) => ({ number: p.number, metrics: p.values }))];
  }, [trials, found]);
  const marked = useMemo(() => found.front.map((point) => point.number), [found]);
  const worst = Object.entries(found.reference).map(([name, value]) => `${metricName(name)} ${metric(name, value)}`);
  return html`<${Scatter} trials=${shown} x=${axis(x)} y=${axis(y)} marked=${marked} onOpen=${onOpen}
      note=${`none beats the ${marked.length} on the line in both: the Pareto front.`} />
    <p class="quiet">Hypervolume <strong>${plain(found.hypervolume)}</strong>, down to the worst of each: ${worst.join(", ")}.</p>`;
}

/** The card; `trials` are the finished ones. */
export function FrontCard({ search, trials, onOpen }) {
  const names = objectives(search);
  const [[y, x], choose] = useState(names);
  const found = useResource(`searches/${search.id}/pareto?objectives=${encodeURIComponent(`${y},${x}`)}`,
    (event) => event.search === search.id && event.kind === "trial.done");
  const tools = names.length > 2
    ? html`<${Picker} word="Up" names=${names} value=${y} other=${x} onPick=${(to) => choose([to, x])} />
        <${Picker} word="Across" names=${names} value=${x} other=${y} onPick=${(to) => choose([y, to])} />`
    : null;
  return html`<${Card} title="Pareto front" tools=${tools}>
    <${Loaded} from=${found} what="the front" lines=${8}>${(data) => data.measured < LEAST
      ? html`<p class="quiet chart-wait">${data.measured || trials.length < LEAST
          ? `The plot appears with the ${LEAST}rd finished trial.` : "The trials do not report both objectives."}</p>`
      : html`<${Plot} trials=${trials} found=${data} x=${x} y=${y} onOpen=${onOpen} />`}</${Loaded}>
  </${Card}>`;
}
