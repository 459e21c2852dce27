// Draws lines, steps and dots over a common x: the picture of a line chart, without its page.
// Columns are typed arrays, with NaN where there is nothing: a canvas leaves out what has it as a place.
import { axes, plane, span, surface } from "./plane.js";

/** The first index of the sorted numbers `x` whose value is at least `low`, or above it if `over`. */
function from(x, low, over) {
  let begin = 0;
  let end = x.length;
  while (begin < end) {
    const middle = (begin + end) >> 1;
    if (x[middle] < low || (over && x[middle] === low)) begin = middle + 1;
    else end = middle;
  }
  return begin;
}

/** Indices [first, last] of the sorted numbers `x` that lie in [low, high], one more on each side. */
export function within(x, [low, high]) {
  return [Math.max(0, from(x, low) - 1), Math.min(x.length - 1, from(x, high, true))];
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
  const x = zoom ?? span(data[0].length ? [data[0][0], data[0].at(-1)] : [], 0.02);
  const [first, last] = within(data[0], x);
  const seen = (side, also) => extent(also, lines.flatMap((line, i) => (line.right === side ? [data[i + 1]] : [])), first, last);
  const right = lines.some((line) => line.right);
  return plane({ width, height, x, y: yRange ?? span(seen(undefined, [])), right: right ? span(seen(true, [0]), 0.08) : undefined });
}

