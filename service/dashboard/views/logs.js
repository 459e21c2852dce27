// The log of a search: what its processes printed. It follows the tail, finds text, and can be taken away.
import { html, useEffect, useRef, useState } from "../dom.js";
import { address, text } from "../api.js";
import { count, several } from "../format.js";
import { Loaded, Notice } from "../parts.js";
import { useAgain, useLoad } from "../resource.js";
import { setQuery } from "../router.js";

const TAILS = [500, 2000, 10000];
const EVERY_MS = 2000;
const OVER = ["finished", "stopped", "failed"];

/** A line with what is looked for marked in it. */
function Line({ line, found }) {
  const at = found ? line.toLowerCase().indexOf(found) : -1;
  return at < 0 ? `${line}\n` : html`${line.slice(0, at)}<mark>${line.slice(at, at + found.length)}</mark>${line.slice(at + found.length)}${"\n"}`;
}

function Lines({ lines, found, follow }) {
  const box = useRef(null);
  useEffect(() => {
    if (follow) box.current.scrollTop = box.current.scrollHeight;
  }, [lines.length, lines.at(-1), follow]);
  return html`<pre ref=${box} class="code log" tabindex="0" role="group" aria-label="Lines of the log">${lines.map((line, i) => html`<${Line} key=${i} line=${line} found=${found} />`)}</pre>`;
}

/** The page. `?q=text` shows the lines that have it, `?tail=2000` goes back further. */
export function Logs({ route, search }) {
  const typed = route.query.get("q") ?? "";
  const asked = Number(route.query.get("tail"));
  const tail = TAILS.includes(asked) ? asked : TAILS[0];
  const over = OVER.includes(search.state);
  const [follow, set] = useState(!over);
  const path = `searches/${search.id}/logs`;
  const log = useLoad(`${path}?tail=${tail}`, async (signal) => ({ lines: (await text(`${path}?tail=${tail}`, signal)).split("\n").slice(0, -1) }),
    (event) => event.search === search.id && event.kind === "search.state");
  useAgain(follow && !over, () => document.hidden || log.reload(), EVERY_MS);
  const found = typed.trim().toLowerCase();
  return html`<div class="page-head"><h1>Log</h1><div class="buttons">
      <label class="inline">Find <input data-filter type="text" size="18" value=${typed} onInput=${(event) => setQuery({ q: event.target.value })} /></label>
      <label class="inline">Last <select value=${tail} onChange=${(event) => setQuery({ tail: event.target.value })}>
        ${TAILS.map((number) => html`<option key=${number} value=${number}>${count(number)} lines</option>`)}</select></label>
      ${over ? null : html`<label class="inline"><input type="checkbox" checked=${follow} onChange=${(event) => set(event.target.checked)} /> Follow</label>`}
      <a class="button small" href=${address(`${path}?tail=${TAILS.at(-1)}`)} download=${`search-${search.id}.log`}>Download</a>
    </div></div>
    <${Loaded} from=${log} what="the log" lines=${12}>${({ lines }) => {
      if (!lines.length) return html`<${Notice}>${over || search.state === "pending" ? "No process of this service has printed anything for this search." : "Nothing has been printed yet."}</${Notice}>`;
      const shown = found ? lines.filter((line) => line.toLowerCase().includes(found)) : lines;
      return html`<p class="quiet" role="status">${found ? `${count(shown.length)} of ${several(lines.length, "line")} with “${typed.trim()}”` : several(lines.length, "line")}${lines.length === tail ? ", the last" : ""}</p>
        ${shown.length ? html`<${Lines} lines=${shown} found=${found} follow=${follow && !over} />` : null}`;
    }}</${Loaded}>`;
}

/** The lines up to the one that says how a trial ended, if the log has it. */
export function TrialLog({ search, trial }) {
  const path = `searches/${search.id}/logs?tail=30&trial=${trial}`;
  const log = useLoad(path, async (signal) => ({ lines: await text(path, signal) }));
  const lines = log.data?.lines;
  return lines ? html`<details><summary>Last lines of the log</summary><pre tabindex="0" aria-label="Last lines of the log">${lines}</pre></details>` : null;
}
