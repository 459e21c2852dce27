// Stands in for the service in a saved report: the answers lie in the page, and nobody is asked. A classic
// script, which only reports have (service/reportpage.py).
globalThis.saved = (function () {
  const held = JSON.parse(document.getElementById("held").textContent);
  const list = `searches/${encodeURIComponent(held.search)}/trials`;
  const rows = [...held.rows].sort((a, b) => a.number - b.number);

  const clause = /^\s*(?:([A-Za-z_][\w.]*)|"((?:[^"]|"")+)")\s*(<=|>=|!=|=|<|>)\s*([^\s<>=!]+)\s*$/;
  const number = /^[+-]?(D\.?(D)?|\.D)(e[+-]?D)?$/.source.replaceAll("D", "\\d+(_\\d+)*");
  const read = (text) => (new RegExp(number, "i").test(text) ? Number(text.replaceAll("_", "")) : NaN);
  const compare = {
    "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "!=": (a, b) => a !== b, "=": (a, b) => a === b, "<": (a, b) => a < b, ">": (a, b) => a > b,
  };
  const own = ["number", "reward", "attempt", "budget", "seconds"];

  class Refused extends Error {}

  /** What a clause of a filter asks of a trial, as service/filters.py reads it: one that lacks the value never passes. */
  function condition(part) {
    const [, plain, quoted, sign, value] = clause.exec(part) ?? [];
    const name = plain ?? quoted?.replaceAll('""', '"');
    if (!name) throw new Refused(`filter '${part.trim()}' is no clause; allowed are NAME (in "quotation marks" where it has other signs than letters, digits, _ and .), one of ${Object.keys(compare).join(" ")}, VALUE, and clauses joined by and: accuracy>0.9 and state=done`);
    const words = held.words[name];
    if (words && !(words.includes(value) && /^!?=$/.test(sign))) throw new Refused(`filter ${name}${sign}${value}: allowed are = and != with ${words.join(", ")}`);
    if (!words && !Number.isFinite(read(value))) throw new Refused(`filter ${name} is compared with '${value}', allowed are numbers; words go with ${Object.keys(held.words).join(", ")}`);
    return (trial) => {
      const found = name === "failure" ? trial.failure?.kind : words || own.includes(name) ? trial[name] : trial.metrics[name];
      return found !== null && found !== undefined && compare[sign](found, words ? value : read(value));
    };
  }

  /** Trials in the order, of the state and past the filter that are asked for, as the service gives them. */
  function page(query) {
    const state = query.get("state");
    const asked = query.get("filter") ?? "";
    if (asked.length > 500) throw new Refused("filter: String should have at most 500 characters");
    const wish = asked.trim();
    const clauses = wish ? wish.split(/(?:\s+and\s+|\s*&&\s*)(?=(?:[^"]*"[^"]*")*[^"]*$)/i) : [];
    if (clauses.length > 20) throw new Refused(`filter has ${clauses.length} clauses, allowed are 20`);
    const conditions = clauses.map(condition);
    const found = rows.filter((trial) => (!state || trial.state === state) && conditions.every((passes) => passes(trial)));
    const sort = query.get("sort");
    if (sort === "-number") found.reverse();
    else if (sort !== "number") {
      const name = sort.replace(/^-/, "");
      const value = (trial) => (own.includes(name) ? trial[name] : trial.metrics[name]) ?? null;
      const turn = sort === name ? 1 : -1;
      found.sort((a, b) => (value(a) === null) - (value(b) === null) || turn * (value(a) - value(b)) || a.number - b.number);
    }
    const from = Number(query.get("after"));
    const to = from + Number(query.get("limit") ?? 100);
    return { items: found.slice(from, to), next: to < found.length ? String(to) : null };
  }

  /** What is held for a path: [status, body]. */
  function find(path) {
    const [place, query = ""] = path.split("?");
    if (place === list && query) {
      try {
        return [200, page(new URLSearchParams(query))];
      } catch (error) {
        if (!(error instanceof Refused)) throw error; // a mistake of ours
        return [422, { detail: error.message, field: "filter" }];
      }
    }
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
