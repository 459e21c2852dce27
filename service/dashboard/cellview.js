// A cell drawn by the server as SVG, put into the page so that it follows the theme.
import { html, useEffect, useRef, useState } from "./dom.js";
import { text } from "./api.js";
import { sentence } from "./format.js";
import { Loaded } from "./parts.js";
import { useLoad } from "./resource.js";

const SVG = "http://www.w3.org/2000/svg";

/** Parse an SVG document; scripts, handlers and links are dropped, though our server sends none. */
export function parseSvg(source) {
  const root = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
  if (root.namespaceURI !== SVG || root.localName !== "svg") throw new Error("The drawing is not an SVG.");
  for (const node of [...root.querySelectorAll("script, style, foreignObject, image, use, a")]) node.remove();
  for (const node of [root, ...root.querySelectorAll("*")]) {
    for (const { name } of [...node.attributes]) {
      if (/^on|href$|^style$/i.test(name)) node.removeAttribute(name);
    }
  }
  return document.importNode(root, true);
}

function Drawing({ source }) {
  const box = useRef(null);
  const [error, setError] = useState("");
  useEffect(() => {
    try {
      box.current.replaceChildren(parseSvg(source));
      setError("");
    } catch (failure) {
      setError(failure.message);
    }
  }, [source]);
  return html`<div class="cell-box-scroll" tabindex="0" role="group" aria-label="Drawing of the cell" ref=${box}></div>
    ${error ? html`<p class="quiet">${error}</p>` : null}`;
}

/** One cell of a trial, with the same in words below it. */
export function CellView({ search, trial, name, title, words }) {
  const path = `searches/${encodeURIComponent(search)}/trials/${trial}/cells/${encodeURIComponent(name)}.svg`;
  const drawing = useLoad(path, (signal) => text(path, signal));
  return html`<div class="cell">
    <h3>${title ?? `${sentence(name)} cell`}</h3>
    <${Loaded} from=${drawing} what="the drawing" lines=${5}>${(source) => html`<${Drawing} source=${source} />`}</${Loaded}>
    ${words ? html`<details class="as-text"><summary>As text</summary><pre tabindex="0">${words}</pre></details>` : null}
  </div>`;
}
