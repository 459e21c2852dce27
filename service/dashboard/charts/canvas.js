// A canvas that is painted again when its data, its width or the theme changes.
import { useLayoutEffect, useRef } from "../dom.js";
import { colour, onTheme } from "../store.js";

export const HEIGHT = 270;

/** The colours that every chart needs, and those named in `extra`, as they are now. */
export function colours(extra = {}) {
  const look = { muted: "--muted", grid: "--grid", card: "--card", accent: "--accent", ...extra };
  return Object.fromEntries(Object.entries(look).map(([key, name]) => [key, colour(name)]));
}

/** `paint(canvas, width)` is called after every drawing of the component; returns the canvas's ref. */
export function useCanvas(paint) {
  const canvas = useRef(null);
  const now = useRef(paint);
  now.current = paint;
  const repaint = () => {
    const width = canvas.current?.parentElement.clientWidth;
    if (width) now.current(canvas.current, width);
  };
  useLayoutEffect(repaint); // with the words for it, and before any event
  useLayoutEffect(() => {
    const watch = new ResizeObserver(repaint);
    watch.observe(canvas.current.parentElement);
    const off = onTheme(repaint);
    return () => {
      watch.disconnect();
      off();
    };
  }, []);
  return canvas;
}
