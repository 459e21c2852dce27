// A table of trials: the same columns at the top of a search and in the full list.
import { html, useMemo } from "../dom.js";
import { Barcode, FamilyLegend } from "../barcode.js";
import { duration, goal, isNumber, metric, metricName, reward } from "../format.js";
import { State } from "../parts.js";
import { link } from "../router.js";

const EXTRA = ["params", "madds"];

function Head({ name, sort, by, onSort }) {
  const side = by === "number" ? "" : "number";
  if (!onSort) return html`<th scope="col" class=${side}>${name}</th>`;
  const on = sort.replace("-", "") === by;
  const down = sort.startsWith("-");
  const turn = () => onSort(by === "number" && sort === "-number" ? "number" : `-${by}`);
  return html`<th scope="col" class=${side} aria-sort=${on ? (down ? "descending" : "ascending") : undefined}>
    <button type="button" class="sort" onClick=${turn}>${name}<span aria-hidden="true">${on ? (down ? " ↓" : " ↑") : ""}</span></button></th>`;
}

function Row({ search, trial, extra, states, best }) {
  return html`<tr data-row class=${best ? "best" : ""}>
    <th scope="row"><a href=${link(search.id, "trials", trial.number)}>#${trial.number}</a></th>
    ${states ? html`<td><${State} state=${trial.state} note=${trial.cached_from === null ? "" : `as #${trial.cached_from}`} /></td>` : null}
    <td class="number">${trial.failure
      ? html`<span class="failure">${trial.failure.kind.replaceAll("_", " ")}</span>`
      : html`<b>${reward(search, trial.reward)}</b>`}</td>
    ${extra.map((name) => html`<td key=${name} class="number">${metric(name, trial.metrics[name])}</td>`)}
    <td class="number">${isNumber(trial.seconds) ? duration(trial.seconds) : "–"}</td>
    <td><${Barcode} cells=${trial.barcode} /></td>
  </tr>`;
}

/** The table of `trials`. With `onSort`, heads are buttons; `states` adds the column of states. */
export function TrialTable({ search, trials, name, sort = "", onSort, states, ranked }) {
  const extra = useMemo(
    () => EXTRA.filter((key) => trials.some((trial) => key in trial.metrics)),
    [trials],
  );
  const cells = Object.keys(trials.find((trial) => Object.keys(trial.barcode ?? {}).length)?.barcode ?? {});
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${`${name}, table`}><table class="wide">
      <thead><tr>
        <${Head} name="Trial" by="number" sort=${sort} onSort=${onSort} />
        ${states ? html`<th scope="col">State</th>` : null}
        <${Head} name=${metricName(goal(search))} by="reward" sort=${sort} onSort=${onSort} />
        ${extra.map((key) => html`<th key=${key} scope="col" class="number">${metricName(key)}</th>`)}
        <th scope="col" class="number">Time</th>
        <th scope="col">Cells${cells.length ? ` (${cells.join(" · ")})` : ""}</th>
      </tr></thead>
      <tbody>${trials.map((trial) => html`<${Row} key=${trial.number} search=${search} trial=${trial} extra=${extra}
        states=${states} best=${ranked && trial.number === search.best?.number} />`)}</tbody>
    </table></div>
    <${FamilyLegend} trials=${trials} />`;
}
