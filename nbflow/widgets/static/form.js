// The form: a control for each parameter, the line that does the same, the plan, and Run. What is
// typed goes to the kernel, which reads it; nothing is judged here.

const DEBOUNCE = 300;

const editors = {
  text: (field, changed) => input(field, changed, { type: "text" }),
  password: (field, changed) => input(field, changed, { type: "password", autocomplete: "off" }),
  integer: (field, changed) => number(field, changed, "numeric"),
  number: (field, changed) => number(field, changed, "decimal"),
  date: (field, changed) => input(field, changed, { type: "date" }),
  datetime: (field, changed) => input(field, changed, { type: "datetime-local", step: field.step }),
  json: (field, changed) => {
    const element = make("textarea", { rows: 3, spellcheck: "false", oninput: () => changed(element.value) });
    return { element, set: value => { element.value = value ?? ""; } };
  },
  checkbox: (field, changed) => {
    const element = make("input", { type: "checkbox", onchange: () => changed(element.checked, true) });
    return { element, set: value => { element.checked = value === true; } };
  },
  select: (field, changed) => {
    const blank = field.required || field.optional ? [make("option", { value: "" }, field.optional ? "not set" : "choose …")] : [];
    const element = make("select", { onchange: () => changed(field.optional && element.value === "" ? null : element.value, true) },
      blank, field.choices.map(choice => make("option", { value: choice }, choice)));
    return { element, set: value => { element.value = value ?? ""; } };
  },
  combobox: (field, changed) => {
    const list = newId();
    const editor = input(field, changed, { type: "text", list, autocomplete: "off" });
    editor.extra = make("datalist", { id: list }, field.choices.map(choice => make("option", { value: choice })));
    return editor;
  },
  multiple: (field, changed) => {
    const element = make("select", { multiple: true, size: Math.min(Math.max(field.choices.length, 2), 6), onchange: () => changed([...element.selectedOptions].map(o => o.value), true) },
      field.choices.map(choice => make("option", { value: choice }, choice)));
    return { element, set: value => { [...element.options].forEach(o => { o.selected = (value ?? []).includes(o.value); }); } };
  },
  tags: (field, changed) => {
    let values = [];
    const chips = make("span", { class: "chips" });
    const element = make("input", { type: "text", placeholder: "add, then Enter" });
    const take = () => {
      if (element.value === "") return;
      values = [...values, element.value];
      element.value = "";
      draw();
      changed(values, true);
    };
    const draw = () => chips.replaceChildren(...values.map((value, k) => make("span", { class: "chip" }, make("span", {}, value),
      button("×", () => { values = values.filter((_, i) => i !== k); draw(); changed(values, true); element.focus(); }, { "aria-label": `Remove ${value}` }))));
    element.addEventListener("keydown", event => {
      if (event.key === "Enter") { take(); event.preventDefault(); event.stopPropagation(); }
      else if (event.key === "Backspace" && element.value === "" && values.length) { values = values.slice(0, -1); draw(); changed(values, true); }
    });
    element.addEventListener("blur", take);
    return { element, wrap: make("span", { class: "tags" }, chips, element), set: value => { values = [...(value ?? [])]; draw(); } };
  },
};

const input = (field, changed, attributes) => {
  const element = make("input", { spellcheck: "false", placeholder: field.example, ...attributes, oninput: () => changed(element.value) });
  return { element, set: value => { element.value = value ?? ""; } };
};

const number = (field, changed, mode) => {
  const element = make("input", {
    type: "number", inputmode: mode, min: field.least || null, max: field.most || null, step: field.step || "any",
    // What is no number has no value here; the parameter says so in its own words.
    oninput: () => changed(element.validity.badInput ? "not a number" : element.value),
  });
  return { element, set: value => { element.value = value ?? ""; } };
};

