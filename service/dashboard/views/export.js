// The models made from a search, and from a trial to a model: make it, watch it train, take the files, and the lines that load it.
import { html, useRef, useState } from "../dom.js";
import { freshKey, post } from "../api.js";
import { bytes, isNumber, metric, metricName, moment, percent, several } from "../format.js";
import { Icon } from "../icons.js";
import { Act, Card, Copy, Loaded, Notice, Scroll, State } from "../parts.js";
import { useAgain, useResource } from "../resource.js";
import { link } from "../router.js";
import { useAct } from "./jobs.js";

const MAIN = ["test_accuracy", "params", "madds"];

/** Python that loads the downloaded files. */
function snippet(model) {
  const names = model.files.map((file) => file.name);
  const code = names.find((name) => name.endsWith(".py")) ?? "model.py";
  const module = code.replace(/\.py$/, "");
  return [
    `# beside the downloaded ${names.filter((name) => /\.(py|safetensors)$/.test(name)).join(" and ")}; needs torch only`,
    `import torch, ${module}`,
    "",
    `network, task = ${module}.load(), ${module}.TASK`,
    "shape = (1, task.channels, task.height, task.width)",
    "images = torch.zeros(shape, dtype=torch.uint8)",
    `logits = network(${module}.preprocess(images))`,
    `print([${module}.CLASSES[i] for i in logits.argmax(1)])`,
  ].join("\n");
}

/** The files of a model, with their sizes and hashes. */
function Files({ model }) {
  return html`<${Scroll} name=${`Files of model ${model.id}`} kind="files">
    <thead><tr><th scope="col">File</th><th scope="col" class="number">Size</th><th scope="col">SHA-256</th></tr></thead>
    <tbody>${model.files.map((file) => html`<tr key=${file.name}>
      <th scope="row"><a href=${new URL(file.url, document.baseURI).href} download=${file.name}><${Icon} name="down" />${file.name}</a></th>
      <td class="number">${bytes(file.size_bytes)}</td>
      <td><code title=${file.sha256}>${file.sha256.slice(0, 12)}…</code></td>
    </tr>`)}</tbody>
  </${Scroll}>`;
}

function Progress({ model }) {
  const step = model.progress?.step ?? model.progress?.epoch;
  const words = model.state === "pending"
    ? "Waits for its turn."
    : isNumber(step) ? `Epoch ${step} of ${model.epochs}.` : "Training from scratch on all training data.";
  const shown = Object.entries(model.progress?.metrics ?? {}).filter(([name]) => ["loss", "train_loss"].includes(name));
  return html`<div role="status"><p>${words}
      ${shown.map(([name, value]) => html`<span class="quiet" key=${name}> ${metricName(name)} ${metric(name, value)}</span>`)}</p>
    <progress max=${model.epochs || 1} value=${step ?? undefined} aria-label="Epochs of the final training"></progress></div>`;
}

/** The formats that a model has no file of yet, to be made from its weights. */
function Formats({ search, model, onMade }) {
  const [open, unfold] = useState(false);
  const catalog = useResource(open ? "catalog" : null, () => false);
  const [act, busy, refused] = useAct(onMade);
  const there = new Set(model.files.map((file) => file.name));
  const make = (event) => {
    event.preventDefault();
    const formats = new FormData(event.target).getAll("format");
    if (formats.length) act(`searches/${search.id}/models`, { trial: model.trial, epochs: model.epochs, formats });
  };
  const list = ({ formats }) => html`<form onSubmit=${make}>
    ${formats.filter((one) => !there.has(one.file)).map((one) => html`<label key=${one.name}>
      <input type="checkbox" name="format" value=${one.name} disabled=${Boolean(one.missing)} /> <span><b>${one.name}</b> ${one.missing || one.summary}</span></label>`)}
    <button class="button" disabled=${busy}>Make the files</button><p class="field-error" role="alert">${refused}</p></form>`;
  return html`<details class="as-text formats" onToggle=${(event) => unfold(event.target.open)}><summary>Other formats: ONNX, torch.export, int8…</summary>
    ${open ? html`<${Loaded} from=${catalog} what="the formats">${list}</${Loaded}>` : null}</details>`;
}

