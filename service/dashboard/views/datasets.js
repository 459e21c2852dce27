// Data sets with names: those there are, a new one by its path or as a file, and an end to one.
import { html, useState } from "../dom.js";
import { address, may, post, send } from "../api.js";
import { bytes, count, isNumber } from "../format.js";
import { useResource } from "../resource.js";
import { Card, Confirm, Loaded, Scroll } from "../parts.js";

/** Send a file as it is; fetch would not tell how far it is. */
function upload(name, file, tell) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("PUT", address(`datasets/${name}/file`));
    request.upload.onprogress = (event) => tell(event.loaded / event.total);
    request.responseType = "json"; // null where a proxy answers a page
    request.onload = () => (request.status < 300 ? done() : fail(new Error(request.response?.detail ?? `the service answered ${request.status}`)));
    request.onerror = () => fail(new Error("The upload broke off."));
    request.send(file);
  });
}

/** The card. */
export function Datasets() {
  const found = useResource("datasets", (event) => event.kind === "dataset.state");
  const [ending, end] = useState(null);
  const [said, say] = useState({});
  const act = async (ask) => {
    say({ busy: "One moment" });
    try {
      await ask();
      await found.reload();
      say({});
    } catch (error) {
      say({ error: error.message });
    }
  };
  const add = (event) => {
    event.preventDefault();
    const form = event.target;
    const { name, path, file } = Object.fromEntries(new FormData(form));
    act(async () => {
      await (file.name ? upload(name, file, (part) => say({ busy: part < 1 ? `${Math.floor(100 * part)} % sent` : "Being checked" })) : post("datasets", { name, path }));
      form.reset();
    });
  };
  const remove = (yes) => (yes ? act(() => send(`datasets/${ending.name}`, { method: "DELETE" })).then(() => end(null)) : end(null));
  return html`<${Card} title="Data sets">
    <${Loaded} from=${found} what="the data sets">${({ items }) => html`<${Scroll} name="All data sets" kind="wide">
      <thead><tr><th scope="col">Name</th><th scope="col">Kind</th>${["Classes", "Training", "Test", "Size"].map((title) => html`<th scope="col" class="number">${title}</th>`)}<th scope="col">State</th><th><span class="offscreen">Remove</span></th></tr></thead>
      <tbody>${items.map((one) => html`<tr key=${one.name}><th scope="row">${one.name}</th><td>${one.kind}</td>
        ${[one.classes, one.train, one.test].map((value) => html`<td class="number">${isNumber(value) ? count(value) : ""}</td>`)}<td class="number">${isNumber(one.size_bytes) ? bytes(one.size_bytes) : ""}</td>
        <td>${one.reason || one.state}</td><td class="number">${one.created_at && may("write") ? html`<button type="button" class="link" aria-label=${`Remove ${one.name}`} onClick=${() => end(one)}>Remove</button>` : null}</td></tr>`)}</tbody>
    </${Scroll}>`}</${Loaded}>
    ${may("write") ? html`<form class="make" onSubmit=${add}>
      <label class="inline">Name <input name="name" size="16" required maxlength="64" pattern="[a-z0-9][a-z0-9_\\-]*" autocomplete="off" /></label>
      <label class="inline">Path on the server <input name="path" size="28" /></label>
      <label class="inline">or a .zip, .npz <input name="file" type="file" size="30" accept=".zip,.npz" /></label>
      <button class="button" disabled=${said.busy}>Add</button><span class="quiet" role="status">${said.busy}</span>
      <p class="field-error" role="alert">${said.error}</p>
    </form>` : null}
    ${ending ? html`<${Confirm} title=${`Remove ${ending.name}?`} yes="Remove" onAnswer=${remove} busy=${said.busy}>
      <p>${ending.path ? `${ending.path} stays where it is.` : "Its file is deleted."}</p></${Confirm}>` : null}
  </${Card}>`;
}
