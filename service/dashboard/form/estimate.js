// What the search on the form would take: while it is typed, from what was measured before; measuring takes seconds and a button.
import { html, useEffect, useState } from "../dom.js";
import { post } from "../api.js";
import { bytes, duration } from "../format.js";
import { Card } from "../parts.js";

const ROWS = [["Time", "seconds", duration], ["Memory", "memory_bytes", bytes], ["Disk", "disk_bytes", bytes]];
const PAUSE_MS = 400; // in typing, before it is asked for

/** From low to high in words, once where both read the same. */
function span({ low, high }, show) {
  return [...new Set([show(low), show(high)])].join(" to ");
}

/** The card. `spec` is what the form describes, and `read()` what it does at this moment; null where a field cannot be read. */
export function Estimate({ spec, read, onError }) {
  const body = JSON.stringify(spec);
  const [seen, setSeen] = useState({});
  const [busy, setBusy] = useState(false);
  const found = spec && seen.body === body ? seen.found : null;
  useEffect(() => {
    if (!spec || busy || found) return undefined;
    let late = false; // another description is on the form, or it is measured
    const tell = (told) => late || setSeen({ body, found: told });
    const timer = setTimeout(() => post("estimate?measure=false", spec).then(tell, (error) => tell({ basis: error.message })), PAUSE_MS);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [body, busy]);
  const rows = found?.seconds ? ROWS : [];
  const still = busy || rows.length > 0;
  const measure = async () => {
    const wish = still ? null : read();
    if (!wish) return;
    setBusy(true);
    try {
      const told = await post("estimate", wish);
      setSeen({ body: JSON.stringify(wish), found: told });
    } catch (error) {
      onError(error);
    }
    setBusy(false);
  };
  const tools = html`<button type="button" class="button small" aria-disabled=${still ? "true" : undefined} onClick=${measure}>Measure</button>`;
  return html`<${Card} title="Estimate" tools=${tools}>
    <div role="status">
      ${rows.length ? html`<dl class="facts">${rows.map(([name, key, show]) => html`<div key=${key}><dt>${name}</dt>
        <dd>${span(found[`${key}_per_trial`], show)} a trial, ${span(found[key], show)} in all</dd></div>`)}</dl>` : null}
      <p class="quiet">${busy ? "A small and a large architecture are trained for a few steps, up to 45 seconds…"
        : (found?.basis ?? "How long it takes, and how much memory and disk, before it is started.")}</p>
    </div></${Card}>`;
}