/** Everything about one model. */
export function ModelDetail({ search, model, onMade }) {
  if (model.state === "failed") {
    return html`<${Notice} kind="bad" title="The model could not be made.">${model.error}</${Notice}>`;
  }
  if (model.state !== "done") return html`<${Progress} model=${model} />`;
  const accuracy = model.metrics.test_accuracy;
  const others = Object.entries(model.metrics).filter(([name]) => MAIN.includes(name) && name !== "test_accuracy");
  return html`
    ${isNumber(accuracy) ? html`<p class="headline"><strong>${percent(accuracy)}</strong> test accuracy
      <span class="quiet">after ${several(model.epochs, "epoch")}, on images that the search never saw</span></p>` : null}
    ${others.length ? html`<p class="quiet">${others.map(([name, value]) => `${metric(name, value)} ${metricName(name)}`).join(" · ")}</p>` : null}
    <${Files} model=${model} />
    <${Formats} search=${search} model=${model} onMade=${onMade} />
    <h3>Use it</h3>
    <pre class="code" tabindex="0" aria-label="Python that loads the model">${snippet(model)}</pre>
    <p class="buttons"><${Copy} text=${() => snippet(model)} label="Copy code" />
      <a class="button" href=${`#/finetune?model=${model.id}`}>Fine-tune it on other images</a></p>`;
}

function MakeForm({ search, trial, onMade, again }) {
  const [epochs, setEpochs] = useState(String(search.spec.final?.epochs || 12));
  const [state, set] = useState({ busy: false, error: "" });
  const key = useRef(freshKey());
  const make = async (event) => {
    event.preventDefault();
    const typed = event.target.elements["final-epochs"].value.trim();
    if (!/^\d+$/.test(typed)) return set({ busy: false, error: "Epochs is a whole number, 1 or more." });
    set({ busy: true, error: "" });
    try {
      await post(`searches/${search.id}/models`, { trial, epochs: Number(typed) }, { "Idempotency-Key": key.current });
      key.current = freshKey();
      await onMade();
      set({ busy: false, error: "" });
    } catch (error) {
      set({ busy: false, error: error.message });
    }
    return undefined;
  };
  return html`<form class="make" onSubmit=${make} novalidate>
    <label for="final-epochs">Epochs</label>
    <input id="final-epochs" inputmode="numeric" size="5" value=${epochs} onInput=${(event) => setEpochs(event.target.value)}
      aria-invalid=${state.error ? "true" : undefined} aria-describedby="final-error" />
    <button class="button primary" data-export disabled=${state.busy}><${Icon} name="down" />${again ? "Make another" : "Make the model"}</button>
    <p id="final-error" class="field-error" role="alert">${state.error}</p>
  </form>`;
}

/** The models of one search, kept up to date. */
export function useModels(search) {
  const models = useResource(`searches/${search.id}/models`, (event) => event.search === search.id && event.kind === "model.state");
  const busy = (models.data?.items ?? models.data ?? []).some((model) => ["pending", "running"].includes(model.state));
  useAgain(busy, models.reload, 2000); // epochs of a final training
  return { ...models, list: models.data?.items ?? models.data };
}

/** The panel on a trial's page. */
export function ExportPanel({ search, trial }) {
  const models = useModels(search);
  const mine = (models.list ?? []).filter((model) => model.trial === trial);
  const model = mine.find((m) => ["pending", "running"].includes(m.state)) ?? mine.find((m) => m.state === "done") ?? mine[0];
  const busy = model && ["pending", "running"].includes(model.state);
  return html`<${Card} title="Export" kind="export"
    tools=${mine.length > 1 ? html`<a href=${link(search.id, "models")}>all ${mine.length} models</a>` : null}>
    ${model ? html`<${State} state=${model.state} /><${ModelDetail} search=${search} model=${model} onMade=${models.reload} />` : html`<p>
      Trains this architecture from scratch on all training data, measures it once on the test set, and
      writes a Python file that needs only torch, with weights and a model card.</p>`}
    ${busy ? null : html`<${Act} say><${MakeForm} search=${search} trial=${trial} again=${Boolean(model)} onMade=${models.reload} /></${Act}>`}
  </${Card}>`;
}

function Model({ search, model, onMade }) {
  const title = `Trial #${model.trial}`;
  return html`<${Card} many title=${title} tools=${html`<${State} state=${model.state} />`}>
    <p class="quiet">From <a href=${link(search.id, "trials", model.trial)}>trial #${model.trial}</a>${model.created_at ? `, asked for at ${moment(model.created_at)}` : ""}.</p>
    <${ModelDetail} search=${search} model=${model} onMade=${onMade} />
  </${Card}>`;
}

/** The page of all models of a search. */
export function Models({ search }) {
  const models = useModels(search);
  return html`<div class="page-head"><h1>Models</h1></div>
    <${Loaded} from=${{ ...models, data: models.list ?? null }} what="the models" lines=${5}>${(list) => list.length
      ? html`<div class="stack">${list.map((model) => html`<${Model} key=${model.id} search=${search} model=${model} onMade=${models.reload} />`)}</div>`
      : html`<${Notice}>No model has been made yet. ${search.best
          ? html`Press <b>Export best</b> above, or make one from any <a href=${link(search.id, "trials")}>trial</a>.`
          : "The first finished trial can become one."}</${Notice}>`
    }</${Loaded}>`;
}
