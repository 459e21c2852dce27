// What the search on the form would take: asked for by a button, because it is measured for seconds.
import { html, useState } from "../dom.js";
import { post } from "../api.js";
import { bytes, duration } from "../format.js";
import { Card, Notice } from "../parts.js";

const ROWS = [["Time", "seconds", duration], ["Memory", "memory_bytes", bytes], ["Disk", "disk_bytes", bytes]];

/** From low to high in words, once where both read the same. */
function span({ low, high }, show) {
  return [...new Set([show(low), show(high)])].join(" to ");
}

/** The card. `spec` is what the form describes now; what was found for another is not shown. */
export function Estimate({ spec, onAsk, onError }) {
  const body = JSON.stringify(spec);
  const [seen, setSeen] = useState({});
  const { busy, found } = seen.body === body ? seen : {};
  const ask = async () => {
    if (!onAsk()) return;
    setSeen({ body, busy: true });
    try {
      setSeen({ body, found: await post("estimate", spec) });
    } catch (error) {
      setSeen({});
      onError(error);
    }
  };
  const rows = found?.seconds ? ROWS : [];
  return html`<${Card} title="Estimate" tools=${html`<button type="button" class="button small" disabled=${busy} onClick=${ask}>Estimate</button>`}>
    <div role="status">
      ${rows.length ? html`<dl class="facts">${rows.map(([name, key, show]) => html`<div key=${key}><dt>${name}</dt>
        <dd>${span(found[`${key}_per_trial`], show)} a trial, ${span(found[key], show)} in all</dd></div>`)}</dl>` : null}
      <p class="quiet">${busy ? "A small and a large architecture are trained for a few steps, up to 45 seconds…"
        : (found?.basis ?? "How long it takes, and how much memory and disk, before it is started.")}</p>
    </div></${Card}>`;
}
