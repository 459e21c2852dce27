// The training curve of one trial: what its evaluator reported, step by step.
import { html, useMemo, useState } from "../dom.js";
import { isNumber, metric, metricName } from "../format.js";
import { LineChart } from "./line.js";

const COLOURS = ["--chart-best", "--chart-entropy"];
const PAIRS = [["accuracy"], ["loss", "train_loss"], ["learning_rate"], ["images_per_second"]];

/** Groups of metric names that share one scale, of the names that are there. */
function groups(names) {
  const known = PAIRS.map((pair) => pair.filter((name) => names.includes(name)));
  const rest = names.filter((name) => !PAIRS.flat().includes(name)).map((name) => [name]);
  return [...known, ...rest].filter((group) => group.length);
}

/** The chart of the last attempt's `curve` [{attempt, step, metrics}], one group of metrics at a time. */
export function TrainingCurve({ curve }) {
  const last = Math.max(...curve.map((point) => point.attempt));
  const points = useMemo(
    () => curve.filter((point) => point.attempt === last).sort((a, b) => a.step - b.step),
    [curve],
  );
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
      label: metricName(name), colour: COLOURS[i % 2], format: (value) => metric(name, value),
    })),
    xLabel: "epoch", xName: "epoch",
    yFormat: (value) => metric(group[0], value),
    table: {
      title: "As a table",
      head: ["epoch", ...names.map(metricName)],
      rows: points.slice(-200).map((p) => [p.step, ...names.map((name) => metric(name, p.metrics[name]))]),
    },
  };
  return html`${choices.length > 1
      ? html`<div class="chips" role="group" aria-label="What to draw">
          ${choices.map((names, i) => html`<button key=${names[0]} type="button" class="chip" aria-pressed=${i === chosen}
            onClick=${() => choose(i)}>${metricName(names[0])}</button>`)}
        </div>`
      : null}
    <${LineChart} key=${group.join()} spec=${spec} data=${data} />`;
}
