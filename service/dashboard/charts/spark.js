// A tiny line of rewards for one row of the list of searches.
import { html } from "../dom.js";
import { isNumber } from "../format.js";

const WIDTH = 120;
const HEIGHT = 28;
const POINTS = 40;

/** Best of each of at most `POINTS` groups of neighbouring trials. */
export function thin(values) {
  const found = values.filter(isNumber);
  const size = Math.max(1, Math.ceil(found.length / POINTS));
  const out = [];
  for (let i = 0; i < found.length; i += size) out.push(Math.max(...found.slice(i, i + size)));
  return out;
}

/** The drawing of `values`; `label` says the same in words. */
export function Spark({ values, label }) {
  const points = thin(values);
  if (points.length < 2) return html`<span class="quiet">–</span>`;
  const low = Math.min(...points);
  const span = Math.max(...points) - low || 1;
  const x = (i) => 3 + (i * (WIDTH - 6)) / (points.length - 1);
  const y = (value) => HEIGHT - 4 - ((value - low) / span) * (HEIGHT - 8);
  const path = points.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const top = points.indexOf(Math.max(...points));
  return html`<svg class="spark" role="img" aria-label=${label} viewBox="0 0 ${WIDTH} ${HEIGHT}" width=${WIDTH} height=${HEIGHT}>
    <polyline points=${path} fill="none" />
    <circle cx=${x(top)} cy=${y(points[top])} r="2.6" />
  </svg>`;
}
