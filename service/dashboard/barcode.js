// A cell as a row of coloured ticks, one per operation: which of these rows look alike?
import { html } from "./dom.js";

/** The families of operations in the order of the legend, with the words for them. */
export const FAMILIES = {
  sep: "separable", dil: "dilated", conv: "convolution", avg: "average pool", max: "max pool",
  skip: "skip", zero: "zero", combine: "combine",
};

/** `cells` is {cell: [family, ...]}. The label says the same in words. */
export function Barcode({ cells }) {
  const names = Object.keys(cells ?? {});
  if (!names.length) return html`<span class="quiet">–</span>`;
  const label = names.map((name) => `${name}: ${cells[name].join(", ")}`).join("; ");
  return html`<span class="barcode" role="img" aria-label=${label} title=${label}>
    ${names.map((name) => html`<span key=${name} class="barcode-cell">
      ${cells[name].map((family, i) => html`<i key=${i} class=${`tick family-${family}`}></i>`)}
    </span>`)}
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
