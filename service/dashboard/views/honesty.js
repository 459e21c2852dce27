// Did the search do anything? Its verdict against random, the audit of its score, the front of several objectives.
import { html, useMemo, useState } from "../dom.js";
import { get } from "../api.js";
import { Scatter } from "../charts/pareto.js";
import { LEAST } from "../charts/reward.js";
import { difference, goal, isNumber, metric, metricName, moment, percent, plain, reward, several } from "../format.js";
import { Act, Card, Copy, Loaded, Notice, State } from "../parts.js";
import { useLoad, useResource } from "../resource.js";

/** Finished trials of both arms, of a history: {search, random}. */
export function arms(history) {
  const [, search, random] = history.reward.reduce((counts, value, i) => {
    if (isNumber(value)) counts[history.arm[i]] += 1;
    return counts;
  }, [0, 0, 0]);
  return { search, random };
}

function Without({ search }) {
  return html`<p class="quiet">This search has no random arm, so nothing can be said.
    A new one gets it with <code>--control-fraction 0.25</code>, or with <b>control fraction</b> under Advanced:
    every fourth trial is then random. <${Act}><a href=${`#/new?from=${encodeURIComponent(search.id)}`}>Begin with these options</a></${Act}></p>`;
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

const signed = (value) => (isNumber(value) ? `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}` : "undefined");

function Audited({ search, audit }) {
  const command = `nas audit --search ${search.id}`;
  if (!audit) {
    return html`<p class="quiet">Not audited. A trial trains briefly and hopes that the order stays the same; this trains a few
        architectures short and long and compares:</p>
      <div class="code-line"><code>${command}</code><${Copy} text=${() => command} kind="small" /></div>`;
  }
  return html`<p>Kendall's tau <strong>${signed(audit.tau)}</strong>, ${percent(0.95, 0)} interval ${signed(audit.low)} to
      ${` ${signed(audit.high)}: ${several(audit.short_epochs, "epoch")}`} against ${audit.long_epochs}, ${several(audit.rows.length, "architecture")}, ${several(audit.seeds, "seed")}.</p>
    ${isNumber(audit.noise) ? html`<p class="quiet">Short scores differ by ${percent(audit.noise)} between seeds and by ${percent(audit.spread)} between architectures.</p>` : null}
    ${audit.warning ? html`<${Notice} kind="warn">${audit.warning}</${Notice}>` : null}
    <p class="quiet">Audited at ${moment(audit.created_at)}.</p>`;
}

/** The card of the last audit, for searches whose trials train. */
export function Audit({ search }) {
  const path = `searches/${search.id}/audit`; // null where there is none, which is an answer too
  const found = useLoad(path, async (signal) => ({ audit: await get(path, signal) }));
  return html`<${Card} title="Does the score rank?">
    <${Loaded} from=${found} what="the audit">${({ audit }) => html`<${Audited} search=${search} audit=${audit} />`}</${Loaded}>
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

function Plot({ trials, found, x, y, ...acts }) {
  const shown = useMemo(() => {
    // The plot holds the best trials by reward only: those of the front are all there.
    const known = new Set(trials.map((trial) => trial.number));
    const rest = found.front.filter((point) => !known.has(point.number));
    return [...trials.filter((trial) => !trial.metrics.excess), ...rest.map((p) => ({ number: p.number, metrics: p.values }))];
  }, [trials, found]);
  const marked = useMemo(() => found.front.map((point) => point.number), [found]);
  const worst = Object.entries(found.reference).map(([name, value]) => `${metricName(name)} ${metric(name, value)}`);
  return html`<${Scatter} trials=${shown} x=${axis(x)} y=${axis(y)} marked=${marked} ...${acts}
      note=${`none beats the ${marked.length} on the line in both: the Pareto front.`} />
    <p class="quiet">Hypervolume <strong>${plain(found.hypervolume)}</strong>, down to the worst of each: ${worst.join(", ")}.</p>`;
}

/** The card; `trials` are the finished ones. */
export function FrontCard({ search, trials, ...acts }) {
  const names = objectives(search);
  const [[y, x], choose] = useState(names);
  const found = useResource(`searches/${search.id}/pareto?objectives=${encodeURIComponent(`${y},${x}`)}`,
    (event) => event.search === search.id && event.kind === "trial.done");
  const tools = names.length > 2
    ? html`<${Picker} word="Up" names=${names} value=${y} other=${x} onPick=${(to) => choose(([, across]) => [to, across])} />
        <${Picker} word="Across" names=${names} value=${x} other=${y} onPick=${(to) => choose(([up]) => [up, to])} />`
    : null;
  return html`<${Card} title="Pareto front" tools=${tools}>
    <${Loaded} from=${found} what="the front" lines=${8}>${(data) => data.measured < LEAST
      ? html`<p class="quiet chart-wait">${data.measured || trials.length < LEAST
          ? `The plot appears with the ${LEAST}rd finished trial.` : "The trials do not report both objectives."}</p>`
      : html`<${Plot} trials=${trials} found=${data} x=${x} y=${y} ...${acts} />`}</${Loaded}>
  </${Card}>`;
}
