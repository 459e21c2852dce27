// Try a model: drop an image or choose a file, and see how probable the model finds each class.
import { html, useState } from "../dom.js";
import { send } from "../api.js";
import { percent } from "../format.js";
import { Act, Bar, Card, Scroll } from "../parts.js";
import { Models, useModels } from "./export.js";

/** The card, once there is a model that can be asked. */
function Predict({ search }) {
  const models = (useModels(search).list ?? []).filter((model) => model.state === "done");
  const [chosen, choose] = useState("");
  const [said, say] = useState({});
  const model = models.find((one) => one.id === chosen) ?? models[0];
  if (!model) return null;
  const ask = async (file) => {
    if (!file) return;
    say({ busy: true, name: file.name });
    try {
      const type = file.type.startsWith("image/") ? file.type : "image/png"; // what it is, the service finds out
      const { predictions } = await send(`models/${model.id}/predict`, { method: "POST", headers: { "Content-Type": type }, body: file });
      say({ guesses: predictions[0], name: file.name, model });
    } catch (error) {
      say({ error: error.message, name: file.name });
    }
  };
  const drop = (event) => {
    event.preventDefault();
    ask(event.dataTransfer.files[0]);
  };
  return html`<${Card} title="Try it">
    <div class="drop buttons" onDragOver=${(event) => event.preventDefault()} onDrop=${drop}>
      ${models.length > 1 ? html`<label class="inline">Model of <select value=${model.id} onChange=${(event) => { choose(event.target.value); say({}); }}>
        ${models.map((one) => html`<option key=${one.id} value=${one.id}>trial #${one.trial}, ${one.epochs} epochs</option>`)}</select></label>` : null}
      <label class="inline">Drop an image here, or choose one <input type="file" onChange=${(event) => ask(event.target.files[0])} /></label>
    </div>
    <div role="status">${said.busy ? html`<p>Asking the model about ${said.name}…</p>` : null}
      ${said.guesses ? html`<p>Trial #${said.model.trial}'s model takes ${said.name} for <b>${said.guesses[0].name}</b>.</p>
        <${Scroll} name="Classes" kind="shares"><thead><tr><th scope="col">Class</th><th scope="col" class="number">Probability</th><th><span class="offscreen">As a bar</span></th></tr></thead>
          <tbody>${said.guesses.map((guess) => html`<tr key=${guess.number}><th scope="row">${guess.name}</th><td class="number">${percent(guess.probability)}</td>
            <td class="bars"><${Bar} share=${guess.probability} /></td></tr>`)}</tbody></${Scroll}>` : null}</div>
    <p class="field-error" role="alert">${said.error ? `${said.name}: ${said.error}` : ""}</p>
  </${Card}>`;
}

/** The page of models. */
export function ModelsPage({ search }) {
  return html`<${Models} search=${search} /><${Act}><${Predict} search=${search} /></${Act}>`;
}
