// The policy of a search: which decisions its controller has made, when, and how.
import { html, useMemo, useRef } from "../dom.js";
import { HeatMap } from "../charts/heat.js";
import { LineChart, Table } from "../charts/line.js";
import { controllers, count, percent, several } from "../format.js";
import { Card, Loaded, Notice } from "../parts.js";
import { useResource } from "../resource.js";
import { setQuery } from "../router.js";

export const LEARN = ["reinforce", "ppo"]; // controllers with a policy
const NAMED = ["--chart-best", "--chart-baseline", "--chart-entropy", "--chart-random", "--chart-point"]; // colours of the likeliest options; the others are grey
const SAID = 3; // options that are named in the sentence
const COLUMNS = 6; // pictures in the table

const share = (value) => percent(value, 0);

/** The shares of one picture as probabilities: they come in 255ths, each rounded by itself. */
export function probabilities(shares) {
  const sum = shares.reduce((total, one) => total + one, 0) || 1;
  return shares.map((one) => one / sum);
}

/** 1 - H / Hmax of probabilities: 0 where all are alike, 1 where one is sure. */
export function certainty(shares) {
  if (shares.length < 2) return 1;
  const entropy = shares.reduce((sum, one) => sum - (one ? one * Math.log(one) : 0), 0);
  return 1 - entropy / Math.log(shares.length);
}

/** Options and probabilities, the likeliest first. */
function ranked(options, shares) {
  return options.map((name, i) => ({ name, i, share: shares[i] })).sort((a, b) => b.share - a.share || a.i - b.i);
}

/** The options of one decision over the updates: lines, the same in words and as a table. */
function Options({ choice, x }) {
  const now = ranked(choice.options, choice.course.at(-1));
  const data = [x, ...now.map(({ i }) => choice.course.map((shares) => shares[i]))];
  const lines = now.map(({ name }, place) => ({
    label: name, format: share, colour: NAMED[place] ?? "--chart-dot", kind: place % 2 ? "dashed" : undefined, width: place < NAMED.length ? 2 : 1,
  }));
  const said = now.length > SAID + 1 ? SAID : now.length;
  const rest = now.slice(said).reduce((sum, one) => sum + one.share, 0);
  const step = Math.max(1, (x.length - 1) / (COLUMNS - 1));
  const shown = [...new Set(Array.from({ length: COLUMNS }, (_, i) => Math.min(x.length - 1, Math.round(i * step))))];
  const first = choice.course[0];
  const spec = {
    name: `Probability of each option of ${choice.name}`,
    summary: `Now: ${now.slice(0, said).map(({ name, share: one }) => `${name} ${share(one)}`).join(", ")}${said < now.length ? `, the ${now.length - said} others ${share(rest)} together` : ""}. ${now[0].name} began with ${share(first[now[0].i])}.`,
    lines, xLabel: "update", xName: "update", yFormat: share,
    yRange: [0, Math.max(...choice.course.flat()) * 1.08],
    table: {
      title: "As a table", head: ["option", ...shown.map((i) => `update ${count(x[i])}`)],
      rows: now.map(({ name, i }) => [name, ...shown.map((picture) => share(choice.course[picture][i]))]),
    },
  };
  return html`<${LineChart} key=${choice.name} spec=${spec} data=${data} />`;
}

/** Which decisions are made, in words. */
function summary(choices) {
  const made = choices.filter((choice) => choice.sure.at(-1) > 0.5).length;
  const by = [...choices].sort((a, b) => b.sure.at(-1) - a.sure.at(-1));
  const word = (choice) => `${choice.name} (${share(choice.sure.at(-1))})`;
  return `${count(made)} of ${several(choices.length, "decision")} ${made === 1 ? "is" : "are"} more than half certain; the most is ${word(by[0])}, the least ${word(by.at(-1))}.`;
}

function Pictures({ policy, asked }) {
  const { every, told } = policy;
  const x = told.map((_, i) => every * (i + 1));
  const choices = useMemo(() => policy.choices.map((choice) => {
    const course = choice.shares.map(probabilities);
    return { ...choice, course, sure: course.map(certainty) };
  }), [policy]);
  const picked = Math.max(0, choices.findIndex((choice) => choice.name === asked));
  const pick = (index) => setQuery({ d: choices[index].name });
  const chosen = choices[picked];
  const select = html`<label class="inline">Decision <select value=${picked} onChange=${(event) => pick(Number(event.target.value))}>
    ${choices.map((choice, i) => html`<option key=${choice.name} value=${i}>${choice.name}</option>`)}</select></label>`;
  const rows = choices.map((choice, i) => {
    const [top] = ranked(choice.options, choice.course.at(-1));
    return [html`<button type="button" class="link" onClick=${() => pick(i)}>${choice.name}</button>`, share(choice.sure[0]), share(choice.sure.at(-1)), top.name, share(top.share)];
  });
  return html`<p>${summary(choices)} After ${several(x.at(-1), "update")} by ${several(told.at(-1), "result")}.
      A decision depends on those before it: these are means over what the policy draws.</p>
    <div class="even"><${Card} title="Certainty of each decision">
        <${HeatMap} label=${`Certainty of ${several(choices.length, "decision")} over ${several(x.length, "picture")}.`} ends=${["all options alike", "one option sure"]} names=${choices.map((choice) => choice.name)}
          rows=${choices.map((choice) => choice.sure)} x=${x} xLabel="update" picked=${picked} onPick=${pick} />
        <${Table} title="Decisions as a table" head=${["decision", "certain at first", "now", "likeliest", "its probability"]} rows=${rows} /></${Card}>
      <${Card} title="Probability of each option" tools=${select}><${Options} choice=${chosen} x=${x} />
        <p class="offscreen" role="status">${chosen.name}, ${share(chosen.sure.at(-1))} certain</p></${Card}></div>`;
}

/** The page. */
export function Policy({ route, search }) {
  const fresh = useRef(0);
  const gap = useRef(1);
  // A picture comes after many results: asking after each of them would bring the same again.
  const due = (event) => {
    if (event.search !== search.id || !["trial.done", "search.state"].includes(event.kind)) return false;
    fresh.current += 1;
    if (event.kind === "trial.done" && fresh.current < gap.current) return false;
    fresh.current = 0;
    return true;
  };
  const policy = useResource(`searches/${search.id}/policy`, due);
  const told = policy.data?.told ?? [];
  gap.current = told.length > 1 ? told.at(-1) - told.at(-2) : 1;
  const names = controllers(search.spec.controller);
  const learns = names.some((name) => LEARN.includes(name));
  return html`<div class="page-head"><h1>Policy</h1></div>
    <${Loaded} from=${policy} what="the policy" lines=${10}>${(data) => data.told.length
      ? html`<${Pictures} policy=${data} asked=${route.query.get("d")} />`
      : html`<${Notice}>${learns
        ? "The policy has no picture yet: the first comes with its first updates."
        : `The controller ${names.at(-1)} has no policy; ${LEARN.join(" and ")} have one.`}</${Notice}>`}</${Loaded}>`;
}
