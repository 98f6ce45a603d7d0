// The dashboard: tabs, of which each holds a widget of its own, made when it is first chosen.

const TABS = [["overview", "Overview"], ["graph", "Graph"], ["run", "Run"], ["history", "History"], ["logs", "Logs"]];

function render({ model, el }) {
  const box = root(el, "dashboard", "nbflow dashboard");
  const children = model.get("children"), id = newId();
  const shown = TABS.filter(([name]) => name === "overview" || children[name]);
  const choose = name => { open(name); model.send({ do: "tab", tab: name }); };
  const tabs = new Map(shown.map(([name, label]) => [name, make("button", { type: "button", role: "tab", id: `${id}-${name}-tab`, "aria-controls": `${id}-${name}`, onclick: () => choose(name) }, label)]));
  const list = make("div", { role: "tablist", class: "tabs", "aria-label": "Parts of the dashboard" }, [...tabs.values()]);
  const panes = new Map(shown.map(([name]) => [name, make("div", { role: "tabpanel", id: `${id}-${name}`, "aria-labelledby": `${id}-${name}-tab`, class: "pane", hidden: true })]));
  const head = make("div", { class: "bar" }, make("span", { class: "grow" }, make("strong", {}, "nbflow"), make("span", { class: "pale" }, ` ${model.get("title")}`)),
    model.get("read_only") ? make("span", { class: "pale" }, "read only") : "");
  box.append(head, list, ...panes.values());

  const made = new Set(["overview"]);
  const fill = async name => {
    if (made.has(name)) return;
    made.add(name);
    try {
      const child = await model.widget_manager.get_model(children[name]);
      const view = await model.widget_manager.create_view(child);
      panes.get(name).append(view.el);
    } catch (error) {
      panes.get(name).append(make("div", { class: "trouble" }, `This part cannot be shown: ${error.message ?? error}`));
    }
  };
  const open = name => {
    for (const [each, tab] of tabs) {
      tab.setAttribute("aria-selected", String(each === name));
      tab.setAttribute("tabindex", each === name ? "0" : "-1");
      panes.get(each).hidden = each !== name;
    }
    fill(name);
  };
  list.addEventListener("keydown", event => {
    const names = [...tabs.keys()], at = names.findIndex(name => tabs.get(name) === document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    const name = names[(to + names.length) % names.length];
    choose(name);
    tabs.get(name).focus();
    event.preventDefault();
    event.stopPropagation();
  });

  // -- overview ------------------------------------------------------------------------------

  const now = make("div", { class: "now" }), day = make("div", { class: "day" });
  const region = liveRegion();
  panes.get("overview").append(now, day, region.element);
  const cards = new Map();
  const cardOf = run => {
    const body = make("div");
    const cancel = button("Cancel", () => { cancel.disabled = true; model.send({ do: "cancel", run: run.id }); });
    cancel.hidden = model.get("read_only");
    const log = button("Log", () => model.send({ do: "log", run: run.id }));
    return { body, element: make("div", { class: "run" }, body, make("div", { class: "bar" }, cancel, log)) };
  };
  const update = () => {
    const active = model.get("active");
    for (const run of active) {
      if (!cards.has(run.id)) {
        cards.set(run.id, cardOf(run));
        now.append(cards.get(run.id).element);
      }
      setHtml(cards.get(run.id).body, run.html);
    }
    for (const [run, card] of cards) {
      if (active.some(each => each.id === run)) continue;
      card.element.remove();
      cards.delete(run);
    }
    if (!active.length) setText(now, "Nothing runs now."); else if (now.firstChild?.nodeType === 3) now.firstChild.remove();
    region.say(active.length ? `${active.length} running` : "nothing runs");
    setHtml(day, model.get("overview"));
  };
  const stops = [
    follow(model, ["active", "overview"], update),
    // Only what the kernel chose: an answer to an earlier choice must not undo a later one.
    follow(model, ["opened"], () => open(model.get("opened")[0])),
  ];
  return () => { region.stop(); stops.forEach(stop => stop()); };
}

export default { render };
