// One phone: its messages, its reply box, what is on order for its next report.

import { FAILURES } from "./codes.js";
import { clock, el, fill, roving, single } from "./dom.js";

/**
 * @typedef {{message_id: string, number: string, account: string, source: string, text: string, sign: string,
 *   segments: number, time: string, status: string | null, withheld: boolean, collected: boolean}} Message
 * @typedef {{number: string, account: string, dest: string, text: string, time: string | null,
 *   collected: boolean}} Inbound
 * @typedef {{number: string, status: string | null, pending: boolean}} Order
 * @typedef {{send: (path: string, body: object, method?: string) => Promise<void>,
 *   select: (message: Message) => void}} Actions
 */

const NOT_FINAL = new Set(["ACCEPTD", "UNKNOWN"]);

/**
 * What became of a message: a class and words.
 * @param {Message} message
 * @returns {[string, string]}
 */
function fate(message) {
  if (message.status === "DELIVRD") return ["delivered", message.collected ? "✓✓ delivered" : "✓ delivered"];
  if (message.status !== null && !NOT_FINAL.has(message.status)) return ["undelivered", `✕ undelivered ${message.status}`];
  if (message.withheld) return ["withheld", "⊘ report stays away"];
  return ["waiting", message.status === null ? "… waiting for its report" : `… ${message.status}, not final`];
}

