// The scatter plot of trials with their Pareto front: how it is drawn, its pointer and keys, its words.
import { html, useMemo, useRef, useState } from "../dom.js";
import { isNumber, sentence, several } from "../format.js";
import { HEIGHT, colours, useCanvas } from "./canvas.js";
import { ring } from "./draw.js";
import { Table } from "./line.js";
import { axes, plane, short, span, surface } from "./plane.js";

/** Indices of the points, but for `ours`, that no other beats (x small, y large), by x. One sort, no O(n²). */
export function front(points) {
  const order = points.map((_, i) => i);
  order.sort((a, b) => points[a].x - points[b].x || points[b].y - points[a].y);
  const found = [];
  let top = -Infinity;
  for (const i of order) {
    if (!points[i].ours && points[i].y > top) {
      found.push(i);
      top = points[i].y;
    }
  }
  return found;
}

/** Where the points lie on a canvas of `width` × `height` CSS pixels. */
function layout(points, width, height) {
  const x = span(points.map((point) => point.x));
  return plane({ width, height, x, y: span(points.map((point) => point.y)) });
}

/** The index of the point nearest to (px, py), within 24 pixels, or -1. */
function nearest(points, at, px, py) {
  let found = -1;
  let least = 24 ** 2;
  points.forEach((point, i) => {
    const distance = (at.x(point.x) - px) ** 2 + (at.y(point.y) - py) ** 2;
    if (distance < least) [found, least] = [i, distance];
  });
  return found;
}

export function circle(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
}

/** The dots, but for `ours`: of very many points squares, which are drawn faster. */
export function dots(pen, points, at) {
  pen.globalAlpha = points.length > 500 ? 0.5 : 0.8;
  for (const point of points) {
    if (point.ours) continue;
    if (points.length > 2000) pen.fillRect(at.x(point.x) - 1, at.y(point.y) - 1, 2, 2);
    else {
      circle(pen, at.x(point.x), at.y(point.y), 3);
      pen.fill();
    }
  }
  pen.globalAlpha = 1;
}

function crosses(pen, points, at) {
  pen.lineWidth = 2;
  pen.beginPath();
  for (const { x, y } of points.filter((point) => point.ours)) {
    for (const up of [-5, 5]) {
      pen.moveTo(at.x(x) - 5, at.y(y) - up);
      pen.lineTo(at.x(x) + 5, at.y(y) + up);
    }
  }
  pen.stroke();
}

/** The line goes along the edge of what the front beats: `look.more` says that a large x is good. */
function drawFront(pen, points, best, at, look) {
  pen.strokeStyle = look.front;
  pen.lineWidth = 1.8;
  pen.beginPath();
  best.forEach((i, place) => {
    const x = at.x(points[i].x);
    if (place) {
      const before = points[best[place - 1]];
      pen.lineTo(look.more ? at.x(before.x) : x, at.y(look.more ? points[i].y : before.y));
    }
    pen[place ? "lineTo" : "moveTo"](x, at.y(points[i].y));
  });
  pen.stroke();
  pen.fillStyle = look.card;
  for (const i of best) {
    circle(pen, at.x(points[i].x), at.y(points[i].y), 4);
    pen.fill();
    pen.stroke();
  }
}

/** Dots, front, crosses. */
function paintFront(pen, points, best, at, look) {
  pen.fillStyle = look.dot;
  dots(pen, points, at);
  drawFront(pen, points, best, at, look);
  pen.strokeStyle = look.ours;
  crosses(pen, points, at);
}

/** Draw everything: axes, what `paint` draws, and a ring around each of the points `ringed`. */
function draw(canvas, paint, points, best, at, look, ringed) {
  const pen = surface(canvas, at.width, at.height);
  axes(pen, at, look);
  paint(pen, points, best, at, look);
  for (const { x, y } of ringed) ring(pen, at.x(x), at.y(y), look);
}

const COSTS = ["params", "madds", "train_seconds"];

/** The costs that the trials were measured by. */
export function costs(trials) {
  const rest = [...new Set(trials.flatMap((trial) => Object.keys(trial.metrics)))];
  return COSTS.filter((name) => rest.includes(name));
}

