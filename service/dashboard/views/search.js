// One search: its header with the acts on it, and the page of it that the route names.
import { html, useEffect, useState } from "../dom.js";
import { post, saved } from "../api.js";
import { ChosenLine, useKept } from "../chosen.js";
import { clock, ended, sentence, several } from "../format.js";
import { Icon } from "../icons.js";
import { useLiveStatus } from "../live.js";
import { Act, Confirm, Loaded, Notice, State, transition } from "../parts.js";
import { useResource } from "../resource.js";
import { go, link } from "../router.js";
import { onSearch, useTitle } from "../store.js";
import { Config } from "./config.js";
import { Compare, Failures, Operations } from "./insights.js";
import { Logs } from "./logs.js";
import { Overview } from "./overview.js";
import { Lineage } from "./lineage.js";
import { Policy } from "./policy.js";
import { ModelsPage } from "./predict.js";
import { TrialPage } from "./trial.js";
import { Trials } from "./trials.js";

const PAGES = { overview: Overview, trials: Trials, trial: TrialPage, compare: Compare, policy: Policy, lineage: Lineage, operations: Operations, failures: Failures, models: ModelsPage, logs: Logs, config: Config };
const OVER = ["finished", "stopped", "failed"];

function LiveSign() {
  const live = useLiveStatus();
  const words = { open: "live", polling: "updated every 5 s", lost: "not live", connecting: "connecting…" };
  return html`<span class=${`live live-${live.state}`} title=${`last sign of life ${clock(live.heard)}`}>
    ${words[live.state] ?? live.state}</span>`;
}

function StopDialog({ search, onAnswer, busy, error }) {
  const { running, done } = search.counts;
  const model = done && search.spec.final?.epochs !== 0;
  return html`<${Confirm} title=${`Stop ${search.name}?`} yes="Stop the search" onAnswer=${onAnswer} busy=${busy} error=${error}>
    <p>${done ? `Kept: all ${several(done, "finished trial")}, what was measured, and the best cell.` : "No trial has finished, so there will be no best cell."}</p>
    <p>${running ? `Ended early: the ${several(running, "trial")} running now. ` : ""}
      ${model ? "The best cell is then trained in full and exported. " : ""}To go on later, pause instead.</p>
  </${Confirm}>`;
}

/** What can be done to the search now. */
function Acts({ search, reload }) {
  const [busy, setBusy] = useState("");
  const [error, setError] = useState("");
  const [asking, ask] = useState(false);
  const act = async (verb) => {
    setBusy(verb);
    setError("");
    try {
      if (verb === "export") {
        const best = search.best.number;
        const made = search.models.some((m) => m.trial === best && m.state !== "failed");
        if (!made) await post(`searches/${search.id}/models`, { trial: best });
        go(link(search.id, "models"));
      } else await post(`searches/${search.id}/${verb}`);
      ask(false);
      await reload();
    } catch (failure) {
      setError(failure.message);
    }
    setBusy("");
  };
  const over = OVER.includes(search.state) || search.state === "finishing";
  const paused = search.state === "paused" || (search.desired === "pause" && !over);
  const short = search.state === "finished" && ended(search.counts) < search.limits.trials;
  const resumable = paused || short || ["stopped", "failed"].includes(search.state);
  const button = (verb, word, kind = "") => html`<button type="button" class=${`button ${kind}`} data-export=${verb === "export" || undefined}
    disabled=${busy !== "" || (verb === "export" && !search.best)} onClick=${() => act(verb)}>${word}</button>`;
  return html`<div class="buttons">
      ${resumable ? button("resume", "Resume") : over ? null : button("pause", "Pause")}
      ${over || search.desired === "stop"
        ? null
        : html`<button type="button" class="button danger-text" onClick=${() => ask(true)}>Stop…</button>`}
      ${button("export", html`<${Icon} name="down" />Export best`, "primary")}
    </div>
    ${error && !asking ? html`<${Notice} kind="bad">${error}</${Notice}>` : null}
    ${asking
      ? html`<${StopDialog} search=${search} busy=${busy !== ""} error=${error}
          onAnswer=${(yes) => (yes ? act("stop") : ask(false))} />`
      : null}`;
}

/** What the reader should know of the state before all else. */
function Standing({ search }) {
  if (search.state === "failed") {
    return html`<${Notice} kind="bad" title="The search failed.">${search.reason || "No reason was given."}
      ${search.counts.done ? " What was found before is kept." : ""}</${Notice}>`;
  }
  if (saved) return null; // what it waits for is over
  if (search.state === "pending") {
    return html`<${Notice}>Queued: it starts as soon as the supervisor takes it up.</${Notice}>`;
  }
  if (search.state === "paused" && search.desired !== "run") {
    return html`<${Notice}>Paused: nothing runs. Resume goes on where it was.</${Notice}>`;
  }
  return null;
}

/** The frame of a search's pages. */
export function Search({ route }) {
  const id = route.params.search;
  useKept(id, route);
  const mine = (event) => event.search === id && !["trial.progress", "finals.state", "comparison.state"].includes(event.kind);
  const search = useResource(`searches/${encodeURIComponent(id)}`, mine);
  useEffect(() => onSearch(search.data), [search.data]);
  useTitle(route.name !== "overview" && `${sentence(route.name)} ${route.params.trial ?? ""}`, search.data?.name ?? "Search");
  if (search.error?.status === 404) {
    return html`<h1>No such search</h1>
      <${Notice} kind="warn">There is no search ${id}. <a href="#/">All searches</a></${Notice}>`;
  }
  const Page = PAGES[route.name];
  return html`<${Loaded} from=${search} what="the search" lines=${8}>${(data) => html`
    <div class="page-head">
      <div class="page-title">
        ${route.name === "overview" ? html`<h1>${data.name}</h1>` : html`<p class="h1"><a href=${link(id)}>${data.name}</a></p>`}
        <${State} state=${data.state} note=${transition(data)} />
        ${OVER.includes(data.state) ? null : html`<${LiveSign} />`}
      </div>
      <${Act} say><${Acts} search=${data} reload=${search.reload} /></${Act}>
    </div>
    <${Standing} search=${data} />
    <${ChosenLine} id=${id} route=${route} />
    <${Page} route=${route} search=${data} />`}</${Loaded}>`;
}
