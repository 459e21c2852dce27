// The reward of every trial, the best so far, and what the controller makes of them.
import { html, useMemo } from "../dom.js";
import { goal, isNumber, metricName, plain, reward, several } from "../format.js";
import { LineChart } from "./line.js";

const RANDOM = 2; // in the column of arms
export const LEAST = 3; // trials from which on a chart says more than a sentence
const WORDS = { baseline: "baseline", entropy: "entropy (nats)" };

/** What the chart draws of a history (../history.js): x, the rewards of the controller's trials and of the random arm's (null
 * without one), the best so far, baseline and entropy, if any; how many are `done`, and `steps`, the trials at which the best improved: [number, reward]. */
export function columns({ number, reward: rewards, arm, ...figures }) {
  const best = new Float64Array(number.length);
  const steps = [];
  let top = NaN;
  let done = 0;
  for (let i = 0; i < best.length; i += 1) {
    const value = rewards[i];
    if (value === value) { // not NaN
      done += 1;
      if (!(value <= top)) steps.push([number[i], (top = value)]);
    }
    best[i] = top;
  }
  const of = (wanted) => rewards.map((value, i) => ((arm[i] === RANDOM) === wanted ? value : NaN));
  const both = arm.includes(RANDOM);
  const known = (name) => figures[`figures.${name}`]?.some(isNumber) && figures[`figures.${name}`];
  return { x: number, own: both ? of(false) : rewards, random: both ? of(true) : null, best, baseline: known("baseline"), entropy: known("entropy"), done, steps };
}

/** The middle half of the values: [lower quartile, upper quartile]. */
export function middle(values) {
  const sorted = Float64Array.from(values).sort();
  return [0.25, 0.75].map((share) => {
    const place = share * (sorted.length - 1);
    const low = sorted[Math.floor(place)];
    return low + (sorted[Math.ceil(place)] - low) * (place % 1);
  });
}

/** The value of a figure such as the entropy at the last trial that has it, or undefined. */
export function lastFigure(history, name) {
  return history?.[`figures.${name}`]?.findLast(isNumber);
}

function describe(search, { done, steps }) {
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
    const values = cols.random.filter(isNumber);
    const band = values.length < LEAST ? null : middle(values);
    found.push({
      label: band ? "random, band: its middle half" : "random", kind: "crosses", colour: "--chart-random", format: show, band,
    });
  }
  found.push({ label: "best so far", kind: "step", colour: "--chart-best", format: show });
  if (cols.baseline) {
    found.push({ label: WORDS.baseline, kind: "dashed", colour: "--chart-baseline", format: show });
  }
  if (cols.entropy) {
    found.push({ label: WORDS.entropy, colour: "--chart-entropy", width: 1.5, right: true, format: plain });
  }
  return found;
}

/** The chart, or a sentence while there is too little to draw. */
export function RewardChart({ search, history, ...acts }) {
  const cols = useMemo(() => columns(history), [history]);
  const { done, steps } = cols;
  const data = useMemo(
    () => [cols.x, cols.own, cols.random, cols.best, cols.baseline, cols.entropy].filter(Boolean),
    [cols],
  );
  if (done < LEAST) {
    return html`<p class="quiet chart-wait">
      ${done ? `${several(done, "trial")} finished. ` : "No trial has finished yet. "}
      The chart appears with the ${LEAST}rd.
    </p>`;
  }
  const name = metricName(goal(search));
  const spec = {
    name: `Reward: ${name} of each trial`,
    summary: describe(search, cols),
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
  return html`<${LineChart} spec=${spec} data=${data} ...${acts} />`;
}
