// The page of fine-tunings: start one from a model, read the advice and its reasons, take the result.
import { html } from "../dom.js";
import { isNumber, metric, moment, percent, several } from "../format.js";
import { Act, Card, Loaded, Notice, State } from "../parts.js";
import { useResource } from "../resource.js";
import { useTitle } from "../store.js";
import { active, useAct } from "./jobs.js";

const STRATEGIES = { auto: "what is recommended", linear: "the classifier", last: "the last stages", all: "all layers", scratch: "from scratch" };

function Made({ id }) {
  const found = useResource(`models/${id}`);
  return html`<${Loaded} from=${found} what="the model">${(model) => html`<p>Test accuracy <b>${percent(model.metrics.test_accuracy)}</b>:
    model ${id}. ${model.files.map((file) => html`<a key=${file.name} href=${file.url} download>${file.name}</a> `)}</p>`}</${Loaded}>`;
}

function Tuning({ one, act, busy }) {
  const { plan, progress, wish } = one;
  const title = `${plan?.source ?? wish.model ?? wish.zoo} on ${wish.data.source}`;
  const loss = progress?.metrics.train_loss;
  return html`<${Card} title=${title} tools=${html`<${State} state=${one.state} /> <span class="quiet">${moment(one.created_at)}</span>`}>
    ${one.error ? html`<${Notice} kind="bad">${one.error}</${Notice}>` : null}
    ${plan ? html`<p>Recommended: <b>${STRATEGIES[plan.recommended]}</b>${plan.strategy === plan.recommended ? "" : `; done, as asked: ${STRATEGIES[plan.strategy]}`}; ${several(plan.epochs, "epoch")}.</p>
      <ul class="quiet">${plan.reasons.map((why) => html`<li key=${why}>${why}</li>`)}</ul>` : null}
    ${active(one) ? html`<div class="make round"><div role="status">${progress ? `Epoch ${progress.step} of ${plan.epochs}${isNumber(loss) ? `, training loss ${metric("loss", loss)}` : ""}.`
        : one.state === "pending" ? "Waits for its turn." : "Reads and measures."}</div>
      <progress max=${plan?.epochs ?? 1} value=${progress?.step ?? 0} aria-label="Epochs"></progress>
      <${Act}><button type="button" class="button danger-text" disabled=${busy} onClick=${() => act(`finetunes/${one.id}/stop`)}>Stop</button></${Act}></div>` : null}
    ${one.model ? html`<${Made} id=${one.model} />` : null}
  </${Card}>`;
}

/** The page. `?model=ID` fills in the start. */
export function Finetune({ route }) {
  useTitle("Fine-tune");
  const found = useResource("finetunes", (event) => event.kind === "finetune.state");
  const [act, busy, refused] = useAct(found.reload);
  const start = (event) => {
    event.preventDefault();
    const { model, source, strategy, epochs } = Object.fromEntries(new FormData(event.target));
    act("finetunes", { model, strategy, data: { source }, recipe: epochs ? { epochs: Number(epochs) } : {} });
  };
  return html`<h1>Fine-tune</h1>
    <${Card} title="Adapt a model to your images">
      <${Act} say><form class="make" onSubmit=${start}>
        <label class="inline">Model <input name="model" size="12" required defaultValue=${route.query.get("model") ?? ""} /></label>
        <label class="inline">Images, a folder on the service's machine <input name="source" size="24" required defaultValue="digits" /></label>
        <label class="inline">Train <select name="strategy">${Object.entries(STRATEGIES).map(([name, words]) => html`<option key=${name} value=${name}>${words}</option>`)}</select></label>
        <label class="inline">Epochs <input name="epochs" inputmode="numeric" pattern="[1-9][0-9]*" placeholder="auto" /></label>
        <button class="button primary" disabled=${busy}>Fine-tune</button>
      </form></${Act}><p class="field-error" role="alert">${refused}</p>
    </${Card}>
    <${Loaded} from=${found} what="the fine-tunings">${(page) => page.items.map((one) => html`<${Tuning} key=${one.id} one=${one} act=${act} busy=${busy} />`)}</${Loaded}>`;
}
