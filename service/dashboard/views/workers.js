// What runs where: the machine, and of each search its places, the trials in them, and who has worked for it.
import { html, useClock } from "../dom.js";
import { ago, bytes, duration, isNumber, metric, metricName, several } from "../format.js";
import { Card, Copy, Loaded, Notice, Scroll, State, Tile } from "../parts.js";
import { useAgain, useResource } from "../resource.js";
import { link } from "../router.js";
import { useTitle } from "../store.js";

const EVERY_MS = 5000;

function Command({ text }) {
  return html`<div class="code-line"><code>${text}</code><${Copy} text=${() => text} kind="small" /></div>`;
}

function Trial({ search, trial, now }) {
  const step = trial.progress?.step;
  const score = ["accuracy", "loss", "train_loss"].find((name) => isNumber(trial.progress?.metrics[name]));
  return html`<tr data-row>
    <th scope="row"><a href=${link(search, "trials", trial.number)}>#${trial.number}</a></th>
    <td>${isNumber(step) ? `epoch ${step}${trial.epochs ? ` of ${trial.epochs}` : ""}` : "starting"}
      ${trial.epochs ? html`<progress max=${trial.epochs} value=${step ?? 0} aria-label=${`Trial ${trial.number}: epochs done`}></progress>` : null}</td>
    <td>${score ? `${metricName(score)} ${metric(score, trial.progress.metrics[score])}` : "–"}</td>
    <td class="number">${trial.started_at ? duration(Math.max(0, now - Date.parse(trial.started_at) / 1000)) : "–"}</td>
    <td class="number">${trial.attempt}</td>
  </tr>`;
}

/** Why trials wait, where they do, and what brings workers. */
function Waiting({ crew, supervisor }) {
  if (!supervisor.alive && !crew.runner?.alive) {
    return html`<${Notice} kind="warn" title="Nobody works for this search: its trials wait.">
      No supervisor runs. This starts one, on the machine of the service:<${Command} text="nas serve supervisor" /></${Notice}>`;
  }
  if (!crew.runner?.alive) return html`<p class="quiet">${crew.state === "paused" ? "Paused: it takes no place." : "Its process is starting."}</p>`;
  const free = crew.places - crew.running.length;
  return free > 0 ? html`<p class="quiet">${several(free, "place")} of ${crew.places} ${free === 1 ? "is" : "are"} free.</p>` : null;
}

function Crew({ crew, supervisor, now }) {
  const { cpus_per_trial: cpus, gpus_per_trial: gpus } = crew;
  const each = [cpus && several(cpus, "core"), gpus && several(gpus, "GPU")].filter(Boolean).join(" and ");
  return html`<${Card} many title=${html`<a href=${link(crew.search)}>${crew.name}</a>`} tools=${html`<${State} state=${crew.state} />`}>
    <p>${crew.running.length} of ${several(crew.places, "place")} taken: executor ${crew.executor}${each ? `, ${each} a trial` : ""}${crew.runner?.alive ? `, process ${crew.runner.pid}` : ""}.</p>
    <${Waiting} crew=${crew} supervisor=${supervisor} />
    ${crew.running.length ? html`<${Scroll} name=${`Trials of ${crew.name} that run`} kind="wide">
      <thead><tr><th scope="col">Trial</th><th scope="col">Course</th><th scope="col">So far</th><th scope="col" class="number">Runs for</th><th scope="col" class="number">Attempt</th></tr></thead>
      <tbody>${crew.running.map((trial) => html`<${Trial} key=${trial.number} search=${crew.search} trial=${trial} now=${now} />`)}</tbody>
    </${Scroll}>` : null}
    ${crew.workers.length ? html`<details class="as-table"><summary>${several(crew.workers.length, "worker")} so far</summary><${Scroll} name=${`Workers of ${crew.name}`}>
      <thead><tr><th scope="col">Worker</th><th scope="col" class="number">Attempts</th><th scope="col">Last</th></tr></thead>
      <tbody>${crew.workers.map((one) => html`<tr key=${one.name}><th scope="row">${one.name}</th><td class="number">${one.attempts}</td><td>${ago(one.seen_at, now)}</td></tr>`)}</tbody>
    </${Scroll}></details>` : null}
  </${Card}>`;
}

