// One resource of the API in a view: loaded, kept while it reloads, reloaded when events say so.
import { useEffect, useLayoutEffect, useRef, useState } from "./dom.js";
import { get } from "./api.js";
import { subscribe } from "./live.js";

const SLOW_AFTER = 300; // ms until a skeleton shows: shorter waits would only flicker
const LEAST_GAP = 250; // ms between two loads, however many events arrive

/** Loads again and again, never two at a time, and leaves the server five times as long in peace
 * as the last answer took. */
class Loader {
  constructor(load, settle) {
    this.load = load;
    this.settle = settle;
    this.abort = new AbortController();
    this.busy = null;
    this.again = false;
    this.free = 0;
  }

  want() {
    if (this.busy) {
      this.again = true;
      return this.busy;
    }
    this.busy = this.run().finally(() => {
      this.busy = null;
      if (this.again && !this.abort.signal.aborted) {
        this.again = false;
        this.want();
      }
    });
    return this.busy;
  }

  async run() {
    const pause = this.free - Date.now();
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    if (this.abort.signal.aborted) return;
    this.again = false;
    const begun = Date.now();
    try {
      this.settle({ data: await this.load(this.abort.signal), error: null });
    } catch (error) {
      if (!this.abort.signal.aborted) this.settle({ error });
    }
    this.free = Date.now() + Math.max(LEAST_GAP, 5 * (Date.now() - begun));
  }

  close() {
    this.abort.abort();
  }
}

const EMPTY = { data: null, error: null, slow: false };

/** Load with `load(signal)` whenever `key` changes, and when `matters(event)` is true.
 * Returns {data, error, slow, reload, set}; the old data stays while a reload goes on or fails. */
export function useLoad(key, load, matters) {
  const [state, set] = useState({ key, ...EMPTY });
  const loader = useRef(null);
  const latest = useRef(load);
  latest.current = load;
  const chosen = useRef(matters);
  chosen.current = matters;
  useLayoutEffect(() => { // at once: the loader of another key must not load what is now drawn
    if (key === null) return undefined;
    const settle = (change) =>
      set((old) => ({ ...(old.key === key ? old : EMPTY), key, ...change, slow: false }));
    const job = new Loader((signal) => latest.current(signal), settle);
    loader.current = job;
    const timer = setTimeout(
      () => set((old) => (old.key === key && (old.data || old.error) ? old : { key, ...EMPTY, slow: true })),
      SLOW_AFTER,
    );
    job.want();
    const off = subscribe((event) => (chosen.current?.(event) || event.kind === "resync" ? job.want() : undefined));
    return () => {
      clearTimeout(timer);
      off();
      job.close();
    };
  }, [key]);
  const fresh = state.key === key ? state : EMPTY;
  return {
    ...fresh,
    reload: () => loader.current?.want(),
    set: (change) => set((old) => ({ ...old, data: change(old.data) })),
  };
}

/** While `on`, call `reload` every `ms`: for what sends no events. */
export function useAgain(on, reload, ms) {
  useEffect(() => {
    if (!on) return undefined;
    const timer = setInterval(reload, ms);
    return () => clearInterval(timer);
  }, [on]);
}

/** Load one path of the API. */
export function useResource(path, matters) {
  return useLoad(path, (signal) => get(path, signal), matters);
}
