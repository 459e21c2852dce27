// Which operations the best trials of a search use more than all of its trials do.
import { html } from "../dom.js";
import { percent, sentence, several } from "../format.js";
import { Bar, Card, Loaded, Notice, Scroll } from "../parts.js";
import { useResource } from "../resource.js";
import { setQuery } from "../router.js";

const LEAST = 3; // different architectures: of fewer nothing can be said
const TOPS = [1, 2, 3, 5, 10, 20, 50, 100];

const share = (value) => percent(value, 1);
const gain = (item) => item.top - item.all;
const lift = (item) => (item.all ? `${(item.top / item.all).toFixed(2)} ×` : "–");
const against = (item) => html`<b>${item.label}</b> (${share(item.top)} against ${share(item.all)})`;

function Row({ item, most }) {
  return html`<tr>
    <th scope="row"><i class=${`tick family-${item.family}`}></i> ${item.label}</th>
    <td class="number">${share(item.top)}</td>
    <td class="number">${share(item.all)}</td>
    <td class="bars"><${Bar} share=${item.top / most} /><${Bar} share=${item.all / most} kind="all" /></td>
    <td class="number">${lift(item)}</td>
  </tr>`;
}

/** One cell: in words, and as a table with its bars. */
function Cell({ name, items, top }) {
  const sorted = [...items].sort((a, b) => gain(b) - gain(a));
  const most = Math.max(...items.flatMap((item) => [item.top, item.all]));
  const [first, last] = [sorted[0], sorted.at(-1)];
  return html`<${Card} title=${`${sentence(name)} cell`}>
    <p>${gain(first) > 0
      ? html`Above all others the best ${top} favour ${against(first)}; they avoid ${against(last)}.`
      : `The best ${top} use the operations as all do.`}</p>
    <ul class="legend"><li><i class="key top"></i>best ${top}</li><li><i class="key all"></i>all</li></ul>
    <${Scroll} name=${`Operations of the ${name} cell`} kind="shares">
      <thead><tr><th scope="col">Operation</th><th scope="col" class="number">Best ${top}</th>
        <th scope="col" class="number">All</th><th scope="col"><span class="offscreen">Shares as bars</span></th><th scope="col" class="number">Lift</th></tr></thead>
      <tbody>${sorted.map((item) => html`<${Row} key=${item.operation} item=${item} most=${most} />`)}</tbody>
    </${Scroll}>
  </${Card}>`;
}

/** The page. */
export function Operations({ route, search }) {
  const { done } = search.counts;
  const usual = TOPS.filter((number) => number <= 10 && number <= Math.max(1, done / 3)).at(-1);
  const asked = Number(route.query.get("top"));
  const top = TOPS.includes(asked) ? asked : usual;
  const found = useResource(`searches/${search.id}/operations?top=${top}`,
    (event) => event.search === search.id && event.kind === "trial.done");
  return html`<div class="page-head"><h1>Operations</h1>
      <label class="inline">Best <select value=${top} onChange=${(event) => setQuery({ top: event.target.value })}>
        ${TOPS.filter((number) => number < done || number === top).map((number) => html`<option key=${number} value=${number}>${number}</option>`)}</select></label></div>
    <${Loaded} from=${found} what="the operations" lines=${8}>${({ items, top: ranked, read, different }) => {
      const cells = [...new Set(items.map((item) => item.cell))];
      return different < LEAST
        ? html`<${Notice}>The operations of the best are compared with those of all from the third different architecture on; there ${different === 1 ? "is" : "are"} ${different} so far.</${Notice}>`
        : !cells.length
          ? html`<${Notice}>The trials of this search are no longer architectures of its space.</${Notice}>`
          : html`<p>How large a part of the operations of a cell each one is: in the best ${ranked} of ${several(different, "different architecture")}, and in ${read < different ? `${read} of them, spread evenly over the search` : "all of them"}.
              A lift above 1 says that the best have more of it; of few trials it is mostly chance.</p>
            <div class="even">${cells.map((name) =>
              html`<${Cell} key=${name} name=${name} items=${items.filter((item) => item.cell === name)} top=${ranked} />`)}</div>`;
    }}</${Loaded}>`;
}
