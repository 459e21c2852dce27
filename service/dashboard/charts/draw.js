// Draws lines, steps and dots over a common x: the picture of a line chart, without its page.
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
      const value = values[i];
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low > high ? [] : [low, high];
}

/** A line; of the points that share a pixel's width, the first, the lowest, the highest and the last. */
function drawLine(pen, line, xs, values, at, [first, last]) {
  const y = line.right ? at.right : at.y;
  pen.setLineDash(line.kind === "dashed" ? [6, 4] : []);
  pen.lineWidth = line.width ?? 2;
  pen.lineJoin = "round";
  pen.beginPath();
  let before = null;
  let column = null; // {px, low, high, last} of the pixel that is being passed
  const flush = () => {
    if (!column) return;
    pen.lineTo(column.px, column.low);
    pen.lineTo(column.px, column.high);
    pen.lineTo(column.px, column.last);
    column = null;
  };
  for (let i = first; i <= last; i += 1) {
    if (values[i] === null) continue;
    const px = at.x(xs[i]);
    const py = y(values[i]);
    if (before === null) pen.moveTo(px, py);
    else if (line.kind === "step") {
      if (py !== before) {
        pen.lineTo(px, before);
        pen.lineTo(px, py);
      } else if (i === last) pen.lineTo(px, py);
    } else if (column && Math.floor(px) === Math.floor(column.px)) {
      column.low = Math.max(column.low, py);
      column.high = Math.min(column.high, py);
      column.last = py;
    } else {
      flush();
      pen.lineTo(px, py);
      column = { px, low: py, high: py, last: py };
    }
    before = py;
  }
  flush();
  pen.stroke();
  pen.setLineDash([]);
}

const MANY = 3000; // dots from which on they are squares of two pixels in a buffer: 100,000 in some 10 ms

function drawMany(pen, xs, values, at, [first, last]) {
  const width = Math.ceil(at.width);
  const image = new ImageData(width, Math.ceil(at.height));
  const pixels = new Uint32Array(image.data.buffer);
  const [red, green, blue] = pen.fillStyle.match(/[0-9a-f]{2}/g).map((pair) => parseInt(pair, 16)); // always #rrggbb
  const ink = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0; // little-endian, as all browsers' machines
  for (let i = first; i <= last; i += 1) {
    if (values[i] === null) continue;
    const left = (at.x(xs[i]) - 1) | 0;
    if (left < 0 || left > width - 2) continue; // or it would come out in another row
    const place = ((at.y(values[i]) - 1) | 0) * width + left;
    pixels[place] = ink;
    pixels[place + 1] = ink;
    pixels[place + width] = ink;
    pixels[place + width + 1] = ink;
  }
  const layer = document.createElement("canvas");
  layer.width = width;
  layer.height = image.height;
  layer.getContext("2d").putImageData(image, 0, 0);
  pen.drawImage(layer, 0, 0);
}

function drawDots(pen, xs, values, at, [first, last], radius, crosses) {
  if (last - first > MANY && !crosses) return drawMany(pen, xs, values, at, [first, last]);
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
  return undefined;
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

/** Draw what stays while the pointer moves: axes and each of `lines` over `data` (columns, x first). */
export function draw(canvas, lines, data, at, look) {
  const pen = surface(canvas, at.width, at.height);
  axes(pen, at, look);
  pen.save();
  clip(pen, at);
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
  pen.restore();
}

function clip(pen, at) {
  pen.beginPath();
  pen.rect(at.left - 4, at.top - 6, at.end - at.left + 8, at.bottom - at.top + 10);
  pen.clip();
}

/** Put `picture`, drawn before, on the canvas, and over it the cursor at `index` (or null), and
 * `drag`, the range of pixels that is being chosen (or null). */
export function point(canvas, picture, lines, data, at, look, { index, drag }) {
  const pen = surface(canvas, at.width, at.height);
  pen.drawImage(picture, 0, 0, at.width, at.height);
  if (index !== null && index < data[0].length) {
    pen.save();
    clip(pen, at);
    drawCursor(pen, lines, data, at, index, look);
    pen.restore();
  }
  if (!drag) return;
  pen.globalAlpha = 0.16;
  pen.fillStyle = look.accent;
  pen.fillRect(Math.min(...drag), at.top, Math.abs(drag[1] - drag[0]), at.bottom - at.top);
}
