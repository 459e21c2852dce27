// The finals of a search: its best trained again from scratch with several seeds, on images it never saw.
import { html, useRef, useState } from "../dom.js";
import { freshKey, saved } from "../api.js";
import { difference, isNumber, percent, several } from "../format.js";
import { Act, Card, Copy, Loaded, Notice, Scroll, State, Typed } from "../parts.js";
import { useResource } from "../resource.js";
import { link } from "../router.js";
import { Course, Failed, Tested, active, useAct } from "./jobs.js";

const NUMBER = "[1-9][0-9]*";
const TOPS = [1, 2, 3, 5, 10, 20, 50];

const gap = (value) => difference("accuracy", value);
const seeds = (one) => Object.keys(one.tests).length;

function Finalist({ search, one, rank, epochs }) {
  return html`<tr>
    <td class="number">${rank}</td>
    <th scope="row"><a href=${link(search.id, "trials", one.trial)}>#${one.trial}</a></th>
    <td class="number">${percent(one.selection)}</td>
    <td class="number">${epochs}</td>
    <td class="number">${seeds(one)}</td>
    <${Tested} one=${one} />
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

function FinalsTable({ search, finals }) {
  const heads = ["In the search", "Epochs", "Seeds", "Test accuracy", "Change"];
  return html`<${Scroll} name="Finals" kind="wide">
      <thead><tr><th scope="col" class="number">Rank</th><th scope="col">Trial</th>
        ${heads.map((word) => html`<th key=${word} scope="col" class="number">${word}</th>`)}</tr></thead>
      <tbody>${finals.finalists.map((one, i) =>
        html`<${Finalist} key=${one.trial} search=${search} one=${one} rank=${i + 1} epochs=${finals.epochs} />`)}</tbody>
    </${Scroll}>
    <${Failed} rows=${finals.finalists} name=${(one) => `Trial #${one.trial}`} />
    <${Lead} finals=${finals} />`;
}

/** The newest asking for finals: how far it is, or how it ended. */
function Round({ round, stop, busy }) {
  const { state, progress, total, epochs } = round;
  if (state === "failed") return html`<${Notice} kind="bad" title=${`The finals at ${several(epochs, "epoch")} failed.`}>${round.error}</${Notice}>`;
  if (state === "stopped") {
    return html`<p class="quiet"><${State} state=${state} /> after ${round.done + round.failed} of ${several(total, "training")} at ${several(epochs, "epoch")}; what is trained is kept.</p>`;
  }
  if (state === "done") return null;
  const text = progress && `Trial #${progress.trial}, seed ${progress.seed}`;
  return html`<${Course} job=${round} what="finals" text=${text} epochs=${epochs} stop=${stop} busy=${busy} />`;
}

/** What there is at other numbers of epochs. */
function Others({ finals, pick }) {
  const others = finals.trained.filter((epochs) => epochs !== finals.epochs);
  return others.length ? html`<p class="quiet">Also trained: ${others.map((epochs) =>
    html`<button type="button" class="link" key=${epochs} onClick=${() => pick(epochs)}>${several(epochs, "epoch")}</button> `)}</p>` : null;
}

function FinalsBody({ search, finals, top, reload, pick }) {
  const done = finals.finalists.map(seeds);
  const most = Math.max(...done);
  const ended = finals.finalists.map((one, i) => done[i] + Object.keys(one.failures).length);
  const partly = most > 0 && ended.some((number) => number < most);
  const { round } = finals;
  const [typed, type] = useState("");
  const [act, busy, refused] = useAct(reload);
  const key = useRef(freshKey());
  const wanted = typed || String(Math.max(3, partly ? most : most + 2));
  const command = `nas finals ${search.id} --top ${top} --seeds ${wanted} --epochs ${finals.epochs}`;
  const path = `searches/${search.id}/finals`;
  const train = async (event) => {
    event.preventDefault();
    const wish = { top: Number(top), seeds: Number(wanted), epochs: finals.epochs };
    if (!(await act(path, wish, { "Idempotency-Key": key.current }))) return;
    key.current = freshKey();
    type("");
  };
  return html`${most || ended.some(Boolean) ? html`<${FinalsTable} search=${search} finals=${finals} />` : null}
    ${round ? html`<${Round} round=${round} stop=${() => act(`${path}/stop`)} busy=${busy} />` : null}
    ${active(round) ? null : html`<p class="quiet">${!ended.some(Boolean)
      ? `Not trained yet at ${several(finals.epochs, "epoch")}. The highest of many noisy scores is too high: this trains the best
        again from scratch, with several seeds, and tests them on images that no trial has seen.`
      : partly
        ? "Some trainings are missing: this goes on where it was."
        : most ? "Mean and standard deviation over the seeds, on images that no trial has seen." : "None has ended well."}</p>
      <${Act}><form class="make" onSubmit=${train}>
        <label class="inline">Seeds <input class="epochs" inputmode="numeric" required pattern=${NUMBER} value=${wanted} onInput=${(event) => type(event.target.value)} /></label>
        <button class="button primary" disabled=${busy}>Train finals</button>
      </form></${Act}>`}
    <p class="field-error" role="alert">${refused}</p>
    <${Act}>${active(round) ? null : html`<div class="code-line"><code>${command}</code><${Copy} text=${() => command} kind="small" /></div>`}</${Act}>
    <${Others} finals=${finals} pick=${pick} />`;
}

/** The card, for searches that have images to train on. */
export function Finals({ search }) {
  const [top, setTop] = useState(3);
  const [epochs, setEpochs] = useState(search.spec.final?.epochs || 1);
  const found = useResource(`searches/${search.id}/finals?top=${top}&epochs=${epochs}`,
    (event) => event.search === search.id && ["trial.done", "finals.state"].includes(event.kind));
  const tools = html`<label class="inline">Best <select value=${top} onChange=${(event) => setTop(event.target.value)}>
      ${TOPS.map((number) => html`<option key=${number} value=${number}>${number}</option>`)}</select></label>
    ${saved ? null : html`<label class="inline">Epochs <${Typed} class="epochs" inputmode="numeric" required pattern=${NUMBER} value=${epochs} onDone=${setEpochs} /></label>`}`;
  return html`<${Card} title="Finals" tools=${tools}>
    <${Loaded} from=${found} what="the finals">${(data) =>
      html`<${FinalsBody} search=${search} finals=${data} top=${top} reload=${found.reload} pick=${setEpochs} />`}</${Loaded}>
  </${Card}>`;
}
