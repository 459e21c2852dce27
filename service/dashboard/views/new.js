// The form for a new search, made from the catalog: every option that there is, nothing written twice.
import { html, useRef, useState } from "../dom.js";
import { freshKey, get, post } from "../api.js";
import { commandLine, pythonCode } from "../form/command.js";
import { EPOCHS, PARTS, begin, build, chosen, fields, needsData, place, type } from "../form/draft.js";
import { Estimate } from "../form/estimate.js";
import { FieldRow, Fields } from "../form/field.js";
import { flat } from "../form/schema.js";
import { count } from "../format.js";
import { Act, Card, Copy, Loaded, Notice } from "../parts.js";
import { useLoad } from "../resource.js";
import { go, link } from "../router.js";
import { useTitle } from "../store.js";

const OWN = "\u0000own";
const MAIN = ["name", "data.source", "data.train_images", "limits.trials", "execution.workers", EPOCHS];
const drafts = new Map(); // what was typed, by the search it is a copy of: kept while the page lives

async function load(from, signal) {
  const catalog = await get("catalog", signal);
  if (!from) return { catalog, initial: catalog.defaults };
  const search = await get(`searches/${encodeURIComponent(from)}`, signal);
  return { catalog, initial: { ...search.spec, name: `${search.name} again`.slice(0, 100) } };
}

/** How large a space is, if the catalog says. */
function sizeOf(entry) {
  const size = Number(entry?.size);
  if (!Number.isFinite(size) || size <= 0) return "";
  if (size < 1e9) return `${count(size)} architectures.`;
  const [factor, power] = size.toExponential(1).split("e+");
  return html`${factor} × 10<sup>${power}</sup> architectures.`;
}

function PartPicker({ catalog, form, part, onInput, label }) {
  const list = catalog[PARTS[part]];
  const name = chosen(form, part);
  const entry = list.find((item) => item.name === name);
  const field = { path: `${part}.name`, kind: "choice", label: part, value: form.initial[part].name, choices: [] };
  const help = html`${entry?.summary} ${part === "space" ? sizeOf(entry) : null}`;
  return html`<${FieldRow} field=${field} label=${label} typed=${form.typed[field.path]} error=${form.errors[field.path]}
    onInput=${onInput} help=${help} choices=${list.map((item) => [item.name, item.name])} />`;
}

/** A data set by name, or the path of the user's own images. */
function SourcePicker({ catalog, form, field, onInput }) {
  const value = form.typed[field.path] ?? field.value ?? "";
  const known = catalog.datasets.map((item) => item.name);
  const [own, setOwn] = useState(!known.includes(value));
  const pickField = { ...field, path: "data.choice", kind: "choice", choices: [] };
  const pick = (_, name) => {
    setOwn(name === OWN);
    onInput(field, name === OWN ? "" : name);
  };
  const summary = catalog.datasets.find((item) => item.name === value)?.summary ?? "";
  const choices = [...known.map((name) => [name, name]), [OWN, "own images…"]];
  return html`<${FieldRow} field=${pickField} label="Images" typed=${own ? OWN : value} onInput=${pick} choices=${choices}
      error=${own ? undefined : form.errors[field.path]}
      help=${own ? "A folder or .zip with one folder of images per class (train/CLASS and test/CLASS, or CLASS alone), or a .npz." : summary} />
    ${own ? html`<${FieldRow} field=${field} label="Path of the images" typed=${value} error=${form.errors[field.path]} onInput=${onInput}
        help=${html`As the machine of the service sees it, for example /home/me/pictures.zip. <a href="#/settings">Upload them, or give them a name</a>`} />` : null}`;
}