function render({ model, el }) {
  const box = root(el, "form", `Run ${model.get("title")}`);
  const region = liveRegion();
  const title = make("div", { class: "head" });
  const family = make("select", { "aria-label": "Task", onchange: () => { touched.clear(); model.send({ do: "task", family: family.value }); } },
    model.get("families").map(each => make("option", { value: each }, each)));
  family.hidden = family.options.length < 2;
  const plan = make("span", { class: "pale plan" });
  const grid = make("div", { class: "grid" });
  const line = make("code", { class: "line", tabindex: "0", "aria-label": "The same as a line" });
  const copy = copyButton(() => line.textContent);
  const force = make("input", { type: "checkbox", onchange: () => model.send({ do: "force", on: force.checked }) });
  const showPlan = toggle("Plan", on => model.send({ do: "plan", on }));
  const run = button("Run", () => { run.disabled = true; model.send({ do: "run" }); }, { class: "main" });
  const cancel = button("Cancel", () => { cancel.disabled = true; model.send({ do: "cancel" }); });
  const hint = make("span", { class: "hint pale" });
  const problem = make("div", { class: "trouble", role: "alert" });
  const planBox = make("div", { class: "plan-box" });
  const runBox = make("div", { class: "run-box" });
  const actions = make("div", { class: "bar actions" }, run, showPlan, cancel,
    make("label", { class: "check" }, force, " run it although it is complete"), hint);
  box.append(make("div", { class: "bar" }, family, title, plan), grid,
    make("div", { class: "bar same" }, line, copy), actions, problem, planBox, runBox, region.element);

  const rows = new Map();
  const build = () => {
    rows.clear();
    grid.replaceChildren(...model.get("controls").flatMap(row));
  };
  const row = field => {
    const id = newId(), help = `${id}-help`, error = `${id}-error`;
    let timer = null;
    const send = value => {
      entry.sent = JSON.stringify(value);
      model.send({ do: "set", name: field.name, value });
    };
    const changed = (value, now = false) => {
      clearTimeout(timer);
      timer = setTimeout(() => send(value), now ? 0 : DEBOUNCE);
    };
    const editor = editors[field.kind](field, changed);
    editor.element.id = id;
    editor.element.setAttribute("aria-describedby", `${help} ${error}`);
    if (field.required) editor.element.setAttribute("aria-required", "true");
    const unset = field.optional && field.kind !== "select"
      ? make("input", { type: "checkbox", "aria-label": `${field.name} is not set`, onchange: () => {
        editor.element.disabled = unset.checked;
        if (unset.checked) send(null); else { send(valueOf(editor.element, field)); editor.element.focus(); }
      } })
      : null;
    const message = make("div", { class: "trouble", id: error, "aria-live": "polite" });
    const entry = { field, editor, unset, message, known: undefined, sent: undefined };
    rows.set(field.name, entry);
    return [
      make("label", { for: id, class: "name" }, field.label, field.required ? make("span", { class: "trouble", title: "must be given" }, " *") : ""),
      make("div", { class: "cell" },
        make("div", { class: "control" }, editor.wrap ?? editor.element, editor.extra, unset ? make("label", { class: "check pale" }, unset, " not set") : null),
        message),
      make("div", { class: "pale help", id: help }, [field.type, field.meaning].filter(Boolean).join(" · ")),
    ];
  };
  const valueOf = (element, field) => (field.kind === "checkbox" ? element.checked : field.kind === "tags" ? [] : element.value);

  const fill = () => {
    const raw = model.get("raw");
    for (const [name, entry] of rows) {
      const { field, editor, unset } = entry, text = JSON.stringify(raw[name]);
      if (field.kind === "password" || text === entry.known) continue;
      entry.known = text;
      // What comes back of what was typed here must not undo what was typed since.
      if (text === entry.sent) continue;
      if (unset) { unset.checked = raw[name] === null; editor.element.disabled = unset.checked; }
      if (!unset?.checked) editor.set(raw[name]);
    }
  };
  const touched = new Set();
  grid.addEventListener("focusout", event => {
    for (const [name, { editor }] of rows) if (editor.element === event.target) touched.add(name);
    judge();
  });
  grid.addEventListener("input", event => {
    for (const [name, { editor }] of rows) if (editor.element === event.target && editor.element.value !== "") touched.add(name);
  });
  const judge = () => {
    const errors = model.get("errors");
    for (const [name, { editor, message }] of rows) {
      // What nobody has come to yet is not called wrong; Run says how much is missing.
      const text = touched.has(name) ? errors[name] ?? "" : "";
      setText(message, text);
      editor.element.setAttribute("aria-invalid", String(text !== ""));
    }
  };
  const update = () => {
    const errors = Object.keys(model.get("errors")).length, valid = model.get("valid"), running = model.get("running");
    family.value = model.get("title");
    title.replaceChildren(family.hidden ? make("strong", {}, model.get("title")) : "", model.get("meaning") ? make("span", { class: "pale" }, ` ${model.get("meaning")}`) : "");
    setText(plan, model.get("planning") ? "planning …" : model.get("plan"));
    setText(line, model.get("line") || "—");
    copy.disabled = !model.get("line");
    run.hidden = model.get("read_only");
    run.disabled = !valid || running;
    showPlan.disabled = !valid;
    cancel.hidden = !running || model.get("read_only");
    cancel.disabled = false;
    force.closest("label").hidden = model.get("read_only");
    setText(hint, errors ? `${errors} field${errors === 1 ? "" : "s"} to fill or fix` : "");
    setText(problem, model.get("problem"));
    setHtml(planBox, model.get("plan_html"));
    setHtml(runBox, model.get("run_html"));
    region.say(errors ? `${errors} to fix` : model.get("plan"));
    judge();
  };
  const stops = [
    follow(model, ["controls"], () => { build(); fill(); judge(); }),
    follow(model, ["raw"], fill),
    follow(model, ["title", "meaning", "errors", "problem", "valid", "line", "plan", "plan_html", "planning", "run_html", "running", "read_only"], update),
  ];
  return () => { region.stop(); stops.forEach(stop => stop()); };
}

export default { render };
