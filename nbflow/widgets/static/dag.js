// The graph: pan, zoom, search, click and keys. The kernel sends the drawing once for each shape,
// and then one letter a task; boxes of families get their bars from these letters here.

const SVG = "http://www.w3.org/2000/svg";
const DONE = new Set(["done", "complete"]);
const UNSPOKEN = new Set(["done", "complete", "pending", "cancelled"]);
const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const ROWS_SHOWN = 500;
// Pixels of a drawing above which it is not shown as a whole at first, and the scale at which its
// words can still be read.
const TALL = 900, LEGIBLE = 0.55;

const svgElement = (tag, attributes, text) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
};

const tallyOf = (members, states) => {
  const tally = new Array(STATES.length).fill(0);
  for (const k of members) tally[states.charCodeAt(k) - 97]++;
  return tally;
};

/** The state that stands for a family: trouble and work win. */
const worst = tally => WORST.find(k => tally[k] > 0) ?? WORST.at(-1);

const said = tally => ORDER.filter(k => tally[k]).map(k => `${tally[k]} ${STATES[k].word}`);

function render({ model, el }) {
  const box = root(el, "dag", "Graph of tasks");
  const region = liveRegion();
  const counts = make("span", { class: "counts" });
  const search = make("input", { type: "search", placeholder: "Find a task", "aria-label": "Find a task", spellcheck: "false" });
  const hits = make("span", { class: "hits", "aria-live": "polite" });
  const expand = button("Each task", () => model.send({ do: "expand", on: !model.get("expanded") }));
  const cancel = button("Cancel", () => { cancel.disabled = true; model.send({ do: "cancel" }); });
  const zoomButtons = [
    button("−", () => zoom(0.8), { "aria-label": "Zoom out", title: "Zoom out" }),
    button("+", () => zoom(1.25), { "aria-label": "Zoom in", title: "Zoom in" }),
    button("Fit", () => fit()),
  ];
  const bar = make("div", { class: "bar" }, counts, make("span", { class: "tools" }, search, hits, expand, zoomButtons, cancel));
  const stage = make("div", { class: "stage" });
  const note = make("div", { class: "note" });
  const detail = make("div", { class: "detail" });
  const list = make("details", { class: "list" }, make("summary"),
    make("div", { role: "region", tabindex: "0", "aria-label": "Tasks of the graph" }));
  box.append(bar, stage, note, detail, list, region.element);

  let svg = null, nodes = [], lines = [], boxes = [], edges = [];
  let full = [0, 0, 1, 1], at = [...full], shown = "", cursor = 0, selected = -1, found = [], hit = -1, isHome = false;

  // -- states --------------------------------------------------------------------------------

  const paint = () => {
    const states = model.get("states");
    const total = tallyOf([...states].keys(), states);
    setText(counts, ORDER.filter(k => total[k]).map(k => `${STATES[k].glyph} ${total[k].toLocaleString()} ${STATES[k].word}`).join(" · "));
    region.say(said(total).join(", "));
    svg?.setAttribute("aria-label", `Graph of ${states.length} tasks: ${said(total).join(", ")}`);
    boxes.forEach((each, k) => {
      if (each.members.every(m => states[m] === shown[m]) && shown.length === states.length) return;
      const tally = tallyOf(each.members, states), state = worst(tally);
      each.state = state;
      nodes[k].setAttribute("class", `nd n${k} s${state}`);
      nodes[k].setAttribute("aria-label", `${each.name}, ${each.members.length > 1 ? said(tally).join(", ") : STATES[state].word}`);
      if (each.members.length > 1) drawFamily(nodes[k], each, tally);
    });
    shown = states;
    mark();
    fillList();
  };

  const drawFamily = (node, each, tally) => {
    node.querySelector(".fam")?.remove();
    const group = svgElement("g", { class: "fam" });
    const width = +node.querySelector(".bx").getAttribute("width") - 56, total = each.members.length;
    let x = 44;
    ORDER.filter(k => tally[k]).forEach(k => {
      const part = Math.max(3, (width * tally[k]) / total);
      group.append(svgElement("rect", { x, y: 28, width: Math.max(part - 1, 1), height: 6, rx: 1.5, fill: `var(--${STATES[k].css})`, "fill-opacity": STATES[k].css === "pending" ? 0.25 : 1 }));
      x += part;
    });
    const parts = ORDER.filter(k => tally[k] && !UNSPOKEN.has(STATES[k].css)).map(k => `${tally[k]} ${STATES[k].word}`);
    const done = tally.reduce((sum, n, k) => sum + (DONE.has(STATES[k].css) ? n : 0), 0);
    const words = svgElement("text", { x: 44, y: 50, "font-size": 11, fill: "var(--fg2)" });
    group.append(words);
    node.append(group);
    for (let n = Math.min(parts.length, 3); n >= 0; n--) {
      words.textContent = [...parts.slice(0, n), `${done}/${total} done`].join(" · ");
      if (words.getComputedTextLength() <= width + 8) break;
    }
  };

  // -- the drawing ---------------------------------------------------------------------------

  const load = () => {
    stage.innerHTML = model.get("markup");
    svg = stage.querySelector("svg.dag");
    boxes = model.get("boxes").map(each => ({ ...each }));
    edges = model.get("edges");
    nodes = svg ? [...svg.querySelectorAll(".nd")] : [];
    lines = svg ? [...svg.querySelectorAll(".ed")] : [];
    shown = "";
    cursor = 0;
    selected = Math.min(selected, boxes.length - 1);
    found = [];
    stage.hidden = !svg;
    zoomButtons.forEach(each => { each.hidden = !svg; });
    search.hidden = hits.hidden = boxes.length < 2;
    if (!svg) return;
    full = svg.getAttribute("viewBox").split(" ").map(Number);
    svg.setAttribute("role", "group");
    nodes.forEach((node, k) => {
      node.setAttribute("role", "button");
      node.setAttribute("tabindex", k ? "-1" : "0");
    });
    stage.style.aspectRatio = `${full[2]} / ${full[3]}`;
    box.style.setProperty("--drawn", full[3] > TALL ? "100%" : `${Math.round(full[2] * 1.15)}px`);
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    fit();
    isHome = false;
  };

  /** All of it where that is legible, else the part of which one wants to know most. */
  const goHome = () => {
    if (isHome || !svg || !stage.clientWidth) return;
    isHome = true;
    if (Math.min(stage.clientWidth / full[2], stage.clientHeight / full[3]) >= LEGIBLE) return;
    const first = WORST.map(state => boxes.findIndex(each => each.state === state)).find(k => k >= 0) ?? 0;
    at = [0, 0, Math.min(stage.clientWidth, full[2]), stage.clientHeight];
    centre(first);
    at[0] = Math.max(0, Math.min(at[0], full[2] - at[2]));
    at[1] = Math.max(0, Math.min(at[1], full[3] - at[3]));
    show();
  };

  const show = () => svg?.setAttribute("viewBox", at.map(v => v.toFixed(1)).join(" "));
  const fit = () => { at = [...full]; show(); };
  const zoom = (factor, fx = 0.5, fy = 0.5) => {
    const shape = at[3] / at[2], most = 1.5 * Math.max(full[2], full[3] / shape);
    const width = Math.min(most, Math.max(120, at[2] / factor)), height = width * shape;
    at = [at[0] + (at[2] - width) * fx, at[1] + (at[3] - height) * fy, width, height];
    show();
  };
  const place = k => {
    const m = nodes[k].transform.baseVal[0].matrix, group = nodes[k].parentElement.transform.baseVal[0]?.matrix;
    return [m.e + (group?.e ?? 0), m.f + (group?.f ?? 0)];
  };
  const centre = k => {
    const [x, y] = place(k);
    at = [x + 60 - at[2] / 2, y + 20 - at[3] / 2, at[2], at[3]];
  };
  const bringIntoView = k => {
    const [x, y] = place(k);
    if (x < at[0] || x > at[0] + at[2] * 0.9 || y < at[1] || y > at[1] + at[3] * 0.9) {
      centre(k);
      show();
    }
  };

  // -- selection -----------------------------------------------------------------------------

  const mark = () => {
    if (!svg) return;
    const lit = selected >= 0 && selected < nodes.length;
    const near = new Set([selected]);
    edges.forEach(([a, b], k) => {
      const on = lit && (a === selected || b === selected);
      lines[k]?.classList.toggle("on", on);
      if (on) near.add(a).add(b);
    });
    const isFound = new Set(found);
    svg.classList.toggle("has-sel", lit);
    svg.classList.toggle("has-found", search.value !== "");
    nodes.forEach((node, k) => {
      node.classList.toggle("sel", lit && k === selected);
      node.classList.toggle("near", near.has(k));
      node.classList.toggle("found", isFound.has(k));
      node.setAttribute("aria-pressed", String(lit && k === selected));
    });
  };
  const select = k => {
    selected = k;
    mark();
    model.send({ do: "select", box: k });
  };
  const focus = k => {
    nodes[cursor]?.setAttribute("tabindex", "-1");
    cursor = k;
    nodes[k].setAttribute("tabindex", "0");
    nodes[k].focus({ preventScroll: true });
    bringIntoView(k);
  };
  const toward = (k, [dx, dy]) => {
    // The nearest box in that direction, as the eye would go.
    const [x, y] = place(k);
    let best = k, cost = Infinity;
    nodes.forEach((_, i) => {
      const [u, v] = place(i), along = (u - x) * dx + (v - y) * dy;
      const off = Math.abs((u - x) * dy) + Math.abs((v - y) * dx);
      if (i !== k && along > 4 && along + 2 * off < cost) { best = i; cost = along + 2 * off; }
    });
    return best;
  };

  // -- search --------------------------------------------------------------------------------

  const look = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean), names = model.get("names");
    const fits = name => words.every(word => name.toLowerCase().includes(word));
    found = words.length
      ? boxes.flatMap((each, k) => (fits(each.name) || each.members.some(m => names[m] && fits(names[m])) ? [k] : []))
      : [];
    hit = -1;
    setText(hits, words.length ? `${found.length} of ${boxes.length}` : "");
    mark();
  };
  const next = step => {
    if (!found.length) return;
    hit = (hit + step + found.length) % found.length;
    setText(hits, `${hit + 1} of ${found.length}`);
    bringIntoView(found[hit]);
    select(found[hit]);
  };

  // -- the list ------------------------------------------------------------------------------

  const fillList = () => {
    const names = model.get("names"), states = model.get("states");
    list.hidden = !names.length;
    setText(list.firstChild, `${states.length.toLocaleString()} task${states.length === 1 ? "" : "s"} as a table`);
    if (!list.open) return;
    const row = k => {
      const state = STATES[states.charCodeAt(k) - 97];
      return make("tr", {}, make("th", { scope: "row" }, names[k]),
        make("td", { class: "short", style: `color:var(--${state.css})` }, `${state.glyph} ${state.word}`));
    };
    const count = Math.min(names.length, ROWS_SHOWN), rest = states.length - count;
    list.lastChild.replaceChildren(
      make("table", { class: "rows", "aria-label": "tasks of the graph" },
        make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "task"), make("th", { scope: "col" }, "state"))),
        make("tbody", {}, [...Array(count).keys()].map(row))),
      rest > 0 ? make("p", {}, `… and ${rest.toLocaleString()} more`) : "");
  };

  // -- what a person does --------------------------------------------------------------------

  const ended = new AbortController();
  const on = (node, type, act, options) => node.addEventListener(type, act, { signal: ended.signal, ...options });
  on(list, "toggle", fillList);
  on(search, "input", look);
  on(search, "keydown", event => {
    if (event.key === "Enter") next(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape" && search.value) { search.value = ""; look(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  on(stage, "keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || !nodes.length) return;
    if (STEPS[event.key]) focus(toward(cursor, STEPS[event.key]));
    else if (event.key === "Home") focus(0);
    else if (event.key === "End") focus(nodes.length - 1);
    else if (event.key === "Enter" || event.key === " ") select(cursor === selected ? -1 : cursor);
    else if (event.key === "Escape") select(-1);
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else if (event.key === "/") search.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  on(stage, "wheel", event => {
    // A plain wheel goes on scrolling the notebook.
    if (!svg || (!event.ctrlKey && !event.metaKey)) return;
    event.preventDefault();
    const area = svg.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 300), (event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height);
  }, { passive: false });
  let drag = null;
  on(stage, "pointerdown", event => {
    if (event.button === 0 && svg) drag = { x: event.clientX, y: event.clientY, at: [...at], moved: false };
  });
  on(stage, "pointermove", event => {
    if (!drag) return;
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    if (!drag.moved && Math.hypot(dx, dy) < 4) return;
    if (!drag.moved) stage.setPointerCapture(event.pointerId);
    drag.moved = true;
    const area = svg.getBoundingClientRect(), scale = Math.max(at[2] / area.width, at[3] / area.height);
    at = [drag.at[0] - dx * scale, drag.at[1] - dy * scale, at[2], at[3]];
    show();
  });
  on(stage, "pointerup", event => {
    const node = event.target.closest?.(".nd");
    if (drag && !drag.moved) {
      if (node) { focus(+node.dataset.k); select(+node.dataset.k); } else select(-1);
    }
    drag = null;
  });
  on(stage, "pointercancel", () => { drag = null; });
  on(stage, "dblclick", event => {
    const node = event.target.closest?.(".nd");
    if (node && boxes[+node.dataset.k].members.length > 1) model.send({ do: "expand", on: true });
  });

  // The page gives the stage a size later than it makes it.
  const sized = new ResizeObserver(goHome);
  sized.observe(stage);
  const stops = [
    () => sized.disconnect(),
    follow(model, ["markup", "boxes", "edges"], () => { load(); paint(); goHome(); }),
    follow(model, ["states"], paint),
    // Only what the kernel chose: an answer to an earlier click must not undo a later one.
    follow(model, ["chosen"], () => { selected = model.get("chosen")[0]; mark(); }),
    follow(model, ["detail"], () => setHtml(detail, model.get("detail"))),
    follow(model, ["note", "expanded", "can_expand", "can_cancel"], () => {
      setText(note, model.get("note"));
      note.hidden = !model.get("note");
      expand.hidden = !model.get("can_expand");
      setText(expand, model.get("expanded") ? "Families" : "Each task");
      cancel.hidden = !model.get("can_cancel");
    }),
  ];
  return () => { ended.abort(); region.stop(); stops.forEach(stop => stop()); };
}

export default { render };
