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

/** The card. `spec` is what the form describes now, and `read()` it too, or null where a field cannot be read. */
export function Estimate({ spec, read, onError }) {
  const body = JSON.stringify(spec);
  const [seen, setSeen] = useState({});
  const { busy, found } = seen.body === body ? seen : {};
  useEffect(() => {
    let late = false; // another description is on the form
    const timer = setTimeout(() => post("estimate?measure=false", spec).then((told) => late || setSeen({ body, found: told }), () => {}), PAUSE_MS);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [body]);
  const measure = async () => {
    if (!read()) return;
    setSeen({ body, busy: true });
    try {
      const told = await post("estimate", spec);
      setSeen((now) => (now.body === body ? { body, found: told } : now));
    } catch (error) {
      setSeen({});
      onError(error);
    }
  };
  const rows = found?.seconds ? ROWS : [];
  const tools = rows.length ? null : html`<button type="button" class="button small" disabled=${busy} onClick=${measure}>Measure</button>`;
  return html`<${Card} title="Estimate" tools=${tools}>
    <div role="status">
      ${rows.length ? html`<dl class="facts">${rows.map(([name, key, show]) => html`<div key=${key}><dt>${name}</dt>
        <dd>${span(found[`${key}_per_trial`], show)} a trial, ${span(found[key], show)} in all</dd></div>`)}</dl>` : null}
      <p class="quiet">${busy ? "A small and a large architecture are trained for a few steps, up to 45 seconds…"
        : (found?.basis ?? "How long it takes, and how much memory and disk, before it is started.")}</p>
    </div></${Card}>`;
}
