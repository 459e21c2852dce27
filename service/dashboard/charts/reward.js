// The reward of every trial, the best so far, and what the controller makes of them.
import { html, useMemo } from "../dom.js";
import { goal, isNumber, metricName, plain, reward, several } from "../format.js";
import { LineChart } from "./line.js";

export const LEAST = 3; // trials from which on a chart says more than a sentence
const WORDS = { baseline: "baseline", entropy: "entropy (nats)" };

/** Columns for the chart of a history {number, reward, state, arm, figures}: x, rewards of all, those
 * of the random arm (null without one), best, figures. */
export function columns(history) {
  const order = history.number.map((_, i) => i);
  const sorted = history.number.every((number, i) => !i || history.number[i - 1] < number); // as the service gives them
  if (!sorted) order.sort((a, b) => history.number[a] - history.number[b]);
  const pickColumn = (values) => order.map((i) => (isNumber(values?.[i]) ? values[i] : null));
  const rewards = order.map((i) =>
    history.state[i] === "done" && isNumber(history.reward[i]) ? history.reward[i] : null,
  );
  let top = null;
  const best = rewards.map((value) => {
    if (value !== null && (top === null || value > top)) top = value;
    return top;
  });
  const figures = {};
  for (const [name, values] of Object.entries(history.figures ?? {})) {
    const column = pickColumn(values);
    if (column.some((value) => value !== null)) figures[name] = column;
  }
  const isRandom = order.map((i) => history.arm?.[i] === "random");
  const random = isRandom.includes(true) ? rewards.map((value, i) => (isRandom[i] ? value : null)) : null;
  return { x: order.map((i) => history.number[i]), rewards, random, best, figures };
}

/** The trials at which the best improved: [number, reward], the latest last. */
export function improvements({ x, rewards, best }) {
  const steps = [];
  for (let i = 0; i < x.length; i += 1) {
    if (rewards[i] !== null && rewards[i] === best[i] && best[i] !== (i ? best[i - 1] : null)) {
      steps.push([x[i], best[i]]);
    }
  }
  return steps;
}

/** Finished trials of a column. */
export function finished(column) {
  return (column ?? []).filter((value) => value !== null);
}

/** The middle half of the values: [lower quartile, upper quartile]. */
export function middle(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return [0.25, 0.75].map((share) => {
    const place = share * (sorted.length - 1);
    const low = sorted[Math.floor(place)];
    return low + (sorted[Math.ceil(place)] - low) * (place % 1);
  });
}

/** The value of a figure such as the entropy at the trial with the highest number that has it, or null. */
export function lastFigure(history, name) {
  const values = history?.figures?.[name] ?? [];
  let found = null;
  values.forEach((value, i) => {
    if (isNumber(value) && (found === null || history.number[i] > history.number[found])) found = i;
  });
  return found === null ? null : values[found];
}

function describe(search, cols, steps) {
  const done = finished(cols.rewards).length;
  const [number, value] = steps.at(-1);
  const first = steps[0];
  if (steps.length === 1) {
    return `${several(done, "finished trial")}; trial ${number} is the best with ${reward(search, value)}.`;
  }
  return `${several(done, "finished trial")}; the best ${metricName(goal(search))} went from ` +
    `${reward(search, first[1])} (trial ${first[0]}) to ${reward(search, value)} (trial ${number}).`;
}

function lines(search, cols) {
  const show = (value) => reward(search, value);
  const found = [{ label: cols.random ? "controller" : "trial", kind: "dots", colour: "--chart-dot", format: show }];
  if (cols.random) {
    const values = finished(cols.random);
    const band = values.length < LEAST ? null : middle(values);
    found.push({
      label: band ? "random, band: its middle half" : "random", kind: "crosses", colour: "--chart-random", format: show, band,
    });
  }
  found.push({ label: "best so far", kind: "step", colour: "--chart-best", format: show });
  if (cols.figures.baseline) {
    found.push({ label: WORDS.baseline, kind: "dashed", colour: "--chart-baseline", format: show });
  }
  if (cols.figures.entropy) {
    found.push({ label: WORDS.entropy, colour: "--chart-entropy", width: 1.5, right: true, format: plain });
  }
  return found;
}

/** The chart, or a sentence while there is too little to draw. */
export function RewardChart({ search, history, onPick }) {
  const cols = useMemo(() => columns(history), [history]);
  const done = finished(cols.rewards).length;
  const data = useMemo(
    () => {
      const { x, rewards, random, best, figures } = cols;
      const own = random ? rewards.map((value, i) => (random[i] === null ? value : null)) : rewards;
      return [x, own, random, best, figures.baseline, figures.entropy].filter(Boolean);
    },
    [cols],
  );
  if (done < LEAST) {
    return html`<p class="quiet chart-wait">
      ${done ? `${several(done, "trial")} finished. ` : "No trial has finished yet. "}
      The chart appears with the ${LEAST}rd.
    </p>`;
  }
  const steps = improvements(cols);
  const name = metricName(goal(search));
  const spec = {
    name: `Reward: ${name} of each trial`,
    summary: describe(search, cols, steps),
    lines: lines(search, cols),
    xLabel: "trial", xName: "trial",
    yFormat: (value) => reward(search, value),
    rightFormat: plain,
    table: {
      title: "As a table",
      head: ["trial", `best ${name} so far`],
      rows: steps.slice(-30).map(([number, value]) => [number, reward(search, value)]),
    },
  };
  return html`<${LineChart} spec=${spec} data=${data} onPick=${onPick} />`;
}
