// A log, found by a task's or a run's name.

function render({ model, el }) {
  const box = root(el, "log", "Log");
  let timer = null;
  const soon = act => { clearTimeout(timer); timer = setTimeout(act, 300); };
  const word = make("input", { type: "search", placeholder: "task or run, else the last run", "aria-label": "Task or run", spellcheck: "false", oninput: () => soon(() => model.send({ do: "word", value: word.value })) });
  const grep = make("input", { type: "search", placeholder: "only lines with …", "aria-label": "Only lines with this text", spellcheck: "false", oninput: () => soon(() => model.send({ do: "grep", value: grep.value })) });
  const following = make("input", { type: "checkbox", onchange: () => model.send({ do: "follow", on: following.checked }) });
  const pane = logPane();
  box.append(make("div", { class: "bar" }, word, grep, make("label", { class: "check" }, following, " follow")), pane.element);
  const stop = follow(model, ["word", "grep", "log", "following"], () => {
    if (word !== document.activeElement) word.value = model.get("word");
    if (grep !== document.activeElement) grep.value = model.get("grep");
    following.checked = model.get("following");
    pane.set(model.get("log") || "nothing yet");
  });
  return () => { clearTimeout(timer); stop(); };
}

export default { render };