function Basics({ catalog, form, all, onInput }) {
  const by = Object.fromEntries(flat([...all.own, ...Object.values(all.parts).flat()]).map((field) => [field.path, field]));
  const row = (path, label, help) => by[path]
    ? html`<${FieldRow} key=${path} field=${by[path]} label=${label} help=${help} typed=${form.typed[path]} error=${form.errors[path]} onInput=${onInput} />`
    : null;
  return html`
    <${Card} title="What to search"><div class="grid">
      ${row("name", "Name", "What you will find it by.")}
      <${PartPicker} catalog=${catalog} form=${form} part="space" label="Space" onInput=${onInput} />
      <${PartPicker} catalog=${catalog} form=${form} part="controller" label="Controller" onInput=${onInput} />
    </div></${Card}>
    ${needsData(catalog, form) ? html`<${Card} title="Data"><div class="grid">
      <${SourcePicker} catalog=${catalog} form=${form} field=${by["data.source"]} onInput=${onInput} />
      ${row("data.train_images", "Training images")}
    </div></${Card}>` : null}
    <${Card} title="How long"><div class="grid">
      ${row("limits.trials", "Trials", "Architectures to try.")}
      ${row(EPOCHS, "Epochs a trial", "More rank better, and take longer.")}
      ${row("execution.workers", "Workers", "Trials at the same time.")}
    </div></${Card}>`;
}

const GROUPS = { space: "Space", controller: "Controller", evaluator: "Evaluator" };

function Advanced({ catalog, form, all, onInput, open, onToggle }) {
  const same = { typed: form.typed, errors: form.errors, onInput, skip: MAIN };
  const loose = all.own.filter((field) => !field.fields && !MAIN.includes(field.path));
  const groups = all.own.filter((field) => field.fields && (field.key !== "data" || needsData(catalog, form)));
  return html`<details class="card advanced" open=${open} onToggle=${(event) => onToggle(event.target.open)}>
    <summary><h2>Advanced</h2> <span class="quiet">every option, with the default that it has</span></summary>
    ${Object.keys(PARTS).map((part) => html`<fieldset class="group" key=${part}><legend>${GROUPS[part]} ${chosen(form, part)}</legend>
      <div class="grid">
        ${part === "evaluator" ? html`<${PartPicker} catalog=${catalog} form=${form} part=${part} label="Evaluator" onInput=${onInput} />` : null}
        <${Fields} fields=${all.parts[part]} ...${same} />
        ${all.parts[part].length ? null : html`<p class="quiet">No options.</p>`}
      </div></fieldset>`)}
    ${groups.map((field) => html`<fieldset class="group" key=${field.path}><legend>${field.label}</legend>
      <div class="grid"><${Fields} fields=${executorChoices(field.fields, catalog)} ...${same} /></div></fieldset>`)}
    <fieldset class="group"><legend>search</legend><div class="grid"><${Fields} fields=${loose} ...${same} /></div></fieldset>
  </details>`;
}

/** The executor is a name of the catalog, though the schema knows it as a text. */
function executorChoices(list, catalog) {
  const names = catalog.executors.map((item) => item.name);
  return list.map((field) => (field.path === "execution.executor" ? { ...field, kind: "choice", choices: names } : field));
}

function Summary({ catalog, form, busy, rest, onTry }) {
  const { spec, errors } = build(catalog, form);
  const command = commandLine(spec, catalog.defaults);
  const wrong = Object.values(form.errors).filter(Boolean).length;
  const unread = Object.keys(errors).length;
  return html`<aside class="card summary" aria-label="Start">
    ${rest.map((text) => html`<${Notice} key=${text} kind="bad">${text}</${Notice}>`)}
    ${wrong ? html`<${Notice} kind="bad" title=${`${wrong} field${wrong === 1 ? " needs" : "s need"} another value.`}>Nothing was started; what you typed is kept.</${Notice}>` : null}
    <button class="button primary wide-button" disabled=${busy}>${busy ? "Starting…" : "Start search"}</button>
    <button type="button" class="button wide-button" disabled=${busy} onClick=${onTry}>Run one trial first</button>
    <p class="quiet">The same search with a limit of one trial: resumed with a higher limit, it goes on.</p>
    <h2>The same as a command</h2>
    <pre class="code" tabindex="0" aria-label="Command line">${command}</pre>
    <div class="buttons">
      <${Copy} text=${() => command} label="Copy as CLI" kind="small" />
      <${Copy} text=${() => pythonCode(spec, catalog.defaults)} label="Copy as Python" kind="small" />
      <${Copy} text=${() => JSON.stringify(spec, null, 2)} label="Copy as JSON" kind="small" />
    </div>
    ${unread ? html`<p class="quiet">Without the fields that cannot be read.</p>` : null}
  </aside>`;
}

