// A map of shares as colours: rows of cells over a common x, one of the rows picked.
import { html, useRef } from "../dom.js";
import { colours, useCanvas } from "./canvas.js";
import { surface, ticks } from "./plane.js";

// From dark blue to yellow, ever lighter: it reads the same to people who see few colours.
const RAMP = [[0, 34, 78], [53, 69, 108], [102, 105, 112], [148, 142, 119], [200, 184, 102], [254, 232, 56]];
const ROW = { least: 8, most: 18, all: 640 }; // pixels: of one row, of all rows
const TOP = 4;
const FOOT = 38;

/** The colour of a share, [red, green, blue]. */
export function ramp(share) {
  const place = Math.min(1, Math.max(0, share)) * (RAMP.length - 1);
  const at = Math.min(RAMP.length - 2, Math.floor(place));
  return RAMP[at].map((low, i) => Math.round(low + (RAMP[at + 1][i] - low) * (place - at)));
}

/** The cells as a picture of one pixel each; `rows` hold shares by column. */
function picture(rows) {
  const made = document.createElement("canvas");
  [made.width, made.height] = [rows[0].length, rows.length];
  const pen = made.getContext("2d");
  const image = pen.createImageData(made.width, made.height);
  rows.flat().forEach((share, i) => image.data.set([...ramp(share), 255], 4 * i));
  pen.putImageData(image, 0, 0);
  return made;
}

/** `name` in at most `room` pixels. */
function fit(pen, name, room) {
  let text = name;
  while (text.length > 2 && pen.measureText(text).width > room) text = `${text.slice(0, -2)}…`;
  return text;
}

function draw(canvas, at, { names, rows, x, xLabel, picked }, look) {
  const pen = surface(canvas, at.width, at.height);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(picture(rows), at.left, TOP, at.end - at.left, at.row * rows.length);
  pen.textAlign = "right";
  const every = Math.ceil(12 / at.row); // where rows are low, not every one has its name
  names.forEach((name, i) => {
    if (i % every && i !== picked) return;
    pen.fillStyle = i === picked ? look.text : look.muted;
    if (every === 1 || i === picked || Math.abs(i - picked) >= every) pen.fillText(fit(pen, name, at.left - 12), at.left - 7, TOP + at.row * (i + 0.5) + 4);
  });
  const base = TOP + at.row * rows.length;
  pen.textAlign = "center";
  pen.fillStyle = look.muted;
  const wide = (at.end - at.left) / x.length;
  for (const value of ticks(x[0], x.at(-1), (at.end - at.left) / 90, 1)) {
    pen.fillText(value, at.left + (((value - x[0]) / (x.at(-1) - x[0] || 1)) * (x.length - 1) + 0.5) * wide, base + 17);
  }
  pen.fillText(xLabel, (at.left + at.end) / 2, base + 33);
  for (const [style, width] of [[look.card, 4], [look.accent, 2]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.strokeRect(at.left - 1, TOP + at.row * picked - 1, at.end - at.left + 2, at.row + 2);
  }
}

/** Draw `rows` of shares, 0 to 1, with their `names`, over the increasing numbers `x`. Arrow keys, or a
 * click, pick a row: `onPick(index)`. `label` says what is seen; `ends` are words for 0 and 1. */
export function HeatMap({ onPick, label, ends, ...data }) {
  const at = useRef(null);
  const { rows, picked } = data;
  const canvas = useCanvas((element, width) => {
    const row = Math.min(ROW.most, Math.max(ROW.least, Math.floor(ROW.all / rows.length)));
    at.current = { width, row, left: Math.min(130, 0.4 * width), end: width - 16, height: TOP + row * rows.length + FOOT };
    element.style.height = `${at.current.height}px`;
    draw(element, at.current, data, colours({ text: "--text" }));
  });
  const now = useRef(picked); // keys may be faster than drawing
  now.current = picked;
  const pick = (index) => {
    now.current = Math.min(rows.length - 1, Math.max(0, index));
    onPick(now.current);
  };
  const key = (event) => {
    const to = { ArrowDown: now.current + 1, ArrowUp: now.current - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    pick(to);
  };
  const click = (event) => pick(Math.floor((event.clientY - event.currentTarget.getBoundingClientRect().top - TOP) / at.current.row));
  const sides = [0, 0.2, 0.4, 0.6, 0.8, 1].map((share) => `rgb(${ramp(share)})`);
  return html`<figure class="chart" aria-label=${label}>
    <p class="legend">${ends[0]} <i class="ramp" style=${{ backgroundImage: `linear-gradient(90deg, ${sides})` }}></i> ${ends[1]}</p>
    <div class="plot"><canvas ref=${canvas} class="heat" tabindex="0" role="img" onClick=${click} onKeyDown=${key}
      aria-label=${`${label} Arrow keys pick a row: ${data.names[picked]}.`}></canvas></div>
  </figure>`;
}
