// A line chart on the page: it keeps its zoom on live updates, answers to pointer and keys, has words.
// Below it the training curve of a trial, drawn with it.
import { html, useMemo, useRef, useState } from "../dom.js";
import { isNumber, metric, metricName } from "../format.js";
import { HEIGHT, colours, useCanvas } from "./canvas.js";
import { closest, draw, layout, point } from "./draw.js";
import { short } from "./plane.js";
import { colour } from "../store.js";

const LEAST_DRAG = 6; // pixels: less is a click

/** The legend in one line; at a point it shows the values there. */
function Legend({ spec, at, data }) {
  return html`<ul class="legend">
    ${at === null ? null : html`<li><strong>${spec.xName} ${data[0][at]}</strong></li>`}
    ${spec.lines.map((line, i) => {
      const value = at === null ? null : data[i + 1][at];
      return html`<li key=${i}>
        <i class=${`key key-${line.kind ?? "line"}`} style=${{ color: `var(${line.colour})` }}></i>${line.label}
        ${isNumber(value) ? html` <b>${line.format(value)}</b>` : null}
      </li>`;
    })}
  </ul>`;
}

/** Pointer and keys: hover reads, a drag zooms, a double click shows all, Enter or a click opens. */
function usePointer(data, at, zoom, onOpen, choose) {
  const [index, set] = useState(null);
  const now = useRef(null); // the same, at once: keys may be faster than drawing
  const setIndex = (place) => set((now.current = place));
  const [drag, setDrag] = useState(null);
  const held = useRef(null); // where the button went down: a quick click is over before a drawing
  const last = data[0].length - 1;
  const place = (event) => event.clientX - event.currentTarget.getBoundingClientRect().left;
  const read = (px) => closest(data[0], at.current.back(px));
  const hold = (range) => {
    held.current = range?.[0] ?? null;
    setDrag(range);
  };
  const end = (event) => {
    if (held.current === null) return;
    const [from, to] = [held.current, place(event)].sort((a, b) => a - b);
    hold(null);
    if (to - from >= LEAST_DRAG) zoom([at.current.back(from), at.current.back(to)]);
    else if (last >= 0) (event.shiftKey ? choose : onOpen)?.(data[0][read(to)]);
  };
  const key = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const old = now.current;
    if (step) setIndex(old === null ? last : Math.min(last, Math.max(0, old + step)));
    else if (event.key === "Enter" && old !== null) onOpen?.(data[0][old]);
    else if (event.key === "x" && old !== null && choose) choose(data[0][old]);
    else if (event.key === "Escape") zoom(null);
    else return;
    event.preventDefault();
  };
  const on = {
    onPointerDown: (event) => {
      if (event.pointerType === "mouse" && event.button === 0) hold([place(event), place(event)]);
      else if (last >= 0) setIndex(read(place(event)));
    },
    onPointerMove: (event) => {
      const px = place(event);
      if (held.current !== null) setDrag([held.current, px]);
      if (last >= 0) setIndex(read(px));
    },
    onPointerUp: end,
    onPointerLeave: () => {
      hold(null);
      setIndex(null);
    },
    onDblClick: () => zoom(null),
    onKeyDown: key,
    onBlur: () => setIndex(null),
  };
  return { index: index !== null && index <= last ? index : null, drag, on };
}

/** Draw `data` (columns, x first; null or NaN is where there is nothing) as `spec` says: {name, summary, lines, xLabel, xName, yFormat,
 * yRange, rightFormat, table: {title, head, rows}}; a line is {label, kind, colour, format, right, width},
 * with `band` also a range [low, high] behind all.
 * `onOpen(x)` is called for the point that is opened, `choose(x)` for one that is selected or given up; those of `chosen` have rings. */
