// What is trained beside a search: its finals, its cells against published networks, fine-tunings. One file,
// because they share most of their words, and three would be a kilobyte more to send.
import { html, useRef, useState } from "../dom.js";
import { freshKey, get, post } from "../api.js";
import { Scatter } from "../charts/pareto.js";
import { difference, isNumber, metric, moment, percent, several } from "../format.js";
import { Card, Copy, Loaded, Notice, Scroll, State } from "../parts.js";
import { useLoad, useResource } from "../resource.js";
import { link } from "../router.js";
import { useTitle } from "../store.js";

const NUMBER = "[1-9][0-9]*";

/** Whether a job, if there is one, has not ended. */
function active(job) {
  return ["pending", "running"].includes(job?.state);
}

/** A cell with mean and spread; pointed at, it tells each seed. */
function Tested({ one }) {
  const each = Object.entries(one.tests).map(([seed, value]) => `seed ${seed}: ${percent(value)}`).join(", ");
  return html`<td class="number" title=${each}><b>${percent(one.mean)}</b>${isNumber(one.spread) ? ` ± ${percent(one.spread)}` : ""}</td>`;
}

/** The trainings that failed: `rows` have failures by seed, `name(row)` names one. */
function Failed({ rows, name }) {
  const lines = rows.flatMap((one) => Object.entries(one.failures).map(([seed, why]) => `${name(one)}, seed ${seed}: ${why}`));
  return lines.length ? html`<${Notice} kind="warn" title=${`${several(lines.length, "training")} failed.`}>
    <ul>${lines.map((line) => html`<li key=${line}>${line}</li>`)}</ul></${Notice}>` : null;
}

/** A job that has not ended: `text` says what trains now, `step` of `epochs`; `stop()` ends it. */
function Course({ job, what, text, epochs, stop, busy }) {
  const { state, total, progress } = job;
  const ended = job.done + job.failed;
  const loss = progress?.metrics.train_loss;
  return html`<div class="make round"><div role="status"><${State} state=${state} /> ${ended} of ${several(total, "training")} ended${job.failed ? `, ${job.failed} failed` : ""}.
      ${progress ? ` ${text}: epoch ${progress.step} of ${epochs}${isNumber(loss) ? `, training loss ${metric("loss", loss)}` : ""}.` : state === "pending" ? " Waits for its turn." : ""}</div>
    <progress max=${total} value=${ended + (progress ? progress.step / epochs : 0)} aria-label=${`Trainings of the ${what}`}></progress>
    <button type="button" class="button danger-text" disabled=${busy} onClick=${stop}>Stop the ${what}</button></div>`;
}

/** Ask something of the service, then look again: [act(path, body, headers), busy, what was refused]. */
function useAct(reload) {
  const [said, say] = useState({ busy: false, error: "" });
  const act = async (...wanted) => {
    say({ busy: true, error: "" });
    try {
      const answer = await post(...wanted);
      await reload();
      say({ busy: false, error: "" });
      return answer;
    } catch (error) {
      say({ busy: false, error: error.message });
      return null;
    }
  };
  return [act, said.busy, said.error];
}

// Finals.

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
        : most ? "Mean and standard deviation over the seeds, on images that no trial has seen. More seeds:" : "None has ended well."}</p>
      <form class="make" onSubmit=${train}>
        <label class="inline">Seeds <input class="epochs" inputmode="numeric" required pattern=${NUMBER} value=${wanted} onInput=${(event) => type(event.target.value)} /></label>
        <button class="button primary" disabled=${busy}>Train finals</button>
      </form>`}
    <p class="field-error" role="alert">${refused}</p>
    ${active(round) ? null : html`<div class="code-line"><code>${command}</code><${Copy} text=${() => command} kind="small" /></div>`}
    <${Others} finals=${finals} pick=${pick} />`;
}

