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

  return {
    search: held.search,
    note: held.note,
    answer(path) {
      const [status, body] = find(path);
      return new Response(path.endsWith(".svg") && status === 200 ? body : JSON.stringify(body), { status });
    },
  };
})();