/** Plot `trials` along the axes `x` and `y`: {label, of(trial), show(value), more: large is good, log}.
 * `marked` are the numbers of the front; without it, it is found here, of a small x and a large y.
 * `note` says what the line is; `onOpen(number)` opens a trial. Other things than trials have a `noun`,
 * and a `name` for each number. Those with `ours` are crosses beside the rest. `paint` draws another
 * line than the front; then `line` is its name, and `table` what stands below in place of the front's.
 * `choose(number)` selects a trial or gives it up; those `chosen` have rings. */
export function Scatter({ trials, x, y, marked, note, onOpen, chosen = [], choose, noun = "trial", name = (number) => number, paint = paintFront, line = "the Pareto front", table }) {
  const points = useMemo(
    () => trials.map((t) => ({ x: x.log ? Math.log10(x.of(t)) : x.of(t), y: y.of(t), number: t.number, ours: t.ours }))
      .filter((p) => isNumber(p.x) && isNumber(p.y)),
    [trials, x.label, y.label],
  );
  const showX = (value) => x.show(x.log ? 10 ** value : value);
  const best = useMemo(() => {
    if (!marked) return front(points);
    const at = points.flatMap((p, i) => (marked.includes(p.number) ? [i] : []));
    return at.sort((a, b) => points[a].x - points[b].x);
  }, [points, marked]);
  const [picked, pick] = useState(null); // the number of the trial that is pointed at
  const now = useRef(null); // the same, at once: keys may be faster than drawing
  now.current = picked;
  const here = points.find((p) => p.number === picked);
  const say = (p) => `${sentence(noun)} ${name(p.number)}: ${y.label} ${y.show(p.y)}, ${x.label} ${showX(p.x)}`;
  const at = useRef(null);
  const canvas = useCanvas((element, width) => {
    at.current = layout(points, width, HEIGHT);
    draw(element, paint, points, best, at.current, {
      ...colours({ dot: "--chart-point", front: "--chart-front", ours: "--chart-random" }),
      xLabel: x.label, xFormat: showX, yFormat: short(y.show), more: x.more, log: x.log, whole: x.whole,
    }, points.filter((p) => p === here || chosen.includes(p.number)));
  });
  const find = (event) => {
    const box = canvas.current.getBoundingClientRect();
    return nearest(points, at.current, event.clientX - box.left, event.clientY - box.top);
  };
  const move = (event) => {
    const i = find(event);
    pick(i < 0 ? null : points[i].number);
  };
  const key = (event) => {
    if (event.key === "Enter" && now.current !== null) return onOpen?.(now.current);
    if (event.key === "x" && choose && now.current !== null) {
      event.preventDefault();
      return choose(now.current);
    }
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !best.length) return undefined;
    event.preventDefault();
    const place = best.findIndex((i) => points[i].number === now.current);
    const next = place < 0 ? best.length - 1 : Math.min(best.length - 1, Math.max(0, place + step));
    now.current = points[best[next]].number;
    pick(now.current);
    return undefined;
  };
  const row = (p) => [name(p.number), showX(p.x), y.show(p.y)];
  const head = [noun, x.label, y.label];
  const ours = points.filter((p) => p.ours);
  return html`<figure class="chart" aria-label=${`${y.label} against ${x.label}`}>
    <div class="plot">
      <canvas ref=${canvas} class="scatter" tabindex="0" role="img" height=${HEIGHT}
        aria-label=${`${several(points.length, noun)}, ${best.length} on ${line}. Arrow keys step along it${onOpen ? `, Enter opens the ${noun}` : ""}${choose ? `, x selects it; selected: ${chosen.join(", ") || "none"}` : ""}.`}
        onMouseMove=${move} onMouseLeave=${() => pick(null)} onKeyDown=${key}
        onClick=${(event) => { const i = find(event); if (i >= 0) (event.shiftKey ? choose : onOpen)?.(points[i].number); }}></canvas>
    </div>
    <figcaption aria-live="polite">${here
      ? say(here)
      : `${several(points.length, noun)}; ${note}`}</figcaption>
    ${table !== undefined ? table : html`<${Table} title="The front as a table" head=${head} rows=${best.map((i) => row(points[i]))} />`}
    ${ours.length ? html`<${Table} title="The crosses as a table" head=${head} rows=${ours.map(row)} />` : null}
  </figure>`;
}
