// Small drawings. Each has a word beside it wherever it carries meaning: never colour or shape alone.
import { html } from "./dom.js";

const SHAPES = {
  pending: html`<circle cx="8" cy="8" r="5.5" fill="none" stroke-width="1.6" stroke-dasharray="2.6 2.2" />`,
  running: html`<circle cx="8" cy="8" r="5" fill="currentColor" stroke="none" />`,
  paused: html`<path d="M5.5 3.5v9M10.5 3.5v9" stroke-width="2.6" />`,
  finishing: html`<path d="M8 2.5a5.5 5.5 0 1 1-5.5 5.5" fill="none" stroke-width="2" />`,
  finished: html`<path d="M3 8.5l3.3 3.5L13 4.5" fill="none" stroke-width="2.2" />`,
  stopped: html`<rect x="3.8" y="3.8" width="8.4" height="8.4" rx="1" fill="currentColor" stroke="none" />`,
  failed: html`<path d="M4 4l8 8M12 4l-8 8" stroke-width="2.4" />`,
  warning: html`<path d="M8 2.2L14.5 13.5h-13z" fill="none" stroke-width="1.5" /><path d="M8 6.4v3.4M8 11.4v.6" stroke-width="1.6" />`,
  search: html`<circle cx="7" cy="7" r="4.3" fill="none" stroke-width="1.6" /><path d="M10.3 10.3L14 14" stroke-width="1.8" />`,
  plus: html`<path d="M8 3v10M3 8h10" stroke-width="1.8" />`,
  chart: html`<path d="M2.5 13.5h11M3.5 10.5l3-4 2.5 2 4-5.5" fill="none" stroke-width="1.6" />`,
  rows: html`<path d="M2.5 4h11M2.5 8h11M2.5 12h11" stroke-width="1.6" />`,
  bars: html`<path d="M3.5 13.5v-4M8 13.5v-11M12.5 13.5v-7" stroke-width="2.6" />`,
  box: html`<path d="M8 2l5.5 3v6L8 14l-5.5-3V5zM2.7 5.1L8 8l5.3-2.9M8 8v6" fill="none" stroke-width="1.4" />`,
  grid: html`<path d="M2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h4v4h-4z" fill="none" stroke-width="1.5" />`,
  tree: html`<path d="M3 13V9.5L8 7M13 13V9.5L8 7V3" fill="none" stroke-width="1.6" />`,
  list: html`<path d="M6 4h8M6 8h8M6 12h8M2.5 4h.6M2.5 8h.6M2.5 12h.6" stroke-width="1.7" />`,
  gear: html`<circle cx="8" cy="8" r="2.3" fill="none" stroke-width="1.5" /><path d="M8 1.8v2M8 12.2v2M1.8 8h2M12.2 8h2M3.6 3.6L5 5M11 11l1.4 1.4M3.6 12.4L5 11M11 5l1.4-1.4" stroke-width="1.6" />`,
  down: html`<path d="M8 2.5v8M4.5 7.5L8 11l3.5-3.5M3 13.5h10" fill="none" stroke-width="1.7" />`,
};
const SAME = { done: "finished", better: "finished", worse: "failed" };

/** One icon. `name` is a state or a thing; it is hidden from screen readers. */
export function Icon({ name }) {
  return html`<svg
    class=${`icon icon-${name}`}
    viewBox="0 0 16 16"
    width="14"
    height="14"
    aria-hidden="true"
    stroke="currentColor"
    stroke-linecap="round"
    stroke-linejoin="round"
  >${SHAPES[SAME[name] ?? name] ?? SHAPES.pending}</svg>`;
}

/** The sign of the house: a nasturtium. */
export function Flower() {
  return html`<svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
    <g class="petals">
      <circle cx="16" cy="8" r="6" /><circle cx="24" cy="14" r="6" /><circle cx="21" cy="23" r="6" />
      <circle cx="11" cy="23" r="6" /><circle cx="8" cy="14" r="6" />
    </g>
    <circle class="heart" cx="16" cy="16.5" r="4.5" />
  </svg>`;
}
