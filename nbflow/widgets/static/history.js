// What ran before: search, leaf through, open a run.

const COLUMNS = [["started", ""], ["task", ""], ["status", "short"], ["took", "number"], ["ran", "number"], ["complete", "number"], ["failed", "number"], ["where", "short"]];

function render({ model, el }) {
  const box = root(el, "history", "History of runs");
  let timer = null;
  const find = () => model.send({ do: "find", query: query.value, status: status.value });
  const query = make("input", { type: "search", placeholder: "Find a task", "aria-label": "Find a task", spellcheck: "false", oninput: () => { clearTimeout(timer); timer = setTimeout(find, 300); } });
  const status = make("select", { "aria-label": "How the run ended", onchange: find },
    make("option", { value: "" }, "any end"), model.get("statuses").map(each => make("option", { value: each }, each)));
  const total = make("span", { class: "pale grow", "aria-live": "polite" });
  const turn = step => model.send({ do: "page", page: model.get("page") + step });
  const before = button("‹", () => turn(-1), { "aria-label": "Newer runs" });
  const after = button("›", () => turn(1), { "aria-label": "Older runs" });
  const pages = make("span", { class: "pale" });
  const body = make("tbody");
  const table = make("table", { class: "rows", "aria-label": "runs, the newest first" },
    make("thead", {}, make("tr", {}, COLUMNS.map(([name, kind]) => make("th", { scope: "col", class: kind }, name)))), body);
  const problem = make("div", { class: "trouble", role: "alert" });
  const detail = make("div", { class: "detail" });
  box.append(make("div", { class: "bar" }, query, status, total, make("span", { class: "tools" }, before, pages, after)),
    problem, make("div", { class: "scroll" }, table), detail);

  const row = run => {
    const chosen = run.id === model.get("selected");
    const open = button(run.started || "–", () => model.send({ do: "select", run: chosen ? "" : run.id }),
      { class: "link", "aria-expanded": String(chosen), title: run.id });
    return make("tr", { class: chosen ? "chosen" : "" }, make("th", { scope: "row" }, open), COLUMNS.slice(1).map(([name, kind]) =>
      name === "status"
        ? make("td", { class: kind, style: `color:var(--${run.css})` }, `${run.glyph} ${run.status}`)
        : make("td", { class: kind }, String(run[name]))));
  };
  const stop = follow(model, ["rows", "query", "status", "page", "pages", "total", "selected", "detail", "problem"], () => {
    if (query !== document.activeElement) query.value = model.get("query");
    status.value = model.get("status");
    const count = model.get("total"), page = model.get("page"), focused = [...body.rows].findIndex(each => each.contains(document.activeElement));
    setText(total, count ? `${count.toLocaleString()} run${count === 1 ? "" : "s"}` : "nothing has run yet, or nothing that fits");
    setText(pages, `${page + 1} of ${model.get("pages")}`);
    before.disabled = page === 0;
    after.disabled = page + 1 >= model.get("pages");
    body.replaceChildren(...model.get("rows").map(row));
    if (focused >= 0) body.rows[focused]?.querySelector("button")?.focus();
    table.hidden = !count;
    setText(problem, model.get("problem"));
    setHtml(detail, model.get("detail"));
  });
  return () => { clearTimeout(timer); stop(); };
}

export default { render };
