// The frame around every view: navigation, the banners of the live stream, keys.
import { cls, html, useEffect, useRef, useState } from "./dom.js";
import { get, may, saved } from "./api.js";
import { clock, controllers } from "./format.js";
import { Flower, Icon } from "./icons.js";
import { Help, useKeys } from "./keys.js";
import { useLiveStatus } from "./live.js";
import { Notice } from "./parts.js";
import { link } from "./router.js";
import { onSearch, useShownSearch } from "./store.js";
import { CHANGE } from "./views/lineage.js";
import { LEARN } from "./views/policy.js";

const STALE_SECONDS = 30;

function Item({ to, icon, here, children, badge }) {
  return html`<a class="nav-item" href=${to} aria-current=${here ? "page" : undefined}>
    <${Icon} name=${icon} /><span>${children}</span>
    ${badge === undefined ? null : html`<span class="nav-badge">${badge}</span>`}
  </a>`;
}

function SearchLinks({ route, search }) {
  const id = route.params.search;
  const known = search?.id === id ? search : null;
  const has = (names) => known && controllers(known.spec.controller).some((name) => names.includes(name));
  const pages = [
    ["overview", "chart", link(id), "Overview"],
    ["trials", "rows", link(id, "trials"), "Trials", known?.counts.total],
    ...(has(LEARN) ? [["policy", "grid", link(id, "policy"), "Policy"]] : []),
    ...(has(CHANGE) ? [["lineage", "tree", link(id, "lineage"), "Lineage"]] : []),
    ["operations", "bars", link(id, "ops"), "Operations"],
    ["failures", "warning", link(id, "failures"), "Failures", known?.counts.failed || undefined],
    ...(saved ? [] : [["models", "box", link(id, "models"), "Models", known?.models.length || undefined],
      ["logs", "rows", link(id, "logs"), "Log"]]),
    ["config", "list", link(id, "config"), "Config"],
  ];
  return html`<p class="nav-head" title=${known?.name}>${known?.name ?? "This search"}</p>
    ${pages.map(([name, icon, to, word, badge]) =>
      html`<${Item} key=${name} to=${to} icon=${icon} badge=${badge}
        here=${route.name === name || (name === "trials" && ["trial", "compare"].includes(route.name))}>${word}</${Item}>`)}`;
}

/** A shorter way to the content for the keyboard. It must not change the hash, which is the route. */
function SkipLink() {
  const skip = (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  };
  return html`<a class="skip" href="#main" onClick=${skip}>Skip to content</a>`;
}

/** The state of the stream, above the page, when it is not as it should be. */
function StreamBanner() {
  const live = useLiveStatus();
  const [now, set] = useState(Date.now());
  const lost = live.state === "lost" || live.state === "signed-out";
  useEffect(() => {
    if (!lost) return undefined;
    set(Date.now());
    const timer = setInterval(() => set(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [lost]);
  if (!lost) return null;
  const from = live.heard ? `data from ${clock(live.heard)}` : "no data yet";
  const stale = now - (live.heard ?? live.since) > STALE_SECONDS * 1000;
  const tries = live.tries > 1 ? `, attempt ${live.tries}` : "";
  if (live.state === "signed-out") {
    return html`<div class="banner banner-stale" role="alert"><${Icon} name="warning" />signed out, ${from}</div>`;
  }
  return html`<div class=${cls("banner", stale && "banner-stale")} role="status">
    <${Icon} name="warning" />
    ${stale ? "The service does not answer: still reconnecting" : "reconnecting"}, ${from}${tries}
  </div>`;
}

/** After each reconnection, see whether the service was replaced by another version meanwhile. */
function useNewVersion(version) {
  const [newer, set] = useState(null);
  const live = useLiveStatus();
  useEffect(() => {
    if (live.state !== "open") return;
    get("meta").then((meta) => set(meta.version === version ? null : meta.version), () => {});
  }, [live.since, live.state]);
  return newer;
}

/** Navigation and the view. */
export function Frame({ route, version, children }) {
  const [help, showHelp] = useState(false);
  const search = useShownSearch();
  const newer = useNewVersion(version);
  const nav = useRef(null);
  useKeys(route, () => showHelp(true));
  useEffect(() => {
    // On a phone the navigation is a strip: bring the present page's link into it.
    nav.current?.querySelector("[aria-current]")?.scrollIntoView?.({ block: "nearest", inline: "nearest" });
    if (!route.params.search) onSearch(null);
  }, [route.name, route.params.search]);
  return html`<${SkipLink} />
    <div class="frame">
      <nav class="nav" aria-label="Main" ref=${nav}>
        <a class="brand" href="#/" aria-label=${saved ? "Nasturtium" : "Nasturtium: all searches"}><${Flower} /><span>Nasturtium</span></a>
        ${saved ? null : html`<${Item} to="#/" icon="search" here=${["searches", "versus"].includes(route.name)}>Searches</${Item}>
        ${may("write") ? html`<${Item} to="#/new" icon="plus" here=${route.name === "new"}>New search</${Item}>
        <${Item} to="#/finetune" icon="chart" here=${route.name === "finetune"}>Fine-tune</${Item}>` : null}
        <${Item} to="#/zoo" icon="grid" here=${["zoo", "network"].includes(route.name)}>Zoo</${Item}>
        `}${route.params.search ? html`<${SearchLinks} route=${route} search=${search} />` : null}
        <span class="nav-gap"></span>
        ${saved ? null : html`<${Item} to="#/workers" icon="rows" here=${route.name === "workers"}>Workers</${Item}>
        <${Item} to="#/settings" icon="gear" here=${route.name === "settings"}>Settings</${Item}>`}
        <button type="button" class="nav-item nav-help" onClick=${() => showHelp(true)}>
          <kbd>?</kbd><span>Keys</span>
        </button>
      </nav>
      <div class="page">
        <${StreamBanner} />
        ${newer
          ? html`<${Notice} kind="warn" title=${`The service is now version ${newer}.`}>
              <button class="link" onClick=${() => location.reload()}>Reload the page</button>
            </${Notice}>`
          : null}
        <main id="main" tabindex="-1">${children}</main>
      </div>
    </div>
    ${help ? html`<${Help} onClose=${() => showHelp(false)} />` : null}`;
}