/** The least and the largest of `numbers` and of what `columns` hold from `first` to `last`. */
function extent(numbers, columns, first, last) {
  let low = Math.min(...numbers);
  let high = Math.max(...numbers);
  for (const values of columns) {
    for (let i = first; i <= last; i += 1) {
      const value = values[i]; // NaN is neither
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low > high ? [] : [low, high];
}

/** `of`, which is linear, as [at 0, slope]: 100,000 points need no calls. */
function linear(of) {
  const zero = of(0);
  return [zero, of(1) - zero];
}

/** A line; of the points that share a pixel's width, the first, the lowest, the highest and the last. */
function drawLine(pen, line, xs, values, at, [first, last]) {
  const [x0, dx] = linear(at.x);
  const y = line.right ? at.right : at.y;
  pen.setLineDash(/dashed/.test(line.kind) ? [6, 4] : []);
  pen.lineWidth = line.width ?? 2;
  pen.lineJoin = "round";
  pen.beginPath();
  let before = NaN;
  let reached = NaN; // the place of the last value of a step line
  for (let i = first; i <= last; ) {
    const begin = values[i];
    const px = x0 + dx * xs[i];
    i += 1;
    if (begin !== begin) continue; // NaN: nothing is known
    if (/step/.test(line.kind)) {
      reached = px;
      if (begin === before) continue;
      pen.lineTo(px, y(before)); // nothing, the first time
      pen.lineTo(px, y((before = begin)));
      continue;
    }
    pen.lineTo(px, y(begin));
    const edge = Math.floor(px) + 1;
    let [low, high, end] = [begin, begin, begin];
    for (; i <= last && x0 + dx * xs[i] < edge; i += 1) {
      const value = values[i];
      if (value < low) low = value;
      if (value > high) high = value;
      if (value === value) end = value;
    }
    for (const value of low < high ? [low, high, end] : []) pen.lineTo(px, y(value));
  }
  pen.lineTo(reached, y(before)); // nothing, where nothing is known
  pen.stroke();
  pen.setLineDash([]);
}

const MANY = 3000; // dots from which on they are squares of two pixels in a buffer: 100,000 in some 10 ms

/** Dots in what is still an empty picture, in its own pixels; those outside of the axes are left out. */
function drawMany(pen, ink, xs, values, at, [first, last]) {
  const { canvas } = pen;
  const ratio = canvas.width / at.width;
  const [from, top, width, height] = [at.left - 4, at.top - 6, at.end - at.left + 8, at.bottom - at.top + 10].map((side) => Math.round(side * ratio));
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const [red, green, blue] = ink.match(/\d+/g);
  const colour = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0; // little-endian, as all browsers' machines
  const [x0, dx] = linear(at.x);
  const [y0, dy] = linear(at.y);
  const side = Math.round(2 * ratio);
  for (let i = first; i <= last; i += 1) {
    const left = ((x0 + dx * xs[i] - 1) * ratio - from) | 0;
    const y = y0 + dy * values[i];
    if (y !== y || left < 0 || left > width - side) continue; // or it would come out in another row
    const place = (((y - 1) * ratio - top) | 0) * width + left;
    for (let below = 0; below < side; below += 1) {
      for (let beside = 0; beside < side; beside += 1) pixels[place + below * width + beside] = colour;
    }
  }
  pen.putImageData(image, from, top);
}

function drawDots(pen, xs, values, at, [first, last], radius, crosses) {
  pen.lineWidth = 1.6;
  for (let i = first; i <= last; i += 1) {
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
    pen.fillStyle = look.colours[i];
    pen.strokeStyle = look.card;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.arc(px, (line.right ? at.right : at.y)(value), 4.5, 0, 7);
    pen.fill();
    pen.stroke();
  });
}

/** Draw what stays while the pointer moves: axes and each of `lines` over `data` (columns, x first). */
export function draw(canvas, lines, data, at, look) {
  const pen = surface(canvas, at.width, at.height);
  const range = within(data[0], at.ranges.x);
  const many = range[1] - range[0] > MANY && lines[0].kind === "dots";
  if (many) drawMany(pen, look.colours[0], data[0], data[1], at, range);
  pen.globalCompositeOperation = "destination-over";
  axes(pen, at, look);
  pen.globalCompositeOperation = "source-over";
  pen.save();
  clip(pen, at);
  const radius = Math.max(1.4, Math.min(2.8, (at.end - at.left) / (range[1] - range[0] + 1)));
  lines.forEach((line, i) => {
    pen.strokeStyle = look.colours[i];
    pen.fillStyle = look.colours[i];
    if (line.band) drawBand(pen, line.band, at);
    if (line.kind === "dots") many || drawDots(pen, data[0], data[i + 1], at, range, radius);
    else if (line.kind === "crosses") drawDots(pen, data[0], data[i + 1], at, range, radius + 1, true);
    else drawLine(pen, line, data[0], data[i + 1], at, range);
  });
  if (data[0].length === 1) lines.forEach((line, i) => {
    pen.fillStyle = look.colours[i];
    if (!line.right) drawDots(pen, data[0], data[i + 1], at, [0, 0], 3);
  });
  pen.restore();
}

function clip(pen, at) {
  pen.beginPath();
  pen.rect(at.left - 4, at.top - 6, at.end - at.left + 8, at.bottom - at.top + 10);
  pen.clip();
}

/** The sign of what is selected, or pointed at. */
export function ring(pen, x, y, look) {
  pen.strokeStyle = look.accent;
  pen.lineWidth = 2.5;
  pen.beginPath();
  pen.arc(x, y, 7, 0, 7);
  pen.stroke();
}

/** Put `picture`, drawn before, on the canvas, and over it the cursor at `index` (or null), and
 * `drag`, the range of pixels that is being chosen (or null); the x of `chosen` get rings. */
export function point(canvas, picture, lines, data, at, look, { index, drag, chosen }) {
  const pen = surface(canvas, at.width, at.height);
  pen.drawImage(picture, 0, 0, at.width, at.height);
  pen.save();
  clip(pen, at);
  if (index !== null && index < data[0].length) drawCursor(pen, lines, data, at, index, look);
  for (const x of chosen) {
    const place = from(data[0], x);
    const own = lines.findIndex((line, i) => /dots|crosses/.test(line.kind) && data[i + 1][place] === data[i + 1][place]);
    if (data[0][place] === x && own >= 0) ring(pen, at.x(x), at.y(data[own + 1][place]), look);
  }
  pen.restore();
  if (!drag) return;
  pen.globalAlpha = 0.16;
  pen.fillStyle = look.accent;
  pen.fillRect(Math.min(...drag), at.top, Math.abs(drag[1] - drag[0]), at.bottom - at.top);
}
