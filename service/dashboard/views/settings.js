// Settings of this browser, what its session may do, the tokens of others, and how the service is.
import { cls, html, useClock, useRedraw, useState } from "../dom.js";
import { may, post, send } from "../api.js";
import { ago, bytes, isNumber, moment } from "../format.js";
import { useResource } from "../resource.js";
import { Card, Confirm, Copy, Loaded, Notice, Scroll, State } from "../parts.js";
import { leaves } from "./config.js";
import { Datasets } from "./datasets.js";
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
    ${rest.map(([key, item]) => html`<span class="quiet" key=${key}>${key.replace("detail.", "").replace("_bytes", "").replaceAll("_", " ")}: ${key.endsWith("bytes") ? bytes(item) : String(item)}</span>`)}
  </dd></div>`;
}

const MAY = { read: "look", write: "look, start and change", admin: "look, start, change, and give tokens" };

/** A token that was just made: it is shown this once. */
function Made({ token, onDone }) {
  return html`<${Notice} title=${`The token of ${token.name}, shown only now:`}>
    <div class="code-line"><code tabindex="0">${token.token}</code><${Copy} text=${() => token.token} kind="small" />
      <button type="button" class="button small" onClick=${onDone}>Done</button></div></${Notice}>`;
}

/** The tokens beside that of the first start: who has one, a new one, and an end to one. */
function Tokens() {
  const found = useResource("tokens", () => false);
  const [made, setMade] = useState(null);
  const [ending, end] = useState(null);
  const [said, say] = useState({ busy: false, error: "" });
  const now = useClock(30);
  const act = async (ask) => {
    say({ busy: true, error: "" });
    try {
      await ask();
      await found.reload();
      say({ busy: false, error: "" });
    } catch (error) {
      say({ busy: false, error: error.message });
    }
  };
  const create = (event) => {
    event.preventDefault();
    const form = event.target;
    const { name, scope, days } = Object.fromEntries(new FormData(form));
    act(async () => {
      setMade(await post("tokens", { name: name.trim(), scope, days: days ? Number(days) : null }));
      form.reset();
    });
  };
  const revoke = (yes) => {
    if (!yes) return end(null);
    return act(async () => {
      await send(`tokens/${ending.id}`, { method: "DELETE" });
      if (made?.id === ending.id) setMade(null);
      end(null);
    });
  };
  return html`<${Card} title="Tokens">
    <p class="quiet">For programs, and for people who are to do less: read looks, write also starts and changes, admin also gives tokens. The token of the first start is not among them: it may do everything, always.</p>
    <${Loaded} from=${found} what="the tokens">${({ items }) => items.length ? html`<${Scroll} name="Tokens" kind="wide">
      <thead><tr><th scope="col">Name</th><th scope="col">May</th><th scope="col">Made</th><th scope="col">Ends</th><th><span class="offscreen">Revoke</span></th></tr></thead>
      <tbody>${items.map((one) => html`<tr key=${one.id}><th scope="row">${one.name}</th><td>${one.scope}</td><td title=${moment(one.created_at)}>${ago(one.created_at, now)}</td>
        <td>${one.expires_at ? moment(one.expires_at) : "never"}</td>
        <td class="number"><button type="button" class="link" aria-label=${`Revoke ${one.name}`} onClick=${() => end(one)}>Revoke</button></td></tr>`)}</tbody>
    </${Scroll}>` : html`<p>None yet.</p>`}</${Loaded}>
    ${made ? html`<${Made} token=${made} onDone=${() => setMade(null)} />` : null}
    <form class="make" onSubmit=${create}>
      <label class="inline">Name <input name="name" size="16" required maxlength="100" autocomplete="off" /></label>
      <label class="inline">May <select name="scope">${Object.keys(MAY).map((scope) => html`<option key=${scope} value=${scope}>${scope}</option>`)}</select></label>
      <label class="inline">Days <input name="days" inputmode="decimal" pattern="[0-9]+([.][0-9]+)?" placeholder="for ever" size="8" /></label>
      <button class="button" disabled=${said.busy}>Make a token</button>
      <p class="field-error" role="alert">${ending ? "" : said.error}</p>
    </form>
    ${ending ? html`<${Confirm} title=${`Revoke the token of ${ending.name}?`} yes="Revoke" onAnswer=${revoke} busy=${said.busy} error=${said.error}>
      <p>Whoever has it is refused from now on, and browsers that signed in with it are signed out. Nothing brings it back.</p></${Confirm}>` : null}
  </${Card}>`;
}

/** What this session may do, and the way out of it. */
function Session({ scope }) {
  const [error, set] = useState("");
  const leave = () => post("logout").then(() => location.reload(), (failure) => set(failure.message));
  return html`<${Card} title="This session" tools=${html`<button type="button" class="button small" onClick=${leave}>Sign out</button>`}>
    <p>May ${MAY[scope]}: its token has the scope <b>${scope}</b>.${may("admin") ? "" : " Tokens are shown, given and revoked by a session with the scope admin only."}</p>
    <p class="field-error" role="alert">${error}</p></${Card}>`;
}

/** The page. */
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
    ${meta.data ? html`<${Session} scope=${meta.data.scope} />` : null}
    ${may("admin") ? html`<${Tokens} />` : null}
    <${Datasets} />
    <${Card} title="The service">
      <${Loaded} from=${health} what="how the service is">${(data) => html`<dl class="facts options">
        ${meta.data ? html`<div><dt>version</dt><dd>${meta.data.version}</dd></div>` : null}
        ${Object.entries(data).map(([name, value]) => html`<${Part} key=${name} name=${name} value=${value} />`)}
      </dl>`}</${Loaded}>
    </${Card}>`;
}
