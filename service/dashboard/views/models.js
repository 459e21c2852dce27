// The models made from a search: how far each is, how good it is, its files.
import { html } from "../dom.js";
import { moment } from "../format.js";
import { Card, Loaded, Notice, State } from "../parts.js";
import { link } from "../router.js";
import { ModelDetail, useModels } from "./export.js";

function Model({ search, model }) {
  const title = `Trial #${model.trial}`;
  return html`<${Card} many title=${title} tools=${html`<${State} state=${model.state} />`}>
    <p class="quiet">From <a href=${link(search.id, "trials", model.trial)}>trial #${model.trial}</a>${model.created_at ? `, asked for at ${moment(model.created_at)}` : ""}.</p>
    <${ModelDetail} model=${model} />
  </${Card}>`;
}

/** The page. */
export function Models({ search }) {
  const models = useModels(search);
  return html`<div class="page-head"><h1>Models</h1></div>
    <${Loaded} from=${{ ...models, data: models.list ?? null }} what="the models" lines=${5}>${(list) => list.length
      ? html`<div class="stack">${list.map((model) => html`<${Model} key=${model.id} search=${search} model=${model} />`)}</div>`
      : html`<${Notice}>No model has been made yet. ${search.best
          ? html`Press <b>Export best</b> above, or make one from any <a href=${link(search.id, "trials")}>trial</a>.`
          : "The first finished trial can become one."}</${Notice}>`
    }</${Loaded}>`;
}
