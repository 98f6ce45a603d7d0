// What all views share: elements, texts, and manners towards the page around them.

/** An element with attributes and children; a text child is always text. */
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter(child => child != null));
  return element;
};

const button = (label, onclick, attributes = {}) =>
  make("button", { type: "button", onclick, ...attributes }, label);

/** A button that stays pressed. */
const toggle = (label, ontoggle, attributes = {}) => {
  const element = button(label, () => {
    const on = element.getAttribute("aria-pressed") !== "true";
    element.setAttribute("aria-pressed", String(on));
    ontoggle(on);
  }, { "aria-pressed": "false", ...attributes });
  return element;
};

let lastId = 0;
const newId = () => `nbflow-${++lastId}`;

/** HTML that the kernel has made and escaped; left alone where it is the same. */
const setHtml = (element, html) => {
  if (element.shown === html) return;
  element.shown = html;
  const open = new Set([...element.querySelectorAll("details[open] > summary")].map(s => s.textContent));
  element.innerHTML = html;
  element.querySelectorAll("details > summary").forEach(summary => {
    if (open.has(summary.textContent)) summary.parentElement.open = true;
  });
  // The view has one live region of its own, which does not speak at every update.
  element.querySelectorAll("[role=status]").forEach(each => each.removeAttribute("role"));
};

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** A line for screen readers that changes at most every five seconds. */
const liveRegion = () => {
  const element = make("div", { class: "said", role: "status", "aria-live": "polite" });
  let next = null, timer = null;
  const speak = () => {
    timer = null;
    if (next === null) return;
    setText(element, next);
    next = null;
    timer = setTimeout(speak, 5000);
  };
  return { element, say: text => { next = text; if (timer === null) speak(); }, stop: () => clearTimeout(timer) };
};

/**
 * The element around a view. JupyterLab takes keys as commands ("b" adds a cell) unless the
 * focused element itself says no; with Ctrl or Cmd held, its shortcuts stay its own.
 */
const root = (el, name, label) => {
  const box = make("section", { class: `nbflow-view nbflow-${name}`, "aria-label": label });
  const guard = (element, yes) => element?.toggleAttribute?.("data-lm-suppress-shortcuts", yes);
  const isCommand = event => event.key === "Control" || event.key === "Meta";
  box.addEventListener("focusin", event => guard(event.target, true));
  box.addEventListener("keydown", event => { if (isCommand(event)) guard(document.activeElement, false); });
  box.addEventListener("keyup", event => { if (isCommand(event)) guard(document.activeElement, true); });
  el.append(box);
  return box;
};

/** Call `update` now and after each change of the names; give what ends that. */
const follow = (model, names, update) => {
  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => { waiting = false; update(); });
  };
  names.forEach(name => model.on(`change:${name}`, soon));
  update();
  return () => names.forEach(name => model.off(`change:${name}`, soon));
};

const copyText = async text => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages without https have no clipboard: the old way.
    const area = make("textarea", { style: "position:fixed;opacity:0" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
};

const copyButton = text => {
  const element = button("Copy", async () => {
    await copyText(text());
    setText(element, "Copied");
    setTimeout(() => setText(element, "Copy"), 1500);
  });
  return element;
};

/** Lines of output; the end stays in sight while a person has not scrolled away from it. */
const logPane = () => {
  const element = make("pre", { class: "log", tabindex: "0", "aria-label": "Output" });
  return {
    element,
    set: text => {
      if (element.textContent === text) return;
      const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
      element.textContent = text;
      if (atEnd) element.scrollTop = element.scrollHeight;
    },
  };
};
