// Draws lines, steps and dots over a common x: the picture of a line chart, without its page.
import { axes, plane, span, surface } from "./plane.js";

/** Indices [first, last] of the sorted numbers `x` that lie in [low, high], one more on each side. */
export function within(x, [low, high]) {
  let first = x.findIndex((value) => value >= low);
  if (first < 0) first = x.length;
  let last = first;
  while (last < x.length && x[last] <= high) last += 1;
  return [Math.max(0, first - 1), Math.min(x.length - 1, last)];
}

/** The index in the sorted numbers `x` that is nearest to `value`. */
export function closest(x, value) {
  let low = 0;
  let high = x.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] < value) low = middle;
    else high = middle;
  }
  return value - x[low] <= x[high] - value ? low : high;
}

/** Where the data lies; `zoom` is a range of x or null for all of it, `yRange` what y spans, if not its values. */
export function layout(lines, data, width, height, zoom, yRange) {
  const x = zoom ?? span(data[0], 0.02);
  const [first, last] = within(data[0], x);
  const seen = (side) => lines.flatMap((line, i) => (line.right === side ? [data[i + 1].slice(first, last + 1)] : []));
  const right = seen(true).flat();
  return plane({
    width, height, x, y: yRange ?? span(seen(undefined).flat()),
    right: right.length ? span([0, ...right], 0.08) : undefined,
  });
}

function drawLine(pen, line, xs, values, at, [first, last]) {
  const y = line.right ? at.right : at.y;
  pen.setLineDash(line.kind === "dashed" ? [6, 4] : []);
  pen.lineWidth = line.width ?? 2;
  pen.lineJoin = "round";
  pen.beginPath();
  let before = null;
  for (let i = first; i <= last; i += 1) {
    if (values[i] === null) continue;
    const px = at.x(xs[i]);
    const py = y(values[i]);
    if (before === null) pen.moveTo(px, py);
    else if (line.kind === "step") pen.lineTo(px, before);
    if (before !== null) pen.lineTo(px, py);
    before = py;
  }
  pen.stroke();
  pen.setLineDash([]);
}

function drawDots(pen, xs, values, at, [first, last], radius, crosses) {
  pen.lineWidth = 1.6;
  for (let i = first; i <= last; i += 1) {
    if (values[i] === null) continue;
    const x = at.x(xs[i]);
    const y = at.y(values[i]);
    pen.beginPath();
    if (crosses) {
      for (const up of [-1, 1]) {
        pen.moveTo(x - radius, y - up * radius);
        pen.lineTo(x + radius, y + up * radius);
      }
      pen.stroke();
    } else {
      pen.arc(x, y, radius, 0, 7);
      pen.fill();
    }
  }
}

/** A range of values over the whole width, under everything else. */
function drawBand(pen, [low, high], at) {
  pen.globalAlpha = 0.16;
  pen.fillRect(at.left, at.y(high), at.end - at.left, Math.max(1, at.y(low) - at.y(high)));
  pen.globalAlpha = 1;
}

function drawCursor(pen, lines, data, at, index, look) {
  const px = Math.round(at.x(data[0][index])) + 0.5;
  pen.strokeStyle = look.muted;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(px, at.top);
  pen.lineTo(px, at.bottom);
  pen.stroke();
  lines.forEach((line, i) => {
    const value = data[i + 1][index];
    if (value === null) return;
    pen.fillStyle = look.colours[i];
    pen.strokeStyle = look.card;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.arc(px, (line.right ? at.right : at.y)(value), 4.5, 0, 7);
    pen.fill();
    pen.stroke();
  });
}

/** Draw all: axes, each of `lines` over `data` (columns, x first), the cursor at `index` (or null),
 * and `drag`, the range of pixels that is being chosen (or null). */
export function draw(canvas, lines, data, at, look, { index, drag }) {
  const pen = surface(canvas, at.width, at.height);
  axes(pen, at, look);
  pen.save();
  pen.beginPath();
  pen.rect(at.left - 4, at.top - 6, at.end - at.left + 8, at.bottom - at.top + 10);
  pen.clip();
  const range = within(data[0], at.ranges.x);
  const radius = Math.max(1.4, Math.min(2.8, (at.end - at.left) / (range[1] - range[0] + 1)));
  lines.forEach((line, i) => {
    pen.strokeStyle = look.colours[i];
    pen.fillStyle = look.colours[i];
    if (line.band) drawBand(pen, line.band, at);
    if (line.kind === "dots") drawDots(pen, data[0], data[i + 1], at, range, radius);
    else if (line.kind === "crosses") drawDots(pen, data[0], data[i + 1], at, range, radius + 1, true);
    else drawLine(pen, line, data[0], data[i + 1], at, range);
  });
  if (data[0].length === 1) lines.forEach((line, i) => {
    pen.fillStyle = look.colours[i];
    if (!line.right) drawDots(pen, data[0], data[i + 1], at, [0, 0], 3);
  });
  if (index !== null && index < data[0].length) drawCursor(pen, lines, data, at, index, look);
  pen.restore();
  if (!drag) return;
  pen.globalAlpha = 0.16;
  pen.fillStyle = look.accent;
  pen.fillRect(Math.min(...drag), at.top, Math.abs(drag[1] - drag[0]), at.bottom - at.top);
}
