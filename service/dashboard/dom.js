// Preact and htm bound together: every module takes its building blocks from here.
import { h, options, render } from "./vendor/preact.mjs";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./vendor/hooks.mjs";
import htm from "./vendor/htm.mjs";

// However many events arrive, the page is drawn at most once per frame (and not at all when hidden).
let due = null;
options.debounceRendering = (draw) => {
  due = draw;
  requestAnimationFrame(drawNow);
};

/** Draw what is due, before the frame: for what acts on the page as it should be by now. */
export function drawNow() {
  const draw = due;
  due = null;
  draw?.();
}

export const html = htm.bind(h);
export { render, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState };

/** Put the focus at the head of the page. */
export function focusMain() {
  document.getElementById("main")?.focus({ preventScroll: true });
}

/** Join the class names that are set. @param {...(string|false|null|undefined)} names */
export function cls(...names) {
  return names.filter(Boolean).join(" ");
}

/** Re-render on every call of the returned function: for state that lives outside of Preact. */
export function useRedraw() {
  const [, set] = useState(0);
  return useCallback(() => set((n) => n + 1), []);
}

/** Seconds now, again every `seconds` while `on`: for clocks. */
export function useClock(seconds, on = true) {
  const [now, set] = useState(Date.now() / 1000);
  useEffect(() => {
    if (!on) return undefined;
    const timer = setInterval(() => set(Date.now() / 1000), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds, on]);
  return now;
}
