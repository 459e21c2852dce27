// Starts the page: signs in with the token of the link, then draws the frame and the present view.
import { focusMain, html, render, useEffect, useLayoutEffect, useRef, useState } from "./dom.js";
import { get, grant, onSignedOut, post, saved } from "./api.js";
import { startLive } from "./live.js";
import { go, link, useRoute } from "./router.js";
import { Frame } from "./frame.js";
import { SignIn } from "./views/signin.js";
import { Searches } from "./views/searches.js";
import { NewSearch } from "./views/new.js";
import { Search } from "./views/search.js";
import { Workers } from "./views/workers.js";
import { Settings } from "./views/settings.js";
import { Finetune } from "./views/finetune.js";
import { Versus } from "./views/courses.js";
import { Network, Zoo } from "./views/zoo.js";
import { Notice } from "./parts.js";

const VIEWS = { searches: Searches, new: NewSearch, finetune: Finetune, versus: Versus, zoo: Zoo, network: Network, workers: Workers, settings: Settings };

/** Use the token of `#token=...` and take it out of the address, whatever comes of it. */
async function useToken() {
  const match = /^#token=(.+)$/.exec(location.hash);
  if (!match) return null;
  history.replaceState(null, "", `${location.pathname}${location.search}#/`);
  try {
    await post("login", { token: decodeURIComponent(match[1]) });
    return null;
  } catch (error) {
    return error.message;
  }
}

async function answers() {
  try {
    await get("meta");
    return true;
  } catch (error) {
    return error.status !== 0;
  }
}

function Lost() {
  return html`<h1>No such page</h1>
    <${Notice} kind="warn">
      The address ${location.hash} leads nowhere. <a href="#/">All searches</a>
    </${Notice}>`;
}

function View({ route }) {
  if (route.params.search) return html`<${Search} key=${route.params.search} route=${route} />`;
  const Chosen = VIEWS[route.name] ?? Lost;
  return html`<${Chosen} route=${route} />`;
}

/** Put the focus at the head of a new page, as a page load would: before it is seen, else the first keys of a quick
 * hand would lose it. The first page keeps it. */
function useFocus(route) {
  const first = useRef(true);
  const page = `${route.name} ${JSON.stringify(route.params)}`;
  useLayoutEffect(() => {
    if (!first.current) focusMain();
    if (!first.current) scrollTo(0, 0);
    first.current = false;
  }, [page]);
}

function App({ refused }) {
  const route = useRoute();
  const [session, set] = useState({ state: "unknown", error: refused });
  useFocus(route);
  // A report has the pages of one search.
  useEffect(() => saved && !route.params.search && go(link(saved.search)), [route]);
  useEffect(() => {
    onSignedOut(() => set((old) => (old.state === "out" ? old : { state: "out", error: old.error })));
    enter();
    // A link with a token pasted into an open page changes only the hash: no reload, so look here.
    const pasted = async () => {
      if (!location.hash.startsWith("#token=")) return;
      const error = await useToken();
      if (error) set({ state: "out", error });
      else enter();
    };
    addEventListener("hashchange", pasted);
    return () => removeEventListener("hashchange", pasted);
  }, []);
  async function enter() {
    try {
      const meta = await get("meta");
      grant(meta.scope);
      set({ state: "in", version: meta.version });
      startLive(meta.seq, answers);
    } catch (error) {
      if (error.status !== 401) set({ state: "gone", error: error.message });
    }
  }
  if (session.state === "out") return html`<${SignIn} error=${session.error} onDone=${enter} />`;
  if (session.state === "gone") return html`<${Gone} error=${session.error} retry=${enter} />`;
  if (session.state === "unknown") return html`<div class="holding" role="status" aria-label="Loading"></div>`;
  return html`<${Frame} route=${route} version=${session.version}>${saved ? html`<p class="quiet">${saved.note}</p>` : null}<${View} route=${route} /></${Frame}>`;
}

/** No answer at the first load: say so and try again every few seconds. */
function Gone({ error, retry }) {
  const [tries, set] = useState(1);
  useEffect(() => {
    const timer = setTimeout(() => {
      set(tries + 1);
      retry();
    }, 3000);
    return () => clearTimeout(timer);
  }, [tries]);
  return html`<main class="alone">
    <h1>Nasturtium</h1>
    <${Notice} kind="bad" title="The service does not answer.">
      ${error} Attempt ${tries}; trying again every 3 seconds. Is it running? <code>nas serve</code>
    </${Notice}>
  </main>`;
}

const refused = await useToken();
render(html`<${App} refused=${refused} />`, document.getElementById("app"));