export function LineChart({ spec, data: given, onOpen, chosen = [], choose }) {
  const data = useMemo(() => given.map((column) => (ArrayBuffer.isView(column) ? column : Float64Array.from(column, (value) => value ?? NaN))), [given]);
  const [zoom, setZoom] = useState(null); // a range of x: live data moves the axes only without one
  const at = useRef(null);
  const { index, drag, on } = usePointer(data, at, setZoom, onOpen, choose);
  const pictures = useRef({}); // what stays while the pointer moves, of the whole range and of a part, and what it was drawn of
  const canvas = useCanvas((element, width) => {
    const look = {
      ...colours(), colours: spec.lines.map((line) => colour(line.colour)),
      xLabel: spec.xLabel, xFormat: String, whole: true,
      yFormat: short(spec.yFormat), rightFormat: spec.rightFormat,
    };
    const of = JSON.stringify([width, devicePixelRatio, zoom, spec.yRange, look, spec.lines.map((line) => [line.kind, line.band])]);
    const kept = (pictures.current[!zoom] ??= { drawn: document.createElement("canvas") });
    if (kept.of !== of || kept.data !== data) {
      kept.at = layout(spec.lines, data, width, HEIGHT, zoom, spec.yRange);
      draw(kept.drawn, spec.lines, data, kept.at, look);
      Object.assign(kept, { of, data });
    }
    at.current = kept.at;
    point(element, kept.drawn, spec.lines, data, at.current, look, { index, drag, chosen });
  });
  const words = index === null
    ? ""
    : spec.lines.flatMap((line, i) => (isNumber(data[i + 1][index]) ? [`${line.label} ${line.format(data[i + 1][index])}`] : [])).join(", ");
  return html`<figure class="chart" aria-label=${spec.name}>
    <div class="chart-head">
      <${Legend} spec=${spec} at=${index} data=${data} />
      ${zoom ? html`<button type="button" class="button small" onClick=${() => setZoom(null)}>Whole range</button>` : null}
    </div>
    <div class="plot"><canvas ref=${canvas} tabindex="0" role="img" height=${HEIGHT} ...${on}
      data-range=${zoom ? zoom.map((value) => value.toFixed(2)).join(" ") : ""}
      aria-label=${`${spec.summary} Arrow keys step through the points${onOpen ? ", Enter opens one" : ""}${choose ? `, x selects it; selected: ${chosen.join(", ") || "none"}` : ""}.`}></canvas></div>
    <span class="offscreen" aria-live="polite">${words && `${spec.xName} ${data[0][index]}: ${words}`}</span>
    <figcaption>${spec.summary}</figcaption>
    ${spec.table ? html`<${Table} ...${spec.table} />` : null}
  </figure>`;
}

/** The same as a table, for those who cannot see the drawing. */
export function Table({ title, head, rows }) {
  return html`<details class="as-table">
    <summary>${title}</summary>
    <div class="scroll" tabindex="0" role="region" aria-label=${`${title}: ${head.join(", ")}`}><table>
      <thead><tr>${head.map((word) => html`<th key=${word} scope="col">${word}</th>`)}</tr></thead>
      <tbody>${rows.map((row, i) => html`<tr key=${i}>${row.map((cell, j) => html`<td key=${j}>${cell}</td>`)}</tr>`)}</tbody>
    </table></div>
  </details>`;
}

/** Metrics to choose from, by their place; nothing where there is no choice. */
export function Chips({ names, chosen, onChoose }) {
  return names.length > 1 ? html`<div class="chips" role="group" aria-label="What to draw">
    ${names.map((name, i) => html`<button key=${name} type="button" class="chip" aria-pressed=${i === chosen}
      onClick=${() => onChoose(i)}>${metricName(name)}</button>`)}</div>` : null;
}

const CURVES = ["--chart-best", "--chart-entropy"];
const PAIRS = [["accuracy"], ["loss", "train_loss"], ["learning_rate"], ["images_per_second"]];

/** Groups of metric names that share one scale, of the names that are there. */
function groups(names) {
  const known = PAIRS.map((pair) => pair.filter((name) => names.includes(name)));
  const rest = names.filter((name) => !PAIRS.flat().includes(name)).map((name) => [name]);
  return [...known, ...rest].filter((group) => group.length);
}

/** The points of the last attempt in order, of a `curve` [{attempt, step, metrics}]. */
export function lastAttempt(curve) {
  const last = Math.max(...curve.map((point) => point.attempt));
  return curve.filter((point) => point.attempt === last).sort((a, b) => a.step - b.step);
}

/** The chart of the last attempt of a curve, one group of metrics at a time. */
export function TrainingCurve({ curve }) {
  const points = useMemo(() => lastAttempt(curve), [curve]);
  const names = [...new Set(points.flatMap((point) => Object.keys(point.metrics)))];
  const choices = groups(names);
  const [chosen, choose] = useState(0);
  const group = choices[Math.min(chosen, choices.length - 1)] ?? [];
  const data = useMemo(
    () => [
      points.map((point) => point.step),
      ...group.map((name) => points.map((p) => (isNumber(p.metrics[name]) ? p.metrics[name] : null))),
    ],
    [points, group.join()],
  );
  if (!points.length || !group.length) return html`<p class="quiet">Nothing was reported.</p>`;
  const final = points.at(-1);
  const spec = {
    name: `Training: ${group.map(metricName).join(" and ")} by epoch`,
    summary: `After epoch ${final.step}: ${group
      .map((name) => `${metricName(name)} ${metric(name, final.metrics[name])}`)
      .join(", ")}.`,
    lines: group.map((name, i) => ({
      label: metricName(name), colour: CURVES[i % 2], format: (value) => metric(name, value),
    })),
    xLabel: "epoch", xName: "epoch",
    yFormat: (value) => metric(group[0], value),
    table: {
      title: "As a table",
      head: ["epoch", ...names.map(metricName)],
      rows: points.slice(-200).map((p) => [p.step, ...names.map((name) => metric(name, p.metrics[name]))]),
    },
  };
  return html`<${Chips} names=${choices.map(([name]) => name)} chosen=${chosen} onChoose=${choose} />
    <${LineChart} key=${group.join()} spec=${spec} data=${data} />`;
}
