// How a search was set up: every option as it holds, and the ways to do the same again.
import { html, useEffect, useState } from "../dom.js";
import { moment } from "../format.js";
import { Act, Card, Copy, Facts, Loaded } from "../parts.js";
import { useAct } from "./jobs.js";
import { useResource } from "../resource.js";
import { commandLine, pythonCode } from "../form/command.js";

/** Leaves of nested data as [path, value]. */
export function leaves(data, path = "") {
  if (data === null || typeof data !== "object" || Array.isArray(data)) return [[path, data]];
  const found = Object.entries(data);
  if (!found.length) return path ? [[path, "–"]] : [];
  return found.flatMap(([key, value]) => leaves(value, path ? `${path}.${key}` : key));
}

function show(value) {
  if (value === null) return "none";
  if (value === true) return "yes";
  if (value === false) return "no";
  return Array.isArray(value) ? value.join(", ") || "none" : String(value);
}

/** The parts of a description; what is no part of its own is of the search. */
function parts(spec) {
  const whole = ([, value]) => value === null || typeof value !== "object";
  const entries = Object.entries(spec);
  return [["search", Object.fromEntries(entries.filter(whole))], ...entries.filter((entry) => !whole(entry))];
}

/** The options of one part of the description. */
function Part({ name, value }) {
  const facts = leaves(value).map(([path, leaf]) => [path.replace("options.", ""), show(leaf)]);
  return html`<h3>${name}</h3><${Facts} kind="options" facts=${facts} />`;
}

const LIMITS = { trials: "Trials in all", hours: "Hours of running", workers: "Workers" };

/** What may be changed, also while the search runs. */
function Limits({ search }) {
  const [act, busy, refused] = useAct(() => {});
  const [typed, type] = useState({});
  const [said, say] = useState("");
  const now = (name) => String(search.limits[name] ?? "");
  const change = async (event) => {
    event.preventDefault();
    say("");
    // What is no number goes as it is: the service says what is allowed.
    const read = (text) => (text.trim() ? (Number.isFinite(Number(text)) ? Number(text) : text) : null);
    const changed = [...new FormData(event.target)].filter(([name, text]) => text.trim() !== now(name));
    if (await act(`searches/${search.id}`, Object.fromEntries(changed.map(([name, text]) => [name, read(text)])), {}, "PATCH")) say("Changed.");
  };
  // What has come to hold is no longer as typed: it follows what others change.
  useEffect(() => type((old) => Object.fromEntries(Object.entries(old).filter(([name, text]) => text.trim() !== now(name)))), [search.limits]);
  return html`<${Act}><${Card} title="Limits"><form class="make" onSubmit=${change}>
    ${Object.entries(LIMITS).map(([name, words]) => html`<label class="inline" key=${name}>${words}
      <input name=${name} size="6" inputmode="decimal" value=${typed[name] ?? now(name)} onInput=${(event) => type((old) => ({ ...old, [name]: event.target.value }))}
        aria-invalid=${refused.includes(name) ? "true" : undefined} aria-describedby="limits-error" placeholder=${name === "hours" ? "none" : undefined} /></label>`)}
    <button class="button" disabled=${busy}>Change</button><span class="quiet" role="status">${said}</span><p id="limits-error" class="field-error" role="alert">${refused}</p></form></${Card}></${Act}>`;
}

/** The page. */
export function Config({ search }) {
  const catalog = useResource("catalog", () => false);
  const json = JSON.stringify(search.spec, null, 2);
  const facts = [
    ["id", search.id], ["created", moment(search.created_at)], ["started", moment(search.started_at)],
    ["ended", moment(search.ended_at)],
  ];
  return html`<div class="page-head"><h1>Config</h1>
      <div class="buttons">
        <${Act}><a class="button" href=${`#/new?from=${encodeURIComponent(search.id)}`}>Use for a new search</a></${Act}>
        <${Copy} text=${() => json} label="Copy as JSON" />
      </div></div>
    <${Card} title="The same again"><${Loaded} from=${catalog} what="the command" lines=${1}>${(data) => {
      const command = commandLine(search.spec, data.defaults);
      const code = pythonCode(search.spec, data.defaults);
      return html`<div class="code-line"><code tabindex="0">${command}</code><${Copy} text=${() => command} label="Copy as CLI" kind="small" /></div>
        <pre class="code" tabindex="0" aria-label="Python">${code}</pre><${Copy} text=${() => code} label="Copy as Python" kind="small" />`;
    }}</${Loaded}></${Card}>
    <${Limits} search=${search} />
    <${Card} title="This search"><${Facts} facts=${facts} /></${Card}>
    <${Card} title="Every option">${parts(search.spec).map(([part, value]) => html`<${Part} key=${part} name=${part} value=${value} />`)}</${Card}>`;
}