/** The card, for searches that have images to train on. */
export function Finals({ search }) {
  const [top, setTop] = useState(3);
  const [epochs, setEpochs] = useState(search.spec.final?.epochs || 1);
  const [typed, type] = useState(null); // kept apart: what comes in meanwhile must not undo it
  const found = useResource(`searches/${search.id}/finals?top=${top}&epochs=${epochs}`,
    (event) => event.search === search.id && ["trial.done", "finals.state"].includes(event.kind));
  const change = (event) => {
    if (!event.target.reportValidity()) return;
    setEpochs(event.target.value);
    type(null);
  };
  const tools = html`<label class="inline">Best <select value=${top} onChange=${(event) => setTop(event.target.value)}>
      ${TOPS.map((number) => html`<option key=${number} value=${number}>${number}</option>`)}</select></label>
    <label class="inline">Epochs <input class="epochs" inputmode="numeric" required pattern=${NUMBER} value=${typed ?? epochs}
      onInput=${(event) => type(event.target.value)} onChange=${change} /></label>`;
  return html`<${Card} title="Finals" tools=${tools}>
    <${Loaded} from=${found} what="the finals">${(data) =>
      html`<${FinalsBody} search=${search} finals=${data} top=${top} reload=${found.reload} pick=${setEpochs} />`}</${Loaded}>
  </${Card}>`;
}

// Searched against hand-built.

const COLUMNS = { epochs: "Epochs", params: "Parameters", madds: "Multiply-adds", p50_ms: "Latency, ms" };

function Networks({ search, found }) {
  const points = found.rows.map((one, number) => ({ ...one, number })).filter((one) => isNumber(one.mean));
  return html`<${Scroll} name="Networks" kind="wide">
      <thead><tr><th scope="col">Network</th><th scope="col">Kind</th><th scope="col" class="number">Test accuracy</th>
        ${Object.values(COLUMNS).map((word) => html`<th key=${word} scope="col" class="number">${word}</th>`)}</tr></thead>
      <tbody>${found.rows.map((one) => html`<tr key=${one.name}>
        <th scope="row">${one.trial === null ? one.name : html`<a href=${link(search.id, "trials", one.trial)}>${one.name}</a>`}</th>
        <td>${one.kind === "zoo" ? "hand-built" : one.kind}</td><${Tested} one=${one} />
        ${Object.keys(COLUMNS).map((name) => html`<td key=${name} class="number">${metric(name, one[name])}</td>`)}</tr>`)}</tbody>
    </${Scroll}>
    <${Failed} rows=${found.rows} name=${(one) => one.name} />
    ${points.length > 1 ? html`<${Scatter} trials=${points} noun="network" name=${(number) => found.rows[number].name}
        x=${{ label: "parameters", of: (one) => one.params, show: (value) => metric("params", value) }}
        y=${{ label: "test accuracy", of: (one) => one.mean, show: (value) => percent(value) }}
        note="none smaller is better than those on the line, the Pareto front." />` : null}`;
}

/** How far the comparison is, or how it ended. */
function Standing({ found, stop, busy }) {
  const { state, progress } = found;
  if (active(found)) {
    return html`<${Course} job=${found} what="comparison" text=${progress && `${progress.network}, seed ${progress.seed}`}
      epochs=${progress?.epochs} stop=${stop} busy=${busy} />`;
  }
  if (state === "failed") return html`<${Notice} kind="bad" title="The comparison failed.">${found.error}</${Notice}>`;
  return html`<p class="quiet"><${State} state=${state} /> ${found.done} of ${several(found.total, "training")}, all with the recipe of the search.</p>`;
}

function ComparisonBody({ search, found, reload }) {
  const [act, busy, refused] = useAct(reload);
  const path = `searches/${search.id}/comparison`;
  const train = (event) => {
    event.preventDefault();
    const { zoo, ...rest } = Object.fromEntries(new FormData(event.target));
    const wish = { zoo: zoo.split(/[\s,]+/).filter(Boolean) };
    for (const name in rest) wish[name] = Number(rest[name]);
    act(path, wish);
  };
  const number = (name, label, value) => html`<label class="inline">${label} <input class="epochs" name=${name} inputmode="numeric" required pattern="[0-9]+" defaultValue=${value} /></label> `;
  return html`${found ? html`<${Standing} found=${found} busy=${busy} stop=${() => act(`${path}/stop`)} />
      ${found.done + found.failed ? html`<${Networks} search=${search} found=${found} />` : null}`
    : html`<p class="quiet">Trains cells and published networks with one recipe, one budget and the same seeds, and tests them on images that no trial has seen.</p>`}
    ${active(found) ? null : html`<form class="make" onSubmit=${train}>
      ${number("top", "Best cells", 1)}${number("random", "Random cells", 1)}
      <label class="inline">Published networks <input name="zoo" size="24" defaultValue="resnet20_cifar" /></label>
      ${number("epochs", "Epochs", search.spec.final?.epochs || 1)}${number("seeds", "Seeds", 3)}
      <button class="button" disabled=${busy}>Train and compare</button></form>`}
    <p class="field-error" role="alert">${refused}</p>`;
}

