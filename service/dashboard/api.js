// Requests to the service: JSON in and out, and one kind of error with the field that is wrong.

/** An answer that is not a success. `status` 0 means that no answer came. */
export class ApiError extends Error {
  /** @param {number} status @param {any} problem the problem+json body */
  constructor(status, problem) {
    super(problem.detail || problem.title || `the service answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/** What a saved report has in place of a service (saved.js); undefined in a live page. */
export const saved = globalThis.saved;
const SCOPES = ["read", "write", "admin"];
let granted = "";

/** Say what this session may do. */
export function grant(scope) {
  granted = scope;
}

/** Whether this session may do what needs the scope "read", "write" or "admin"; a report may nothing. */
export function may(scope) {
  return SCOPES.indexOf(granted) >= SCOPES.indexOf(scope);
}

let signedOut = () => {};

/** Say what to do when the service no longer knows this browser. */
export function onSignedOut(act) {
  signedOut = act;
}

/** The address of an API path, relative to the page: works behind any prefix. */
export function address(path) {
  return new URL(`api/v1/${path}`, document.baseURI).href;
}

async function answer(response) {
  if (response.headers.get("Content-Type") === "application/octet-stream") return response.arrayBuffer();
  const text = await response.text();
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return { title: `the service answered ${response.status}`, detail: text.slice(0, 200) };
  }
}

async function reach(path, init) {
  if (saved) return saved.answer(path);
  try {
    return await fetch(address(path), { credentials: "same-origin", ...init });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { title: "The service does not answer." });
  }
}

/** Any request that is answered in JSON, or in bytes. */
export async function send(path, init) {
  const response = await reach(path, init);
  const body = await answer(response);
  if (response.ok) return body;
  if (response.status === 401 && path !== "login") signedOut();
  throw new ApiError(response.status, body || {});
}

/** GET a resource. @param {string} path @param {AbortSignal} [signal] */
export function get(path, signal, accept = "application/json") {
  return send(path, { signal, headers: { Accept: accept } });
}

/** The first `wanted` items of a list, `size` at a time, behind those that are `known`: {items, after}. Of `query` what is set counts. */
export async function getPages(path, query, wanted, signal, size = 500, known = {}) {
  const items = [...(known.items ?? [])];
  let { after } = known;
  do {
    const asked = Object.entries({ ...query, limit: Math.min(size, wanted - items.length), after }).filter(([, value]) => value);
    const page = await get(`${path}?${new URLSearchParams(asked)}`, signal);
    items.push(...page.items);
    after = page.next;
  } while (after && items.length < wanted);
  return { items, after };
}

/** POST JSON, or PATCH. @param {string} path @param {any} [body] @param {Record<string,string>} [headers] */
export function post(path, body = {}, headers = {}, method = "POST") {
  return send(path, {
    method,
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

/** GET a text, such as an SVG. */
export async function text(path, signal) {
  const response = await reach(path, { signal });
  if (!response.ok) throw new ApiError(response.status, (await answer(response)) || {});
  return response.text();
}

/** A new idempotency key. randomUUID is absent on plain http, getRandomValues is not. */
export function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
