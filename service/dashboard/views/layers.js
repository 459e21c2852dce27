// The layers of a network with what each gives out and costs, for trials and published networks.
import { html } from "../dom.js";
import { large } from "../format.js";
import { Bar, Scroll } from "../parts.js";

const COSTS = { params: "Parameters", madds: "Multiply-adds" };

/** The table of `whole` {params, madds, layers}; the bars are shares of the whole network. */
export function LayerTable({ whole }) {
  return html`<${Scroll} name="Layers" kind="shares wide">
    <thead><tr><th scope="col">Layer</th><th scope="col">Kind</th><th scope="col" class="number">Output</th>
      ${Object.values(COSTS).map((word) => html`<th key=${word} scope="col" class="number">${word}</th><th><span class="offscreen">Share of all</span></th>`)}</tr></thead>
    <tbody>${whole.layers.map((layer) => html`<tr key=${layer.name}><th scope="row">${layer.name}</th><td>${layer.kind}</td><td class="number">${layer.output.join(" × ")}</td>
      ${Object.keys(COSTS).map((key) => html`<td key=${key} class="number">${large(layer[key])}</td><td class="part"><${Bar} share=${layer[key] / (whole[key] || 1)} /></td>`)}</tr>`)}
      <tr><th scope="row">In all</th><td></td><td></td>${Object.keys(COSTS).map((key) => html`<td key=${key} class="number"><b>${large(whole[key])}</b></td><td></td>`)}</tr></tbody>
  </${Scroll}>`;
}
