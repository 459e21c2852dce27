// Stands in for the service in a saved report: the answers lie in the page, and nobody is asked. A classic
// script, which only reports have (service/reportpage.py).
globalThis.saved = (function () {
  const held = JSON.parse(document.getElementById("held").textContent);
  const list = `searches/${encodeURIComponent(held.search)}/trials`;
  const rows = [...held.rows].sort((a, b) => a.number - b.number);

  /** Trials in the order and of the state that is asked for, as the service gives them. */
  function page(query) {
    const state = query.get("state");
    const found = rows.filter((trial) => !state || trial.state === state);
    if (query.get("sort") === "-number") found.reverse();
    if (query.get("sort") === "-reward") found.sort((a, b) => (b.reward ?? -Infinity) - (a.reward ?? -Infinity) || a.number - b.number);
    const from = Number(query.get("after"));
    const to = from + Number(query.get("limit") ?? 100);
    return { items: found.slice(from, to), next: to < found.length ? String(to) : null };
  }

  /** What is held for a path: [status, body]. */
  function find(path) {
    const [place, query = ""] = path.split("?");
    if (place === list && query) return [200, page(new URLSearchParams(query))];
    if (path in held.answers) return [200, held.answers[path]];
    if (path in held.refused) return [404, { detail: held.refused[path] }];
    if (/\/trials\/\d+$/.test(path)) return [410, { detail: "This trial is not held in full in the report: the head of the page says which are. The service has all of them." }];
    return [410, { detail: "This is not in the report: only the service has it." }];
  }

  /** The history as the service sends it to pages: columns of bytes (docs/api.md). */
  function packed({ seq, number, reward, state, arm, figures }) {
    const words = (name, values, told) => ({ name, type: "uint8", values, data: Uint8Array.from(told, (one) => values.indexOf(one)) });
    const floats = (name, told) => ({ name, type: "float64", data: Float64Array.from(told, (one) => one ?? NaN) });
    const columns = [
      { name: "number", type: "int32", data: Int32Array.from(number) }, floats("reward", reward),
      words("state", [...new Set(state)], state), words("arm", [null, "search", "random"], arm),
      ...Object.entries(figures).map(([name, told]) => floats(`figures.${name}`, told)),
    ];
    let end = 0;
    for (const column of columns) {
      column.at = end;
      end += Math.ceil(column.data.byteLength / 8) * 8;
    }
    const told = columns.map(({ data, ...about }) => about);
    const head = JSON.stringify({ count: number.length, seq, since: 0, columns: told });
    const text = new TextEncoder().encode(head);
    const begin = 8 + Math.ceil(text.length / 8) * 8;
    const bytes = new Uint8Array(begin + end).fill(32, 0, begin);
    bytes.set(text, 8);
    new DataView(bytes.buffer).setUint32(4, begin - 8, true);
    for (const { at, data } of columns) bytes.set(new Uint8Array(data.buffer), begin + at);
    return bytes;
  }

  return {
    search: held.search,
    note: held.note,
    answer(path) {
      const [status, body] = find(path);
      if (path.endsWith("/history")) return new Response(packed(body), { headers: { "Content-Type": "application/octet-stream" } });
      return new Response(path.endsWith(".svg") && status === 200 ? body : JSON.stringify(body), { status });
    },
  };
})();
