// The SharedWorker that holds the one event stream of a browser and hands it to every tab.
// One stream per tab would use up the six connections that HTTP/1.1 allows: the seventh tab hangs.
const KINDS = [
  "search.created", "search.state", "search.changed", "search.deleted", "search.restored", "trial.created", "trial.started",
  "trial.progress", "trial.done", "trial.failed", "trial.stopped", "trial.requeued",
  "trial.stale", "model.state", "finals.state", "comparison.state", "finetune.state", "dataset.state", "message",
];
const ports = new Set();
let source = null;
let last = null; // the number of the last event seen; null before the first tab has told its own
let wait = 1; // seconds until the next attempt
let timer = 0;
let status = { state: "connecting", since: Date.now(), heard: null, tries: 0 };

function tell(message) {
  for (const port of ports) port.postMessage(message);
}

function become(change) {
  status = { ...status, ...change };
  tell({ status });
}

function heard(event) {
  const seq = Number(event.lastEventId);
  if (Number.isFinite(seq) && event.lastEventId !== "") {
    if (seq <= last) return;
    last = seq;
  }
  status.heard = Date.now();
  let data;
  try {
    data = JSON.parse(event.data);
  } catch {
    return;
  }
  tell({ event: data });
}

function opened() {
  wait = 1;
  become({ state: "open", since: Date.now(), heard: Date.now(), tries: 0 });
}

async function failed() {
  const lost = status.state === "open" ? { since: Date.now() } : {};
  become({ state: "lost", tries: status.tries + 1, ...lost });
  // After a broken connection the browser itself comes back with Last-Event-ID; after an HTTP
  // error (the service restarts, or the session ended) it gives up and it is up to us.
  if (source.readyState !== EventSource.CLOSED) return;
  source.close();
  source = null;
  if (await refused()) become({ state: "signed-out" });
  clearTimeout(timer);
  timer = setTimeout(open, wait * 1000);
  wait = Math.min(wait * 2, 8);
}

async function refused() {
  try {
    return (await fetch(new URL("../api/v1/meta", location.href))).status === 401;
  } catch {
    return false;
  }
}

function open() {
  clearTimeout(timer);
  if (source) source.close();
  const url = new URL("../api/v1/events", location.href);
  url.searchParams.set("after", String(last));
  source = new EventSource(url);
  source.onopen = opened;
  source.onerror = failed;
  for (const kind of KINDS) source.addEventListener(kind, heard);
}

function listen(port) {
  ports.add(port);
  port.onmessage = ({ data }) => {
    if (data === "bye") ports.delete(port);
    else if (data === "again") {
      ports.add(port);
      if (status.state !== "open") open();
      else port.postMessage({ status });
    } else begin(port, data.after);
  };
  port.postMessage({ status });
}

/** Serve a tab that knows all events up to `after`: what follows reaches it, or it hears that it missed some. */
function begin(port, after) {
  if (last > after) port.postMessage({ event: { kind: "resync" } });
  last ??= after;
  if (!source) open();
}

onconnect = (event) => listen(event.ports[0]);