/** One phone on the page. */
export class Handset {
  /**
   * @param {string} number
   * @param {Actions} actions
   */
  constructor(number, actions) {
    this.number = number;
    this.actions = actions;
    /** When something last happened, for the order of the phones. */
    this.latest = "";
    /** @type {Map<string, {time: string, element: HTMLElement}>} */
    this.bubbles = new Map();
    /** @type {Map<string, Message>} */
    this.messages = new Map();
    /** @type {Message | null} */
    this.last = null;
    this.chat = el("div.chat", { role: "log", "aria-label": `Messages of ${number}`, tabindex: 0 });
    this.note = el("p.quiet-note", {}, "No message yet. Write the first one below, or let an application send one.");
    this.chat.append(this.note);
    roving(this.chat, "button.bubble");
    this.source = el("p", {}, "no message yet");
    this.orders = this.#orders();
    this.text = /** @type {HTMLInputElement} */ (
      el("input", { "aria-label": `Reply from ${number}`, placeholder: "Reply", maxlength: 500, autocomplete: "off" })
    );
    this.problem = el("p.problem", { role: "alert", hidden: true });
    const heading = el("h2", { dir: "ltr" }, number);
    this.element = el(
      "article.phone",
      { "aria-label": `Phone ${number}`, "data-number": number },
      el("div.screen", {}, el("div.screen-top", {}, heading, this.source), this.chat, this.orders, this.problem, this.#form()),
    );
  }

  /** @param {string} key @param {Message} message */
  message(key, message) {
    this.messages.set(key, message);
    const [kind, words] = fate(message);
    const segments = message.segments === 1 ? "1 segment" : `${message.segments} segments`;
    const bubble = this.#bubble(key, message.time, "button.bubble.mt", {
      type: "button",
      title: "Show its exchange with the gateway",
      onclick: () => this.actions.select(this.messages.get(key) ?? message),
    });
    bubble.dataset.id = message.message_id;
    bubble.dataset.status = kind;
    fill(
      bubble,
      ...signed(message.text, message.sign),
      el("span.meta", {}, el("span", {}, `${clock(message.time)} · ${segments}`), el(`span.status.${kind}`, {}, words)),
    );
    if (!this.last || message.time >= this.last.time) this.last = message;
    this.source.textContent = `from ${this.last.source}`;
  }

  /** @param {string} key @param {Inbound} inbound */
  inbound(key, inbound) {
    const bubble = this.#bubble(`mo:${key}`, inbound.time ?? "", "div.bubble.mo", {});
    const fate = inbound.collected ? "✓ pulled" : "waits for a pull";
    fill(
      bubble,
      el("span.text", { dir: "auto" }, inbound.text),
      el("span.meta", {}, el("span", {}, `${clock(inbound.time)} · to ${inbound.dest}`), el("span.status", {}, fate)),
    );
    bubble.dataset.collected = String(inbound.collected);
  }

  /** @param {Order} order */
  order(order) {
    this.ordered.hidden = order.pending;
    this.cancel.hidden = !order.pending;
    const words = order.status === null ? "stays away" : `fails with ${order.status}`;
    this.cancel.textContent = `${words} ✕`;
    this.cancel.setAttribute("aria-label", `Next report of ${this.number} ${words}: cancel`);
  }

  /**
   * @param {string} key
   * @param {string} time
   * @param {string} tag
   * @param {Record<string, unknown>} properties
   */
  #bubble(key, time, tag, properties) {
    const known = this.bubbles.get(key);
    if (known) return known.element;
    this.note.hidden = true;
    const element = el(`${tag}.arrived`, properties);
    const atEnd = this.chat.scrollHeight - this.chat.scrollTop - this.chat.clientHeight < 60;
    const later = [...this.bubbles.values()].filter((bubble) => bubble.time > time);
    const next = later.reduce((/** @type {any} */ first, bubble) => (!first || bubble.time < first.time ? bubble : first), null);
    this.chat.insertBefore(element, next?.element ?? null);
    this.bubbles.set(key, { time, element });
    if (time > this.latest) this.latest = time;
    single(this.chat, "button.bubble", /** @type {HTMLElement} */ ([...this.chat.querySelectorAll("button.bubble")].at(-1)));
    if (atEnd) requestAnimationFrame(() => (this.chat.scrollTop = this.chat.scrollHeight));
    return element;
  }

  #form() {
    const arrow = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    arrow.setAttribute("viewBox", "0 0 20 20");
    arrow.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", "M10 16V4M5 9l5-5 5 5");
    arrow.append(path);
    const button = el("button.primary", { type: "submit", "aria-label": `Send from ${this.number}` }, arrow);
    return el("form.reply", { onsubmit: (/** @type {Event} */ event) => this.#send(event) }, this.text, button);
  }

  /** @param {Event} event */
  async #send(event) {
    event.preventDefault();
    const text = this.text.value;
    if (!text) return;
    const last = this.last;
    const sent = last
      ? this.#try("reply", { message_id: last.message_id, dest_number: this.number, text })
      : this.#try("mo", { src: this.number, text });
    if (await sent) this.text.value = "";
    this.text.focus();
  }

  #orders() {
    const { number } = this;
    const set = (/** @type {string | null} */ status) => this.#try("reports/next", { number, status });
    const path = `reports/next?number=${encodeURIComponent(number)}`;
    this.ordered = el("span.now", {}, "as usual");
    this.cancel = el("button.pending", { type: "button", hidden: true, onclick: () => this.#cancel(path) });
    const codes = /** @type {HTMLSelectElement} */ (el("select", { "aria-label": `Status of the failed report of ${number}` }));
    codes.append(...FAILURES.map((status) => el("option", { value: status }, status)));
    return el(
      "div.orders",
      { role: "group", "aria-label": `Next report of ${number}` },
      el("p", {}, "Next report", this.ordered, this.cancel),
      el(
        "div.choices",
        {},
        codes,
        el("button", { type: "button", "aria-label": `Next report of ${number} fails`, onclick: () => set(codes.value) }, "Fails"),
        el("button", { type: "button", "aria-label": `Next report of ${number} stays away`, onclick: () => set(null) }, "Stays away"),
      ),
    );
  }

  /** @param {string} path */
  async #cancel(path) {
    await this.#try(path, {}, "DELETE");
    this.text.focus();
  }

  /**
   * @param {string} path
   * @param {object} body
   * @param {string} [method]
   * @returns {Promise<boolean>}
   */
  async #try(path, body, method) {
    this.problem.hidden = true;
    try {
      await this.actions.send(path, body, method);
      return true;
    } catch (error) {
      this.problem.textContent = error instanceof Error ? error.message : String(error);
      this.problem.hidden = false;
      return false;
    }
  }
}

/**
 * A text with its signature set off, wherever it is.
 * @param {string} text
 * @param {string} sign
 */
function signed(text, sign) {
  const mark = `【${sign}】`;
  const leads = sign && text.startsWith(mark);
  const trails = sign && !leads && text.endsWith(mark);
  const rest = leads ? text.slice(mark.length) : trails ? text.slice(0, -mark.length) : text;
  const shown = leads || trails ? el("span.sign", { dir: "auto" }, mark) : null;
  const words = el("span.text", { dir: "auto" }, rest);
  return trails ? [words, shown] : [shown, words];
}
