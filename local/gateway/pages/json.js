// JSON for reading: indented, its parts in colours, long lists and texts whole.

import { el } from "./dom.js";

/** @param {unknown} value @returns {HTMLElement} */
export function json(value) {
  const block = el("pre.json", { tabindex: 0 });
  block.append(...parts(value, ""));
  return block;
}

/**
 * JSON that came as text; what is none is shown as it is.
 * @param {string} text
 */
export function jsonText(text) {
  try {
    return json(JSON.parse(text));
  } catch {
    return el("pre.json", { tabindex: 0 }, text);
  }
}

/** @param {unknown} value @param {string} indent @returns {(Node | string)[]} */
function parts(value, indent) {
  if (value === null || typeof value !== "object") return [scalar(value)];
  const inner = `${indent}  `;
  const list = Array.isArray(value);
  const entries = list ? value.map((item) => [null, item]) : Object.entries(value);
  const [open, close] = list ? ["[", "]"] : ["{", "}"];
  if (!entries.length) return [open + close];
  /** @type {(Node | string)[]} */
  const made = [`${open}\n`];
  entries.forEach(([key, item], index) => {
    made.push(inner);
    if (key !== null) made.push(el("span.json-key", {}, JSON.stringify(key)), ": ");
    made.push(...parts(item, inner), index < entries.length - 1 ? ",\n" : "\n");
  });
  made.push(indent + close);
  return made;
}

/** @param {unknown} value */
function scalar(value) {
  const kind = value === null ? "null" : typeof value;
  // A text may hold what turns the direction of writing: it ends with its element.
  return el(`span.json-${kind}`, kind === "string" ? { dir: "auto" } : {}, JSON.stringify(value) ?? "null");
}