/** The card, for searches that have images to train on. */
export function Comparison({ search }) {
  const path = `searches/${search.id}/comparison`;
  const found = useLoad(path, async (signal) => ({ newest: await get(path, signal) }),
    (event) => event.search === search.id && event.kind === "comparison.state");
  return html`<${Card} title="Searched against hand-built"><${Loaded} from=${found} what="the comparison">${(data) =>
    html`<${ComparisonBody} search=${search} found=${data.newest} reload=${found.reload} />`}</${Loaded}></${Card}>`;
}

// Fine-tuning.

const STRATEGIES = { auto: "what is recommended", linear: "the classifier", last: "the last stage", all: "all layers", scratch: "from scratch" };

function Made({ id }) {
  const found = useResource(`models/${id}`);
  return html`<${Loaded} from=${found} what="the model">${(model) => html`<p>Test accuracy <b>${percent(model.metrics.test_accuracy)}</b>:
    model ${id}. ${model.files.map((file) => html`<a key=${file.name} href=${file.url} download>${file.name}</a> `)}</p>`}</${Loaded}>`;
}

function Tuning({ one, act, busy }) {
  const { plan, progress, wish } = one;
  const title = `${plan?.source ?? wish.model ?? wish.zoo} on ${wish.data.source}`;
  const loss = progress?.metrics.train_loss;
  return html`<${Card} title=${title} tools=${html`<${State} state=${one.state} /> <span class="quiet">${moment(one.created_at)}</span>`}>
    ${one.error ? html`<${Notice} kind="bad">${one.error}</${Notice}>` : null}
    ${plan ? html`<p>Recommended: <b>${STRATEGIES[plan.recommended]}</b>${plan.strategy === plan.recommended ? "" : `; done, as asked: ${STRATEGIES[plan.strategy]}`}; ${several(plan.epochs, "epoch")}.</p>
      <ul class="quiet">${plan.reasons.map((why) => html`<li key=${why}>${why}</li>`)}</ul>` : null}
    ${active(one) ? html`<div class="make round"><div role="status">${progress ? `Epoch ${progress.step} of ${plan.epochs}${isNumber(loss) ? `, training loss ${metric("loss", loss)}` : ""}.`
        : one.state === "pending" ? "Waits for its turn." : "Reads and measures."}</div>
      <progress max=${plan?.epochs ?? 1} value=${progress?.step ?? 0} aria-label="Epochs"></progress>
      <button type="button" class="button danger-text" disabled=${busy} onClick=${() => act(`finetunes/${one.id}/stop`)}>Stop</button></div>` : null}
    ${one.model ? html`<${Made} id=${one.model} />` : null}
  </${Card}>`;
}

/** The page. `?model=ID` fills in the start. */
export function Finetune({ route }) {
  useTitle("Fine-tune");
  const found = useResource("finetunes", (event) => event.kind === "finetune.state");
  const [act, busy, refused] = useAct(found.reload);
  const start = (event) => {
    event.preventDefault();
    const { model, source, strategy, epochs } = Object.fromEntries(new FormData(event.target));
    act("finetunes", { model, strategy, data: { source }, recipe: epochs ? { epochs: Number(epochs) } : {} });
  };
  return html`<h1>Fine-tune</h1>
    <${Card} title="Adapt a model to your images">
      <form class="make" onSubmit=${start}>
        <label class="inline">Model <input name="model" size="12" required defaultValue=${route.query.get("model") ?? ""} /></label>
        <label class="inline">Images, a folder on the service's machine <input name="source" size="24" required defaultValue="digits" /></label>
        <label class="inline">Train <select name="strategy">${Object.entries(STRATEGIES).map(([name, words]) => html`<option key=${name} value=${name}>${words}</option>`)}</select></label>
        <label class="inline">Epochs <input name="epochs" inputmode="numeric" pattern="[1-9][0-9]*" placeholder="auto" /></label>
        <button class="button primary" disabled=${busy}>Fine-tune</button>
      </form><p class="field-error" role="alert">${refused}</p>
    </${Card}>
    <${Loaded} from=${found} what="the fine-tunings">${(page) => page.items.map((one) => html`<${Tuning} key=${one.id} one=${one} act=${act} busy=${busy} />`)}</${Loaded}>`;
}