function Form({ catalog, initial, from }) {
  const [form, setForm] = useState(() => drafts.get(from) ?? begin(initial));
  const [rest, setRest] = useState([]);
  const [busy, setBusy] = useState(false);
  const [open, setOpen] = useState(false);
  const sent = useRef({ body: "", key: "" });
  const page = useRef(null);
  const latest = useRef(form); // ahead of the drawn state by up to a frame: Enter may come before it
  const change = (next) => {
    latest.current = next;
    drafts.set(from, next);
    setForm(next);
  };
  const onInput = (field, value) => change(type(latest.current, field.path, value));
  const refuse = (errors, others) => {
    change({ ...latest.current, errors });
    setRest(others);
    setBusy(false);
    if (Object.keys(errors).some((path) => !MAIN.includes(path) && !path.endsWith(".name"))) setOpen(true);
    // After the page has been drawn with the errors: to the first of them.
    setTimeout(() => page.current?.querySelector("[aria-invalid=true]")?.focus(), 60);
  };
  const refused = (error) => {
    const placed = place(catalog, latest.current, error.problem ?? { detail: error.message });
    refuse(placed.errors, placed.rest);
  };
  /** The description as it is typed; none, and the errors shown, where a field cannot be read. */
  const read = () => {
    const { spec, errors } = build(catalog, latest.current);
    if (!Object.keys(errors).length) return spec;
    refuse(errors, []);
    return null;
  };
  const start = async (event, limits) => {
    event.preventDefault();
    const spec = busy ? null : read();
    if (!spec) return;
    spec.limits = { ...spec.limits, ...limits };
    const body = JSON.stringify(spec);
    // The same description sent twice (a double click, a lost answer) starts one search.
    if (sent.current.body !== body) sent.current = { body, key: freshKey() };
    setBusy(true);
    try {
      const search = await post("searches", spec, { "Idempotency-Key": sent.current.key });
      drafts.delete(from);
      go(link(search.id));
    } catch (error) {
      refused(error);
    }
  };
  const all = fields(catalog, form);
  const { spec, errors } = build(catalog, form);
  return html`<form ref=${page} class="new" onSubmit=${start} novalidate>
    <div class="stack">
      <${Basics} catalog=${catalog} form=${form} all=${all} onInput=${onInput} />
      <${Estimate} spec=${Object.keys(errors).length ? null : spec} read=${read} onError=${refused} />
      <${Advanced} catalog=${catalog} form=${form} all=${all} onInput=${onInput} open=${open} onToggle=${setOpen} />
    </div>
    <${Summary} catalog=${catalog} form=${form} busy=${busy} rest=${rest} onTry=${(event) => start(event, { trials: 1 })} />
  </form>`;
}

/** The page. */
export function NewSearch({ route }) {
  const from = route.query.get("from") ?? "";
  const start = useLoad(`new ${from}`, (signal) => load(from, signal));
  useTitle("New search");
  return html`<div class="page-head"><h1>New search</h1></div>
    <${Act} say><${Loaded} from=${start} what="the form" lines=${10}>${({ catalog, initial }) =>
      html`<${Form} key=${from} catalog=${catalog} initial=${initial} from=${from} />`}</${Loaded}></${Act}>`;
}
