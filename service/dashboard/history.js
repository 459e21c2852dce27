// The course of a search: a typed column of its trials for each thing that is drawn. It comes as bytes (docs/api.md
// describes them), and live updates fetch only what has changed.
import { useRef } from "./dom.js";
import { get } from "./api.js";
import { useLoad } from "./resource.js";

const TYPES = { int32: Int32Array, float64: Float64Array, uint8: Uint8Array };

/** The columns that the service sends: {seq, since, number, reward, arm, "figures.entropy", …}. NaN stands where there is nothing,
 * and for the rewards of trials that are not done. */
export function unpack(buffer) {
  const begin = 8 + new DataView(buffer).getUint32(4, true);
  const { columns, count, ...found } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, begin - 8)));
  for (const { name, type, at, values } of columns) {
    found[name] = new TYPES[type](buffer, begin + at, count); // little-endian, as all browsers' machines
    if (name === "state") found[name].forEach((state, i) => values[state] === "done" || (found.reward[i] = NaN)); // rewards come before
  }
  return found;
}

/** What is known with what has changed: in place, but where trials have come to it. A trial's number is its place. */
export function merge(old, fresh) {
  const length = Math.max(old.number.length, (fresh.number.at(-1) ?? -1) + 1);
  const found = { ...old, ...fresh };
  for (const [name, like] of Object.entries(found)) {
    if (!ArrayBuffer.isView(like)) continue;
    let column = old[name];
    if (column?.length !== length) {
      column = new like.constructor(length).fill(NaN);
      column.set(old[name] ?? []);
    }
    fresh.number.forEach((place, i) => (column[place] = fresh[name]?.[i] ?? NaN));
    found[name] = column;
  }
  return found;
}

/** Load the course of search `id` (null: none), and when `matters(event)` what has changed in it. */
export function useHistory(id, matters) {
  const kept = useRef(null);
  return useLoad(id && `history ${id}`, async (signal) => {
    const old = kept.current?.id === id ? kept.current : null;
    const fresh = unpack(await get(`searches/${id}/history${old ? `?since=${old.seq}` : ""}`, signal, "application/octet-stream"));
    return (kept.current = { ...(fresh.since ? merge(old, fresh) : fresh), id });
  }, matters);
}
