// The scatter plot on the page: pointer, keys, the words for those who cannot see it.
import { html, useMemo, useRef, useState } from "../dom.js";
import { goal, isNumber, metric, metricName, reward, several } from "../format.js";
import { HEIGHT, colours, useCanvas } from "./canvas.js";
import { draw, front, layout, nearest } from "./pareto.js";
import { Table } from "./line.js";
import { short } from "./plane.js";

const COSTS = ["params", "madds", "train_seconds"];

/** The costs that the trials were measured by. */
export function costs(trials) {
  const rest = [...new Set(trials.flatMap((trial) => Object.keys(trial.metrics)))];
  return COSTS.filter((name) => rest.includes(name));
}

/** Plot `trials` (done, with metrics) by the cost `name`; `onOpen(number)` opens a trial. */
export function Scatter({ search, trials, name, onOpen }) {
  const points = useMemo(
    () => trials.filter((t) => isNumber(t.reward) && isNumber(t.metrics[name]))
      .map((t) => ({ x: t.metrics[name], y: t.reward, number: t.number })),
    [trials, name],
  );
  const best = useMemo(() => front(points), [points]);
  const [picked, pick] = useState(null); // the number of the trial that is pointed at
  const chosen = picked === null ? -1 : points.findIndex((p) => p.number === picked);
  const label = metricName(goal(search));
  const say = (p) => `Trial ${p.number}: ${label} ${reward(search, p.y)}, ${metricName(name)} ${metric(name, p.x)}`;
  const at = useRef(null);
  const canvas = useCanvas((element, width) => {
    at.current = layout(points, width, HEIGHT);
    draw(element, points, best, at.current, {
      ...colours({ dot: "--chart-point", front: "--chart-front" }),
      xLabel: metricName(name),
      xFormat: (value) => metric(name, value),
      yFormat: short((value) => reward(search, value)),
    }, chosen);
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
    if (event.key === "Enter" && chosen >= 0) return onOpen(points[chosen].number);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !best.length) return undefined;
    event.preventDefault();
    const place = best.indexOf(chosen);
    const next = place < 0 ? best.length - 1 : Math.min(best.length - 1, Math.max(0, place + step));
    pick(points[best[next]].number);
    return undefined;
  };
  const rows = best.map((i) => [points[i].number, metric(name, points[i].x), reward(search, points[i].y)]);
  return html`<figure class="chart" aria-label=${`${label} against ${metricName(name)}`}>
    <div class="plot">
      <canvas ref=${canvas} class="scatter" tabindex="0" role="img" height=${HEIGHT}
        aria-label=${`${several(points.length, "trial")}, ${best.length} on the Pareto front. Arrow keys step along the front, Enter opens the trial.`}
        onMouseMove=${move} onMouseLeave=${() => pick(null)} onKeyDown=${key}
        onClick=${(event) => { const i = find(event); if (i >= 0) onOpen(points[i].number); }}></canvas>
    </div>
    <figcaption aria-live="polite">${chosen >= 0
      ? say(points[chosen])
      : `${several(points.length, "trial")}; none smaller is better than those on the line, the Pareto front.`}</figcaption>
    <${Table} title="The front as a table" head=${["trial", metricName(name), label]} rows=${rows} />
  </figure>`;
}
