// A table of trials: the same columns at the top of a search and in the full list. A cell in it is a row
// of coloured ticks, one per operation: which of these rows look alike?
import { html, useLayoutEffect, useMemo, useRef, useState } from "../dom.js";
import { duration, goal, isNumber, metric, metricName, reward } from "../format.js";
import { Scroll, State } from "../parts.js";
import { link } from "../router.js";
import { kindName } from "./insights.js";

/** The families of operations in the order of the legend, with the words for them. */
export const FAMILIES = {
  sep: "separable", dil: "dilated", conv: "convolution", avg: "average pool", max: "max pool",
  skip: "skip", zero: "zero", combine: "combine",
};

/** The ticks of a cell as one background, since hundreds of elements take the browser long. */
const stripes = (families) => `linear-gradient(90deg, ${families.map((family, i) => `var(--op-${family}) 0 ${9 * i + 7}px, #0000 0 ${9 * i + 9}px`)})`;

/** `cells` is {cell: [family, ...]}. The label says the same in words. */
export function Barcode({ cells }) {
  const names = Object.keys(cells ?? {});
  if (!names.length) return html`<span class="quiet">–</span>`;
  const label = names.map((name) => `${name}: ${cells[name].join(", ")}`).join("; ");
  return html`<span class="barcode" role="img" aria-label=${label} title=${label}>
    ${names.map((name) => html`<i key=${name} style=${{ width: `${9 * cells[name].length}px`, backgroundImage: stripes(cells[name]) }}></i>`)}
  </span>`;
}

/** What the colours mean, for the families that occur in `trials`. */
export function FamilyLegend({ trials }) {
  const seen = new Set(trials.flatMap((trial) => Object.values(trial.barcode ?? {}).flat()));
  const shown = Object.keys(FAMILIES).filter((family) => seen.has(family));
  if (!shown.length) return null;
  return html`<ul class="legend families" aria-label="Colours of the operations">
    ${shown.map((family) => html`<li key=${family}><i class=${`tick family-${family}`}></i>${FAMILIES[family]}</li>`)}
  </ul>`;
}

const EXTRA = ["params", "madds"];

/** The head of a column, with `onSort` a button. Columns fall at the first press and rise at the
 * second: those that are `rising` the other way. */
export function Head({ name, sort, by, onSort, text, rising }) {
  const side = text ? "" : "number";
  if (!onSort) return html`<th scope="col" class=${side}>${name}</th>`;
  const on = sort.replace("-", "") === by;
  const down = sort.startsWith("-");
  const turn = () => onSort((on ? down : rising) ? by : `-${by}`);
  return html`<th scope="col" class=${side} aria-sort=${on ? (down ? "descending" : "ascending") : undefined}>
    <button type="button" class="sort" onClick=${turn}>${name}<span aria-hidden="true">${on ? (down ? " ↓" : " ↑") : ""}</span></button></th>`;
}

const ABOVE = 6; // rows that are drawn above the first that is seen, at least where there are so many
/** Rows in the document at most, of however many: the box is as high as `.tall` says, a row at least 39 pixels. */
const fitting = () => Math.ceil(Math.min(900, 0.7 * innerHeight) / 39) + 2 * ABOVE;
const NEAR = 20; // rows from the end at which more are asked for

/** The part of `count` rows that is drawn: {first, last, box, onScroll}. The gaps get their height here, as soon as a row
 * is measured: to draw all rows again for it would take as long as the first drawing. */
function useWindow(count, onMore) {
  const box = useRef(null);
  const [first, set] = useState(0);
  const [drawn, draw] = useState(fitting);
  const height = useRef(0);
  const last = Math.min(count, first + drawn);
  const look = () => {
    const row = box.current?.querySelector("[data-row]");
    if (!row) return;
    const high = height.current || row.offsetHeight; // the gaps first: a layout without them would take back a jump to the end
    for (const gap of box.current.querySelectorAll("[data-gap]")) gap.style.height = `${gap.dataset.gap * high}px`;
    height.current = row.offsetHeight || high;
    const at = Math.max(0, Math.floor(box.current.scrollTop / height.current / ABOVE) * ABOVE - ABOVE);
    const to = Math.min(at, Math.max(0, count - drawn));
    set(to);
    draw(fitting);
    if (to + drawn > count - NEAR) onMore?.();
  };
  useLayoutEffect(() => {
    look();
    addEventListener("resize", look); // the page's zoom too
    return () => removeEventListener("resize", look);
  }, [count, first, drawn]);
  return { first: Math.min(first, Math.max(0, count - 1)), last, box, onScroll: look };
}

