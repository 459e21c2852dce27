// The ground that every chart is drawn on: scales, round ticks, axes. Only pens and numbers here.

const FONT = "12px system-ui, sans-serif";

/** [low, high] of the numbers among `values`, widened by `pad` of their span; [0, 1] for none. */
export function span(values, pad = 0.06) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  const extra = (high - low || Math.abs(high) * 0.1 || 1) * pad;
  return [low - extra, high + extra];
}

/** About `wanted` round numbers from `low` to `high`, at least `least` apart. */
export function ticks(low, high, wanted, least = 0) {
  const raw = Math.max((high - low) / Math.max(1, wanted), least);
  const power = 10 ** Math.floor(Math.log10(raw));
  const size = [1, 2, 5, 10].find((n) => n * power >= raw * (1 - 1e-9)) * power;
  const found = [];
  for (let value = Math.ceil(low / size) * size; value <= high + size * 1e-9; value += size) {
    found.push(Number(value.toPrecision(12)));
  }
  return found;
}

/** At most `wanted` powers of ten between two: 1, 2, 5, 10, ... or as many of them as there is room for. */
export function powers([low, high], wanted) {
  let found = [];
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    found = [];
    for (let power = Math.floor(low); power <= high; power += 1) {
      found.push(...steps.map((step) => power + Math.log10(step)).filter((value) => value >= low && value <= high));
    }
    if (found.length <= wanted) break;
  }
  return found;
}

/** Where things lie on a canvas of `width` × `height` CSS pixels; each range is [low, high]. */
export function plane({ width, height, x, y, right }) {
  const left = 58;
  const end = width - (right ? 48 : 14);
  const top = 10;
  const bottom = height - 38;
  const up = ([low, high]) => (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  return {
    width, height, left, end, top, bottom, ranges: { x, y, right },
    x: (value) => left + ((value - x[0]) / (x[1] - x[0])) * (end - left),
    back: (px) => x[0] + ((px - left) / (end - left)) * (x[1] - x[0]),
    y: up(y),
    right: right && up(right),
  };
}

/** A cleared canvas at the resolution of the screen, and its pen. */
export function surface(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  const size = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const pen = canvas.getContext("2d");
  pen.reset();
  pen.scale(ratio, ratio);
  pen.font = FONT;
  return pen;
}

function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

/** Grid, ticks and labels. `look` has the colours, xLabel, xFormat, yFormat, and for whole numbers
 * on the x axis `whole`, for powers of ten `log`; the axis on the right has rightLabel and rightFormat. */
export function axes(pen, at, look) {
  pen.lineWidth = 1;
  pen.fillStyle = look.muted;
  pen.strokeStyle = look.grid;
  pen.textAlign = "center";
  const { x, y, right } = at.ranges;
  const wanted = (at.end - at.left) / 90;
  for (const value of look.log ? powers(x, wanted) : ticks(...x, wanted, look.whole ? 1 : 0)) {
    const px = Math.round(at.x(value)) + 0.5;
    line(pen, px, at.top, px, at.bottom);
    pen.fillText(look.xFormat(value), px, at.bottom + 17);
  }
  pen.fillText(look.xLabel, (at.left + at.end) / 2, at.bottom + 33);
  pen.textAlign = "right";
  for (const value of ticks(...y, 5)) {
    const py = Math.round(at.y(value)) + 0.5;
    line(pen, at.left, py, at.end, py);
    pen.fillText(look.yFormat(value), at.left - 7, py + 4);
  }
  if (!right) return;
  pen.textAlign = "left";
  for (const value of ticks(...right, 4)) pen.fillText(look.rightFormat(value), at.end + 7, at.right(value) + 4);
}

/** The label of a tick: `format` without the zeros that all ticks share. */
export function short(format) {
  return (value) => format(value).replace(/\.0+(?=\D|$)/, "");
}
