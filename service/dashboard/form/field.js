// One field of a form: its label, what is allowed, what it means, and the error beside it.
import { cls, html } from "../dom.js";
import { sentence } from "../format.js";
import { textOf } from "./schema.js";

function Control({ field, id, typed, onInput, described, error, choices }) {
  const same = {
    id, "aria-describedby": described, "aria-invalid": error ? "true" : undefined, "data-path": field.path,
  };
  const value = typed ?? textOf(field);
  if (field.kind === "boolean") {
    const on = typed === undefined ? Boolean(field.value) : typed;
    return html`<input type="checkbox" ...${same} checked=${on} onChange=${(event) => onInput(field, event.target.checked)} />`;
  }
  if (field.kind === "choice") {
    const list = choices ?? field.choices.map((choice) => [String(choice), String(choice)]);
    return html`<select ...${same} value=${value} onChange=${(event) => onInput(field, event.target.value)}>
      ${field.optional ? html`<option value="">none</option>` : null}
      ${list.map(([name, word]) => html`<option key=${name} value=${name}>${word}</option>`)}
    </select>`;
  }
  const numeric = ["integer", "number"].includes(field.kind);
  return html`<input type="text" ...${same} value=${value} autocomplete="off" spellcheck="false"
    inputmode=${numeric ? (field.kind === "integer" ? "numeric" : "decimal") : undefined}
    placeholder=${field.optional ? "none" : undefined} onInput=${(event) => onInput(field, event.target.value)} />`;
}

/** The field. `typed` is what the user has typed, undefined while untouched. */
export function FieldRow({ field, typed, onInput, error, label, help, choices, prefix }) {
  const id = `field-${field.path}`;
  const text = help ?? [field.help, field.range && `(${field.range})`].filter(Boolean).join(" ");
  const described = [text && `${id}-help`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
  const control = html`<${Control} field=${field} id=${id} typed=${typed} onInput=${onInput} described=${described} error=${error} choices=${choices} />`;
  return html`<div class=${cls("field", `field-${field.kind}`, error && "field-bad")}>
    <label for=${id}>${prefix ? html`<span class="quiet">${prefix} </span>` : null}${label ?? sentence(field.label)}</label>
    ${control}
    ${error ? html`<p class="field-error" id=${`${id}-error`}>${error}</p>` : null}
    ${text ? html`<p class="field-help" id=${`${id}-help`}>${text}</p>` : null}
  </div>`;
}

/** Fields and the groups within, as nested fieldsets. */
export function Fields({ fields, typed, errors, onInput, skip = [] }) {
  return fields.filter((field) => !skip.includes(field.path)).map((field) => field.fields
    ? html`<fieldset key=${field.path} class="group"><legend>${sentence(field.label)}</legend>
        <div class="grid"><${Fields} fields=${field.fields} typed=${typed} errors=${errors} onInput=${onInput} skip=${skip} /></div></fieldset>`
    : html`<${FieldRow} key=${field.path} field=${field} typed=${typed[field.path]} error=${errors[field.path]} onInput=${onInput} />`);
}
