// Live updates in a tab: events from the shared stream, or polling where there are no SharedWorkers.
import { useEffect, useState } from "./dom.js";
import { saved } from "./api.js";

const POLL_SECONDS = 5;
const listeners = new Set();
const watchers = new Set();
let status = { state: saved ? "saved" : "connecting", since: Date.now(), heard: null, tries: 0 };
let port = null;
let wasLost = false;

/** Hear every event, and `{kind: "resync"}` when anything may have been missed. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The state of the stream: connecting, open, lost, signed-out or polling; with times in ms. */
export function useLiveStatus() {
  const [now, set] = useState(status);
  useEffect(() => {
    watchers.add(set);
    set(status);
    return () => watchers.delete(set);
  }, []);
  return now;
}

function broadcast(event) {
  return Promise.allSettled([...listeners].map((listener) => listener(event)));
}

function become(next) {
  if (next.state === "lost") wasLost = true;
  if (next.state === "open" && wasLost) {
    wasLost = false;
    broadcast({ kind: "resync" });
  }
  status = next;
  for (const watcher of watchers) watcher(status);
}

/** Note that a request was answered or failed: polling has no other sign of life. */
function polled(ok) {
  const now = Date.now();
  if (ok) become({ state: "polling", since: now, heard: now, tries: 0 });
  else become({ ...status, state: "lost", tries: status.tries + 1 });
}

async function poll(check) {
  // The next poll starts only after the last answer: slow answers never pile up.
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_SECONDS * 1000));
    if (document.hidden) continue;
    polled(await check());
    if (status.state === "polling") await broadcast({ kind: "resync" });
  }
}

function connect(seq) {
  const worker = new SharedWorker(new URL("stream.js", import.meta.url), { name: "nas-stream" });
  port = worker.port;
  port.onmessage = ({ data }) => {
    if (data.status) become(data.status);
    else {
      status = { ...status, heard: Date.now() };
      broadcast(data.event);
    }
  };
  port.postMessage({ after: seq });
  addEventListener("pagehide", () => port.postMessage("bye"));
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    port.postMessage("again");
    broadcast({ kind: "resync" });
  });
}

/** Begin once, after signing in, behind event `seq`. `check` says whether the service answers (for polling). */
export function startLive(seq, check) {
  if (saved) return;
  if (port) port.postMessage("again");
  else if (typeof SharedWorker === "function") connect(seq);
  else if (status.state === "connecting") {
    polled(true);
    poll(check);
  }
}
