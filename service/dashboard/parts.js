// The small pieces that every view is made of: states, tiles, notices, dialogs, copying.
import { cls, html, useEffect, useRef, useState } from "./dom.js";
import { may, saved } from "./api.js";
import { Icon } from "./icons.js";

/** A state as an icon and a word. */
export function State({ state, note }) {
  return html`<span class=${`state state-${state}`}><${Icon} name=${state} />${state}${note ? html`<small>${note}</small>` : null}</span>`;
}

/** What a search is on its way to, when it is not there yet. */
export function transition(search) {
  if (search.desired === "pause" && ["running", "pending"].includes(search.state)) return "pausing…";
  if (search.desired === "stop" && ["running", "pending", "paused"].includes(search.state)) {
    return "stopping…";
  }
  if (search.desired === "run" && search.state === "paused") return "resuming…";
  return "";
}

/** A card with a heading. `tools` stand right of it. `many` says that others may have its title,
 * so that it is no landmark: those must have names of their own. */
export function Card({ title, tools, kind, children, many }) {
  const inner = html`<header class="card-head"><h2>${title}</h2><div class="card-tools">${tools}</div></header>${children}`;
  return many
    ? html`<div class=${cls("card", kind)}>${inner}</div>`
    : html`<section class=${cls("card", kind)} aria-label=${title}>${inner}</section>`;
}

/** A table that scrolls sideways where it does not fit. One of `rows` rows, more than are drawn, stands
 * in a box of its own that scrolls downwards: `box` and `onScroll` are that box's. */
export function Scroll({ name, kind, children, box, onScroll, rows }) {
  return html`<div class=${cls("scroll", rows && "tall")} tabindex="0" role="region" aria-label=${`${name}, table`} ref=${box} onScroll=${onScroll}>
    <table class=${kind} aria-rowcount=${rows}>${children}</table></div>`;
}

/** A list of facts, [name, value] each. */
export function Facts({ facts, kind }) {
  return html`<dl class=${cls("facts", kind)}>${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A share, 0 to 1, as a bar; the number stands beside it. */
export function Bar({ share, kind }) {
  return html`<i class=${cls("bar", kind)} style=${{ width: `${Math.min(100, 100 * share)}%` }}></i>`;
}

/** One figure of the row at the top. `share` draws a progress bar. */
export function Tile({ label, value, note, share, href }) {
  return html`<div class="tile">
    <span class="tile-label">${label}</span>
    <strong class="tile-value">${href ? html`<a href=${href}>${value}</a>` : value}</strong>
    ${share === undefined
      ? null
      : html`<progress max="1" value=${share} aria-label=${`${label}: share done`}></progress>`}
    <span class="tile-note">${note}</span>
  </div>`;
}

/** A message in a box: kind is info, warn or bad. Bad ones are announced at once. */
export function Notice({ kind = "info", title, children }) {
  return html`<div class=${`notice notice-${kind}`} role=${kind === "bad" ? "alert" : "status"}>
    ${kind === "info" ? null : html`<${Icon} name="warning" />`}
    <div>${title ? html`<strong>${title}</strong>` : null} ${children}</div>
  </div>`;
}

/** What stands in for data that is still loading; its height is that of what comes. */
export function Skeleton({ what, lines = 3 }) {
  const [seconds, set] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => set((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return html`<div class="skeleton" role="status">
    <span class="quiet">Loading ${what}…${seconds >= 5 ? ` ${seconds} s so far` : ""}</span>
    ${Array.from({ length: lines }, (_, line) => html`<i key=${line}></i>`)}
  </div>`;
}

/** A resource in its four states: nothing yet, loading slowly, failed, or there. */
export function Loaded({ from, what, lines, children }) {
  if (from.data !== null) return children(from.data);
  if (from.error) {
    return html`<${Notice} kind="bad" title=${`Cannot show ${what}.`}>
      ${from.error.message} ${saved ? null : html`<button class="link" onClick=${from.reload}>Try again</button>`}
    </${Notice}>`;
  }
  return from.slow ? html`<${Skeleton} what=${what} lines=${lines} />` : html`<div class="holding"></div>`;
}

/** What changes something, for sessions that may; others are told why not, if `say`. */
export function Act({ say, children }) {
  if (may("write")) return children;
  return say && !saved ? html`<p class="quiet">This session may only look: its token has the scope read.</p>` : null;
}

/** Copy text. navigator.clipboard does not exist on plain http, so there is a second way. */
export async function copyText(text) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Not allowed: try the old way.
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "offscreen";
  area.setAttribute("aria-hidden", "true");
  const holder = document.querySelector("dialog[open]") ?? document.body;
  const before = document.activeElement;
  holder.append(area);
  area.select();
  const worked = document.execCommand("copy");
  area.remove();
  before?.focus?.();
  return worked;
}

/** A field that keeps apart what is being typed: what comes in meanwhile must not undo it. `onDone(text)` hears of a change. */
export function Typed({ value, onDone, ...rest }) {
  const [typed, type] = useState(null);
  const done = (event) => {
    if (!event.target.reportValidity()) return;
    onDone(event.target.value.trim());
    type(null);
  };
  return html`<input ...${rest} value=${typed ?? value} onInput=${(event) => type(event.target.value)} onChange=${done} />`;
}

/** A button that copies what `text()` returns, and says so. */
export function Copy({ text, label = "Copy", kind }) {
  const [said, say] = useState("");
  const copy = async () => {
    say((await copyText(text())) ? "Copied" : "Select the text and copy it");
    setTimeout(() => say(""), 2500);
  };
  return html`<button type="button" class=${cls("button", kind)} onClick=${copy}>
      ${said === "Copied" ? html`<${Icon} name="finished" />` : null}${said || label}</button>
    <span class="offscreen" role="status">${said}</span>`;
}

/** A modal question. `onAnswer(true|false)`; Esc is no. Focus goes back where it was. */
export function Confirm({ title, children, yes, kind = "danger", onAnswer, busy, error }) {
  const box = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    const dialog = box.current;
    dialog.showModal();
    return () => {
      dialog.close();
      before?.focus?.();
    };
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onAnswer(false);
  };
  return html`<dialog ref=${box} onCancel=${cancel} aria-labelledby="confirm-title">
    <h2 id="confirm-title">${title}</h2>
    <div class="dialog-text">${children}</div>
    ${error ? html`<${Notice} kind="bad">${error}</${Notice}>` : null}
    <div class="buttons">
      <button type="button" class="button" onClick=${() => onAnswer(false)}>Cancel</button>
      <button type="button" class=${`button ${kind}`} disabled=${busy} onClick=${() => onAnswer(true)}>${yes}</button>
    </div>
  </dialog>`;
}