/** Room for rows that are not drawn. */
function Gap({ rows }) {
  return rows > 0 ? html`<tr aria-hidden="true" data-gap=${rows}></tr>` : null;
}

function Row({ search, trial, extra, states, best, chosen, onChoose, place }) {
  return html`<tr data-row class=${best ? "best" : ""} aria-rowindex=${place}>
    ${onChoose ? html`<td><input type="checkbox" checked=${chosen.includes(trial.number)} aria-label=${`Compare trial ${trial.number}`} onChange=${() => onChoose(trial.number)} /></td>` : null}
    <th scope="row"><a href=${link(search.id, "trials", trial.number)}>#${trial.number}</a></th>
    ${states ? html`<td><${State} state=${trial.state} note=${trial.cached_from === null ? "" : `as #${trial.cached_from}`} /></td>` : null}
    <td class="number">${trial.failure
      ? html`<span class="failure">${kindName(trial.failure.kind)}</span>`
      : html`<b>${reward(search, trial.reward)}</b>`}</td>
    ${extra.map((name) => html`<td key=${name} class="number">${metric(name, trial.metrics[name])}</td>`)}
    <td class="number">${isNumber(trial.seconds) ? duration(trial.seconds) : "–"}</td>
    <td><${Barcode} cells=${trial.barcode} /></td>
  </tr>`;
}

/** The table of `trials`. With `onSort`, heads are buttons, with `onChoose(number)` rows have check
 * boxes; `states` adds the column of states. Of the `total` rows of a long table those near to what
 * is seen are drawn, and `onMore` is called near the end of those that are here. */
export function TrialTable({ search, trials, name, sort = "", onSort, states, ranked, chosen, onChoose, total, onMore }) {
  const extra = useMemo(
    () => EXTRA.filter((key) => trials.some((trial) => key in trial.metrics)),
    [trials],
  );
  const cells = Object.keys(trials.find((trial) => Object.keys(trial.barcode ?? {}).length)?.barcode ?? {});
  const part = useWindow(total ? trials.length : 0, onMore);
  const [first, last] = total ? [part.first, part.last] : [0, trials.length];
  return html`<${Scroll} name=${name} kind="wide" rows=${total ? total + 1 : undefined} box=${part.box} onScroll=${total ? part.onScroll : undefined}>
      <thead><tr aria-rowindex=${total ? 1 : undefined}>
        ${onChoose ? html`<th scope="col"><span class="offscreen">Compare</span></th>` : null}
        <${Head} name="Trial" by="number" text sort=${sort} onSort=${onSort} />
        ${states ? html`<th scope="col">State</th>` : null}
        <${Head} name=${metricName(goal(search))} by="reward" sort=${sort} onSort=${onSort} />
        ${extra.map((key) => html`<${Head} key=${key} name=${metricName(key)} by=${key} rising sort=${sort} onSort=${onSort} />`)}
        <${Head} name="Time" by="seconds" rising sort=${sort} onSort=${onSort} />
        <th scope="col">Cells${cells.length ? ` (${cells.join(" · ")})` : ""}</th>
      </tr></thead>
      <tbody><${Gap} rows=${first} />
      ${trials.slice(first, last).map((trial, i) => html`<${Row} key=${trial.number} search=${search} trial=${trial} extra=${extra}
        states=${states} best=${ranked && trial.number === search.best?.number} chosen=${chosen} onChoose=${onChoose} place=${total ? first + i + 2 : undefined} />`)}
      <${Gap} rows=${trials.length - last} /></tbody>
    </${Scroll}>
    <${FamilyLegend} trials=${trials} />`;
}