/** The machines of the clusters, and what the trials on each were given. */
function Nodes({ nodes, now }) {
  const of = (node) => node.searches.map((crew) => html`<a key=${crew.search} href=${link(crew.search)}>${crew.name}</a> `);
  return html`<${Card} title="Nodes of Ray"><${Scroll} name="Nodes of Ray" kind="wide">
    <thead><tr><th scope="col">Node</th><th scope="col">State</th>${["Cores", "GPUs", "Memory for trials"].map((word) => html`<th key=${word} scope="col" class="number">${word}</th>`)}<th scope="col">Searches</th><th scope="col">Last worker</th></tr></thead>
    <tbody>${nodes.map((node) => html`<tr key=${node.id}><th scope="row">${node.name} <span class="quiet">${node.address}</span></th><td><${State} state=${node.alive ? "running" : "stopped"} /></td>
      ${[node.cpus, node.gpus].map((value) => html`<td class="number">${value}</td>`)}<td class="number">${bytes(node.memory_bytes)}</td><td>${of(node)}</td><td>${node.last ? ago(node.last, now) : "–"}</td></tr>`)}</tbody>
  </${Scroll}></${Card}>`;
}

/** Each node with its searches in full, and when a worker on it was last heard of. */
export function peopled(nodes, searches) {
  return nodes.map((node) => {
    const crews = searches.filter((crew) => node.searches.includes(crew.search));
    const seen = crews.flatMap((crew) => crew.workers.filter((one) => one.name.endsWith(`@${node.name}`)).map((one) => one.seen_at));
    return { ...node, searches: crews, last: seen.sort().at(-1) };
  });
}

function Empty() {
  return html`<section class="card empty">
    <h2>Nothing runs</h2>
    <p>A search brings its own workers: as many as it has places, from its start to its end.</p>
    <${Command} text="nas search --data digits --workers 2" />
    <p class="quiet">More machines join through a Ray cluster that the service was given as NAS_RAY_ADDRESS; on each of them:</p>
    <${Command} text="ray start --address=HEAD:6379" />
  </section>`;
}

/** The page. */
export function Workers() {
  const found = useResource("workers", (event) => event.kind.startsWith("search.") || (event.kind.startsWith("trial.") && event.kind !== "trial.progress"));
  useAgain(true, () => document.hidden || found.reload(), EVERY_MS);
  const now = useClock(1);
  useTitle("Workers");
  return html`<div class="page-head"><h1>Workers</h1></div>
    <${Loaded} from=${found} what="what runs where" lines=${8}>${({ machine, supervisor, ray, nodes, searches }) => {
      const places = searches.reduce((sum, crew) => sum + crew.places, 0);
      const busy = searches.reduce((sum, crew) => sum + crew.running.length, 0);
      return html`<div class="tiles">
          <${Tile} label="Places taken" value=${`${busy} / ${places}`} share=${places ? busy / places : undefined} note=${searches.length === 1 ? "by one search" : `by ${searches.length} searches`} />
          <${Tile} label="Load" value=${isNumber(machine.load) ? machine.load.toFixed(1) : "–"} note=${`of ${several(machine.cpus, "core")}, in the last minute`} />
          <${Tile} label="Memory free" value=${bytes(machine.memory_available_bytes)} note=${`of ${bytes(machine.memory_bytes)}`} />
          <${Tile} label="Supervisor" value=${supervisor.alive ? "running" : "stopped"} note=${supervisor.alive ? "starts what is queued" : html`nothing is started: <code>nas serve</code>`} />
          <${Tile} label="Ray" value=${ray.alive ? "running" : "not used"} note=${ray.detail.address ?? ""} />
        </div>
        ${nodes.length ? html`<${Nodes} nodes=${peopled(nodes, searches)} now=${now} />` : null}
        ${searches.length ? searches.map((crew) => html`<${Crew} key=${crew.search} crew=${crew} supervisor=${supervisor} now=${now} />`) : html`<${Empty} />`}`;
    }}</${Loaded}>`;
}
