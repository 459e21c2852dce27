// The failed trials of a search by cause: how many, whose doing it was, the message, the trials.
import { html } from "../dom.js";
import { count, sentence, several } from "../format.js";
import { Card, Loaded, Notice } from "../parts.js";
import { useResource } from "../resource.js";
import { link } from "../router.js";

/** What each kind of failure means. */
const CAUSES = {
  error: "the training raised an error", invalid: "the network could not be built", diverged: "the loss was no longer a number",
  bad_metric: "the evaluator gave no usable score", out_of_memory: "it needed more memory than there was",
  timeout: "it took longer than allowed", lost: "the worker died", disk_full: "the disk was full",
  unavailable: "the worker could not begin",
};
const MACHINE = ["lost", "disk_full", "unavailable"];

/** A kind of failure in words. */
export const kindName = (kind) => kind.replaceAll("_", " ");

/** Who is to blame for a kind of failure, in a sentence. */
export function blame(kind, machine = MACHINE.includes(kind)) {
  const cause = CAUSES[kind] ? `: ${CAUSES[kind]}` : "";
  return machine
    ? `The machine's doing, not the architecture's${cause}.`
    : `The architecture's doing${cause}. The controller learned that it fails.`;
}

/** The failures of a search, kept up to date; they are not asked for while there are none. */
export function useFailures(search) {
  return useResource(search.counts.failed ? `searches/${search.id}/failures` : null,
    (event) => event.search === search.id && event.kind === "trial.failed");
}

function Group({ search, group }) {
  const { kind, machine, message, numbers } = group;
  const title = `${sentence(kindName(kind))}: ${several(group.count, "trial")}`;
  return html`<${Card} many title=${title}>
    <p>${blame(kind, machine)}</p>
    <pre class="code" tabindex="0" role="group" aria-label=${`Message, ${title}`}>${message || "No message was given."}</pre>
    <p>${numbers.map((number) => html`<a key=${number} href=${link(search.id, "trials", number)}>#${number}</a> `)}
      ${group.count > numbers.length ? html`and <a href=${link(search.id, "trials?state=failed")}>${count(group.count - numbers.length)} more</a>, the last #${group.last}` : null}</p>
  </${Card}>`;
}

/** The page. */
export function Failures({ search }) {
  const found = useFailures(search);
  return html`<div class="page-head"><h1>Failures</h1></div>
    ${search.counts.failed
      ? html`<${Loaded} from=${found} what="the failures" lines=${6}>${({ items, failed }) => {
          const machine = items.reduce((sum, group) => sum + (group.machine ? group.count : 0), 0);
          return html`<p>${count(failed)} of ${several(search.counts.total, "trial")} failed, from ${several(items.length, "cause")}:${" "}
              ${count(failed - machine)} by the architecture's doing, ${count(machine)} by the machine's.</p>
            ${items.map((group) => html`<${Group} key=${`${group.kind} ${group.signature}`} search=${search} group=${group} />`)}`;
        }}</${Loaded}>`
      : html`<${Notice}>No trial of this search has failed. <a href=${link(search.id, "trials")}>All trials</a></${Notice}>`}`;
}
