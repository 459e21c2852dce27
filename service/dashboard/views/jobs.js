// What the views of jobs share: how far one is, what failed, accuracies over seeds, and asking for more.
import { html, useState } from "../dom.js";
import { post } from "../api.js";
import { isNumber, metric, percent, several } from "../format.js";
import { Act, Notice, State } from "../parts.js";

/** Whether a job, if there is one, has not ended. */
export function active(job) {
  return ["pending", "running"].includes(job?.state);
}

/** A cell with mean and spread; pointed at, it tells each seed. */
export function Tested({ one }) {
  const each = Object.entries(one.tests).map(([seed, value]) => `seed ${seed}: ${percent(value)}`).join(", ");
  return html`<td class="number" title=${each}><b>${percent(one.mean)}</b>${isNumber(one.spread) ? ` ± ${percent(one.spread)}` : ""}</td>`;
}

/** The trainings that failed: `rows` have failures by seed, `name(row)` names one. */
export function Failed({ rows, name }) {
  const lines = rows.flatMap((one) => Object.entries(one.failures).map(([seed, why]) => `${name(one)}, seed ${seed}: ${why}`));
  return lines.length ? html`<${Notice} kind="warn" title=${`${several(lines.length, "training")} failed.`}>
    <ul>${lines.map((line) => html`<li key=${line}>${line}</li>`)}</ul></${Notice}>` : null;
}

/** A job that has not ended: `text` says what trains now, `step` of `epochs`; `stop()` ends it. */
export function Course({ job, what, text, epochs, stop, busy }) {
  const { state, total, progress } = job;
  const ended = job.done + job.failed;
  const loss = progress?.metrics.train_loss;
  return html`<div class="make round"><div role="status"><${State} state=${state} /> ${ended} of ${several(total, "training")} ended${job.failed ? `, ${job.failed} failed` : ""}.
      ${progress ? ` ${text}: epoch ${progress.step} of ${epochs}${isNumber(loss) ? `, training loss ${metric("loss", loss)}` : ""}.` : state === "pending" ? " Waits for its turn." : ""}</div>
    <progress max=${total} value=${ended + (progress ? progress.step / epochs : 0)} aria-label=${`Trainings of the ${what}`}></progress>
    <${Act}><button type="button" class="button danger-text" disabled=${busy} onClick=${stop}>Stop the ${what}</button></${Act}></div>`;
}

/** Ask something of the service, then look again: [act(path, body, headers), busy, what was refused]. */
export function useAct(reload) {
  const [said, say] = useState({ busy: false, error: "" });
  const act = async (...wanted) => {
    say({ busy: true, error: "" });
    try {
      const answer = await post(...wanted);
      await reload();
      say({ busy: false, error: "" });
      return answer;
    } catch (error) {
      say({ busy: false, error: error.message });
      return null;
    }
  };
  return [act, said.busy, said.error];
}
