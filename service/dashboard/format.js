// Numbers, times and names in words: one place, so that the same thing reads the same everywhere.

const NONE = "–";
const SPACE = "\u2009"; // thin, between a number and its unit

/** True for a number that can be shown. */
export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** A whole number with separators: 10,000. */
export function count(value) {
  return isNumber(value) ? Math.round(value).toLocaleString("en-US") : NONE;
}

/** A share as a percentage with two decimals: 95.31 %. */
export function percent(value, digits = 2) {
  return isNumber(value) ? `${(100 * value).toFixed(digits)}${SPACE}%` : NONE;
}

/** Four significant digits, without a tail of zeros. */
export function plain(value) {
  if (!isNumber(value)) return NONE;
  if (Number.isInteger(value)) return count(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

/** A large number with its unit: 3.38 M. */
export function large(value) {
  if (!isNumber(value)) return NONE;
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= size) return `${Number((value / size).toPrecision(3))}${SPACE}${unit}`;
  }
  return plain(value);
}

/** Bytes: 12.3 kB. */
export function bytes(value) {
  return isNumber(value) ? `${large(value)}${value >= 1e3 ? "" : SPACE}B` : NONE;
}

const SHARES = /(^|_)(accuracy|top\d|precision|recall|error_rate)$/;

/** A metric by its name: accuracies as percentages, sizes with units, seconds as durations. */
export function metric(name, value) {
  if (!isNumber(value)) return NONE;
  if (SHARES.test(name) && value >= -1 && value <= 1) return percent(value);
  if (name === "params" || name === "madds") return large(value);
  if (name.endsWith("seconds")) return duration(value);
  return plain(value);
}

/** A difference between two values of a metric, with its sign; of percentages in points. */
export function difference(name, value) {
  if (!isNumber(value)) return NONE;
  return `${value < 0 ? "−" : "+"}${metric(name, Math.abs(value)).replace("%", "points")}`;
}

const WORDS = {
  params: "parameters", madds: "multiply-adds", train_seconds: "training time",
  images_per_second: "images a second", train_loss: "training loss",
};

/** The name of a metric in words. */
export function metricName(name) {
  return WORDS[name] ?? name.replaceAll("_", " ");
}

/** Seconds as a length of time: 4.2 s, 3 min 20 s, 4 h 15 min, 2 d 3 h. */
export function duration(seconds) {
  if (!isNumber(seconds)) return NONE;
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))}${SPACE}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}${SPACE}s`;
  const pairs = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];
  for (const [size, unit, small, smallUnit] of pairs) {
    if (whole < size) continue;
    const rest = Math.floor((whole % size) / small);
    const head = `${Math.floor(whole / size)}${SPACE}${unit}`;
    return rest ? `${head} ${rest}${SPACE}${smallUnit}` : head;
  }
  return NONE;
}

/** How long ago an ISO time was, against `now` in seconds. */
export function ago(iso, now) {
  if (!iso) return NONE;
  const seconds = Math.max(0, now - Date.parse(iso) / 1000);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.floor(seconds / 5) * 5}${SPACE}s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${SPACE}min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}${SPACE}h ago`;
  return `${Math.floor(seconds / 86400)}${SPACE}d ago`;
}

/** An ISO time as the reader's local date and time. */
export function moment(iso) {
  return iso ? new Date(iso).toLocaleString("sv-SE") : NONE;
}

/** Milliseconds since 1970 as the reader's clock: 14:03:10. */
export function clock(ms) {
  return ms ? new Date(ms).toLocaleTimeString("en-GB") : NONE;
}

/** `1 trial`, `2 trials`. */
export function several(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** The metric that a search is judged by, of its view. */
export function goal(search) {
  return search?.spec?.objective?.metric ?? "accuracy";
}

/** A reward in the units of the search's metric (a minimised metric is a negated reward). */
export function reward(search, value) {
  if (!isNumber(value)) return NONE;
  return metric(goal(search), search?.spec?.objective?.minimise ? -value : value);
}

/** Trials that have ended, of a search's counts. */
export function ended(counts) {
  return (counts?.done ?? 0) + (counts?.failed ?? 0) + (counts?.stopped ?? 0);
}

/** The name of a part of the spec, which may be a bare string. */
export function partName(part) {
  return typeof part === "string" ? part : (part?.name ?? NONE);
}

/** The name of a controller's part of the spec, and of the one that it stands around, and so on. */
export function controllers(part) {
  const { controller, options } = part?.options ?? {};
  return [partName(part), ...(controller ? controllers({ name: controller, options }) : [])];
}

/** A text with a capital at its beginning. */
export function sentence(text) {
  return text ? text.charAt(0).toUpperCase() + text.slice(1) : "";
}
