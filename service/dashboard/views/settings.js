// Settings of this browser, and how the service is.
import { cls, html, useRedraw } from "../dom.js";
import { ago, bytes, isNumber } from "../format.js";
import { useResource } from "../resource.js";
import { Card, Loaded, State } from "../parts.js";
import { leaves } from "./config.js";
import { keep, recall, setTheme, theme, THEMES, useTitle } from "../store.js";

function Choice({ name, legend, options, value, onPick }) {
  return html`<fieldset class="choice">
    <legend>${legend}</legend>
    ${options.map(([option, word]) => html`<label key=${option} class=${cls(value === option && "picked")}>
      <input type="radio" name=${name} value=${option} checked=${value === option}
        onChange=${() => onPick(option)} />${word}
    </label>`)}
  </fieldset>`;
}

function word(value) {
  if (value === true || value === "ok") return "running";
  if (value === false) return "stopped";
  return null;
}

function when(value, now) {
  if (isNumber(value)) return ago(new Date(value * 1000).toISOString(), now);
  return typeof value === "string" ? ago(value, now) : "";
}

/** One line of health: a part of the service and how it is. */
function Part({ name, value }) {
  const now = Date.now() / 1000;
  const plain = typeof value === "object" && value !== null && !Array.isArray(value);
  const alive = plain ? word(value.alive ?? value.ok) : word(value);
  const seen = plain ? when(value.seen_at, now) : "";
  const rest = plain
    ? leaves(value).filter(([key, leaf]) => !["alive", "ok", "seen_at"].includes(key) && leaf !== null && leaf !== "–")
    : [];
  const text = Array.isArray(value) ? `${value.length} at work` : plain || alive ? "" : String(value ?? "not used");
  return html`<div><dt>${name}</dt><dd>
    ${alive ? html`<${State} state=${alive} />` : null} ${text}
    ${seen ? html`<span class="quiet">seen ${seen}</span>` : null}
    ${rest.map(([key, item]) => html`<span class="quiet" key=${key}>${key.replace("detail.", "").replaceAll("_", " ")}: ${key.endsWith("bytes") ? bytes(item) : String(item)}</span>`)}
  </dd></div>`;
}

/** Theme, keys, health. */
export function Settings() {
  const redraw = useRedraw();
  const health = useResource("health", () => false);
  const meta = useResource("meta", () => false);
  useTitle("Settings");
  const pick = (act) => (value) => {
    act(value);
    redraw();
  };
  return html`<h1>Settings</h1>
    <${Card} title="This browser">
      <${Choice} name="theme" legend="Theme" value=${theme()} onPick=${pick(setTheme)}
        options=${THEMES.map((name) => [name, name === "system" ? "as the system" : name])} />
      <${Choice} name="keys" legend="Keys (press ? for the list)" value=${recall("keys") ?? "on"}
        onPick=${pick((value) => keep("keys", value === "on" ? null : value))} options=${[["on", "on"], ["off", "off"]]} />
    </${Card}>
    <${Card} title="The service">
      <${Loaded} from=${health} what="how the service is">${(data) => html`<dl class="facts options">
        ${meta.data ? html`<div><dt>version</dt><dd>${meta.data.version}</dd></div>` : null}
        ${Object.entries(data).map(([name, value]) => html`<${Part} key=${name} name=${name} value=${value} />`)}
      </dl>`}</${Loaded}>
    </${Card}>`;
}
