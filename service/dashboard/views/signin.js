// The way in for a browser without a session: one field for the token that the service printed.
import { html, useState } from "../dom.js";
import { post } from "../api.js";
import { sentence } from "../format.js";
import { Flower } from "../icons.js";
import { useTitle } from "../store.js";

/** The form. `error` is why the token of the link was refused, if there was one. */
export function SignIn({ error, onDone }) {
  const [token, set] = useState("");
  const [wrong, setWrong] = useState(error);
  const [busy, setBusy] = useState(false);
  useTitle("Sign in");
  const submit = async (event) => {
    event.preventDefault();
    // The field itself, not the state: Enter may come before the frame that draws the last letter.
    const typed = event.target.elements.token.value.trim();
    if (!typed) return setWrong("Enter the token.");
    setBusy(true);
    setWrong("");
    try {
      // People paste the whole address as often as the token alone.
      await post("login", { token: typed.replace(/^.*#token=/, "") });
      onDone();
    } catch (failure) {
      setWrong(failure.message);
      setBusy(false);
    }
    return undefined;
  };
  return html`<main class="alone" id="main" tabindex="-1">
    <form class="card signin" onSubmit=${submit} novalidate>
      <h1><${Flower} /> Nasturtium</h1>
      <p>Searches for neural networks, on your own machines.</p>
      <label for="token">Token</label>
      <input id="token" type="password" autocomplete="current-password" value=${token} autofocus
        aria-describedby="token-help token-error" aria-invalid=${wrong ? "true" : undefined}
        onInput=${(event) => set(event.target.value)} />
      <p id="token-error" class="field-error" role="alert">${sentence(wrong)}</p>
      <p id="token-help" class="quiet">
        The service prints it where it was started, as an address that ends with <code>#token=…</code>;
        it also lies in the file <code>token</code> of its home folder.
      </p>
      <button class="button primary" disabled=${busy}>Sign in</button>
    </form>
  </main>`;
}
