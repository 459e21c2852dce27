// The overview of a search: figures, charts, what runs now, the best trials.
import { html, useMemo, useState } from "../dom.js";
import { getPages, saved } from "../api.js";
import { chosenOf } from "../chosen.js";
import { Scatter, costs } from "../charts/pareto.js";
import { LEAST, RewardChart, lastFigure } from "../charts/reward.js";
import { count, duration, ended, goal, isNumber, metric, metricName, partName, plain, reward, sentence, several } from "../format.js";
import { Card, Loaded, Tile } from "../parts.js";
import { useHistory } from "../history.js";
import { useLoad } from "../resource.js";
import { go, link } from "../router.js";
import { kindName, useFailures } from "./insights.js";
import { Audit, FrontCard, Verdict, objectives } from "./honesty.js";
import { Running } from "./running.js";
import { TrialTable } from "./table.js";
import { Comparison } from "./comparison.js";
import { Finals } from "./finals.js";

const TOP = 8;
const MOST = 3000; // points of the scatter plot: the best ones, a page at a time

/** The best finished trials, at most `MOST`. */
async function bestTrials(id, signal) {
  return (await getPages(`searches/${id}/trials`, { state: "done", sort: "-reward" }, MOST, signal)).items;
}

/** Failures by cause: `31 out of memory, 6 diverged`. */
function FailedTile({ search }) {
  const failed = search.counts.failed;
  const words = (useFailures(search).data?.items ?? []).map((group) => `${group.count} ${kindName(group.kind)}`);
  return html`<${Tile} label="Failed" value=${count(failed)} note=${failed ? words.slice(0, 2).join(" · ") : "none"}
    href=${failed ? link(search.id, "failures") : undefined} />`;
}

function EstimateNote({ search }) {
  if (search.state === "running" && search.eta_seconds !== null) return `≈ ${duration(search.eta_seconds)} left`;
  if (search.counts.cached) return `${count(search.counts.cached)} answered from earlier ones`;
  return search.counts.running ? `${count(search.counts.running)} running` : "of the limit";
}

/** What the controller shows of itself, if it does. */
function PolicyTile({ history }) {
  const entropy = lastFigure(history, "entropy");
  const baseline = lastFigure(history, "baseline");
  if (isNumber(entropy)) {
    const note = baseline === undefined ? "of the policy, in nats" : `nats; baseline ${plain(baseline)}`;
    return html`<${Tile} label="Policy entropy" value=${plain(entropy)} note=${note} />`;
  }
  if (isNumber(baseline)) return html`<${Tile} label="Baseline" value=${plain(baseline)} note="moving average" />`;
  return null;
}

function Tiles({ search, history }) {
  const { best, counts, id, limits } = search;
  const name = metricName(goal(search));
  return html`<div class="tiles">
    <${Tile} label=${`Best ${name}`} value=${best ? reward(search, best.reward) : "–"}
      note=${best ? html`trial <a href=${link(search.id, "trials", best.number)}>#${best.number}</a>` : "no trial has finished"} />
    <${Tile} label="Trials" value=${`${count(ended(counts))} / ${count(limits.trials)}`}
      share=${ended(counts) / limits.trials} note=${html`<${EstimateNote} search=${search} /> · <a href=${link(id, "config")}>limits</a>`} href=${link(id, "trials")} />
    <${FailedTile} search=${search} />
    <${PolicyTile} history=${history} />
    <${Tile} label="Running time" value=${duration(search.seconds_running ?? 0)}
      note=${limits.hours ? `of at most ${duration(limits.hours * 3600)}` : several(limits.workers, "worker")} />
  </div>`;
}

function SizeCard({ search, trials, ...acts }) {
  const names = useMemo(() => costs(trials), [trials]);
  const [chosen, choose] = useState("");
  const name = names.includes(chosen) ? chosen : names[0];
  const tools = names.length > 1
    ? html`<label class="inline"><span class="offscreen">Cost</span><select value=${name} onChange=${(event) => choose(event.target.value)}>
        ${names.map((option) => html`<option key=${option} value=${option}>${metricName(option)}</option>`)}
      </select></label>`
    : null;
  const label = metricName(goal(search));
  const title = `${label} against cost`;
  const x = { label: metricName(name ?? ""), of: (trial) => trial.metrics[name], show: (value) => metric(name, value) };
  const y = { label, of: (trial) => trial.reward, show: (value) => reward(search, value) };
  return html`<${Card} title=${sentence(title)} tools=${tools}>
    ${trials.length < LEAST || !name
      ? html`<p class="quiet chart-wait">${name || !trials.length ? `The plot appears with the ${LEAST}rd finished trial.` : "The trials report no size."}</p>`
      : html`<${Scatter} trials=${trials} x=${x} y=${y} ...${acts}
          note="none smaller is better than those on the line, the Pareto front." />`}
    ${name && search.spec.data && goal(search) === "accuracy" && !saved ? html`<p class="quiet"><a href=${`#/zoo?s=${search.id}`}>Beside published networks</a></p>` : null}
    ${trials.length >= MOST ? html`<p class="quiet">The best ${count(MOST)} of ${count(search.counts.done)}.</p>` : null}
  </${Card}>`;
}

/** The page. */
export function Overview({ search, route }) {
  const id = search.id;
  const finished = (event) =>
    event.search === id && ["trial.done", "trial.failed", "trial.stopped"].includes(event.kind);
  const history = useHistory(id, finished);
  const best = useLoad(`best ${id}`, (signal) => bestTrials(id, signal), (event) => event.search === id && event.kind === "trial.done");
  const acts = { onOpen: (number) => go(link(id, "trials", number)), ...chosenOf(id, route) };
  const Right = objectives(search).length > 1 ? FrontCard : SizeCard;
  return html`<${Tiles} search=${search} history=${history.data} />
    <${Verdict} search=${search} history=${history.data} />
    <div class="pair">
      <${Card} title="Reward" kind="chart-card">
        <${Loaded} from=${history} what="the rewards" lines=${8}>${(data) =>
          html`<${RewardChart} search=${search} history=${data} ...${acts} />`}</${Loaded}>
      </${Card}>
      <${Loaded} from=${best} what="the trials" lines=${8}>${(data) =>
        html`<${Right} search=${search} trials=${data} ...${acts} />`}</${Loaded}>
    </div>
    <${Running} search=${search} />
    ${search.spec.data && search.counts.done ? html`<${Finals} search=${search} /><${Comparison} search=${search} />` : null}
    ${partName(search.spec.evaluator) === "trained" ? html`<${Audit} search=${search} />` : null}
    <${Card} title="Top trials" tools=${html`<a class="button small" href=${link(id, "trials")}>All trials</a>`}>
      <${Loaded} from=${best} what="the best trials">${(data) => data.length
        ? html`<${TrialTable} search=${search} trials=${data.slice(0, TOP)} name="Top trials" ranked chosen=${acts.chosen} onChoose=${acts.choose} />`
        : html`<p class="quiet">The best trials stand here as soon as one has finished.</p>`}</${Loaded}>
    </${Card}>`;
}
