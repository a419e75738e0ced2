// Elements. Text goes in as text: there is no way to markup from here.

/**
 * Make an element.
 * @param {string} tag with classes, as in "p.note.small"
 * @param {Record<string, unknown>} properties attributes; an `on…` is a listener, a false or null one is left out
 * @param {...(Node | string | number | null | undefined)} children
 * @returns {HTMLElement}
 */
export function el(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  element.classList.add(...classes);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  fill(element, ...children);
  return element;
}

/**
 * Put children in the place of those that are there.
 * @param {Element} parent
 * @param {...(Node | string | number | null | undefined)} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(
    ...children
      .filter((child) => child !== null && child !== undefined)
      .map((child) => (child instanceof Node ? child : document.createTextNode(String(child)))),
  );
}

/**
 * One tab stop for a list, and the arrow keys, Home and End inside it.
 * @param {HTMLElement} list
 * @param {string} selector of what can have the focus
 */
export function roving(list, selector) {
  const items = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll(selector)]).filter((item) => !item.hidden);
  list.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (at < 0) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || !all[to]) return;
    event.preventDefault();
    all[to].focus();
  });
  list.addEventListener("focusin", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches(selector)) single(list, selector, target);
  });
}

/**
 * Let one element of a list be its tab stop: the given one, else the one that is, else the first.
 * @param {HTMLElement} list
 * @param {string} selector
 * @param {HTMLElement} [stop]
 */
export function single(list, selector, stop) {
  const all = /** @type {HTMLElement[]} */ ([...list.querySelectorAll(selector)]).filter((item) => !item.hidden);
  const one = stop ?? all.find((item) => item.tabIndex === 0) ?? all[0];
  for (const item of all) item.tabIndex = item === one ? 0 : -1;
}

/** @param {string | null | undefined} iso @returns {string} the time of day here, or a dash */
export function clock(iso) {
  const moment = new Date(iso ?? NaN);
  return Number.isNaN(moment.getTime()) ? "–" : moment.toLocaleTimeString("en-GB");
}
