// A run: its card, and the way to stop it.

function render({ model, el }) {
  const box = root(el, "run", "Run");
  const region = liveRegion();
  const card = make("div", { class: "card" });
  const cancel = button("Cancel", () => { cancel.disabled = true; setText(cancel, "Cancelling …"); model.send({ do: "cancel" }); });
  const all = toggle("All tasks", on => model.send({ do: "all", on }));
  const log = toggle("Log", on => model.send({ do: "log", on }));
  const pane = logPane();
  box.append(card, make("div", { class: "bar" }, cancel, all, log), pane.element, region.element);
  const stop = follow(model, ["said", "html", "running", "shows_all", "log", "read_only"], () => {
    setHtml(card, model.get("html"));
    region.say(model.get("said"));
    cancel.hidden = !model.get("running") || model.get("read_only");
    all.hidden = !model.get("running");
    pane.element.hidden = model.get("log") === null;
    pane.set(model.get("log") ?? "");
  });
  return () => { region.stop(); stop(); };
}

export default { render };
