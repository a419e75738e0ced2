// The handset page: brings together what the server tells, the phones and the pane.

import { el, fill } from "./dom.js";
import { Handset } from "./handset.js";
import { follow, lamp } from "./live.js";
import { Wire } from "./wire.js";

const SHOWN_PHONES = 24;
/** Where the pane lies over the phones: as in phones.css. */
const SHEET = matchMedia("(max-width: 980px)");

/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id);

const area = byId("phones");
const pane = byId("pane");
const wire = new Wire();
/** @type {Map<string, Handset>} */
const handsets = new Map();
/** @type {Map<string, any>} */
const orders = new Map();
let here = "";
let all = false;
let first = true;

/** @type {import("./handset.js").Actions} */
const actions = {
  async send(path, body, method = "POST") {
    const response = await fetch(`/admin/${path}`, {
      method,
      headers: { "Content-Type": "application/json" },
      body: method === "POST" ? JSON.stringify(body) : undefined,
    });
    if (response.ok) return;
    const answer = await response.json().catch(() => ({}));
    throw new Error(answer.error ?? `the gateway answered ${response.status}`);
  },
  select(message) {
    for (const bubble of area.querySelectorAll(".bubble.mt")) {
      bubble.setAttribute("aria-current", String(bubble.dataset.id === message.message_id));
    }
    show(true);
    wire.about(message.message_id);
  },
};

/** A number as the gateway knows it, +86 and all. @param {string} text */
const plain = (text) => text.replace(/\s+/g, "").replace(/^\+86(?=1\d{10}$)/, "").replace(/^\+/, "");

/** @param {string} number */
function handset(number) {
  const known = handsets.get(number);
  if (known) return known;
  const made = new Handset(number, actions);
  handsets.set(number, made);
  const order = orders.get(number);
  if (order) made.order(order);
  area.prepend(made.element);
  made.element.addEventListener("focusin", () => choose(number));
  return made;
}

/** @type {Record<string, (key: string, value: any) => void>} */
const TAKE = {
  message: (key, value) => handset(value.number).message(key, value),
  inbound: (key, value) => handset(value.number).inbound(key, value),
  order: (_, value) => {
    orders.set(value.number, value);
    handsets.get(value.number)?.order(value);
  },
  exchange: (key, value) => wire.add(key, value),
};

/** @param {import("./live.js").Changes} changes */
function take(changes) {
  if (changes.reset) {
    handsets.clear();
    orders.clear();
    area.replaceChildren();
    wire.clear();
  }
  for (const { kind, key, value } of changes.items) TAKE[kind]?.(key, value);
  if (changes.reset) {
    // What was there before is sorted once; later a phone keeps its place, so that nothing moves under a hand.
    const sorted = [...handsets.values()].sort((a, b) => (a.latest < b.latest ? 1 : -1));
    area.append(...sorted.map((one) => one.element));
    for (const one of sorted) one.chat.scrollTop = one.chat.scrollHeight;
    here = sorted[0]?.number ?? "";
  }
  announce(changes);
  arrange();
}

/** @param {import("./live.js").Changes} changes */
function announce(changes) {
  if (first || changes.reset) {
    first = false;
    return;
  }
  const failed = changes.items.filter(({ kind, value }) => kind === "message" && value.status && value.status !== "DELIVRD");
  for (const { value } of failed) byId("news").textContent = `Message to ${value.number}: ${value.status}`;
}

/** Show as many phones as fit the eye, and on a narrow screen the chosen one. */
function arrange() {
  const elements = [...area.children];
  if (!handsets.has(here)) here = elements[0]?.dataset.number ?? "";
  elements.forEach((element, index) => {
    element.hidden = !all && index >= SHOWN_PHONES && element.dataset.number !== here;
    element.classList.toggle("here", element.dataset.number === here);
  });
  byId("more").hidden = all || elements.length <= SHOWN_PHONES;
  byId("more").textContent = `Show all ${elements.length} phones`;
  byId("empty").hidden = elements.length > 0;
  byId("picker").hidden = elements.length < 2;
  const numbers = elements.map((element) => element.dataset.number);
  const which = byId("which");
  if (numbers.join() !== [...which.options].map((option) => option.value).join()) {
    fill(which, ...numbers.map((number) => el("option", { value: number }, number)));
  }
  which.value = here;
}

/** @param {string} number */
function choose(number) {
  if (number === here) return;
  here = number;
  arrange();
}

/** @param {number} steps */
function move(steps) {
  const numbers = [...area.children].map((element) => element.dataset.number);
  choose(numbers[(numbers.indexOf(here) + steps + numbers.length) % numbers.length]);
}

/** @param {string} number */
function open(number) {
  const one = handset(plain(number));
  here = one.number;
  arrange();
  one.element.scrollIntoView({ block: "nearest" });
  one.text.focus();
}

/** @param {boolean} shown */
function show(shown) {
  pane.hidden = !shown;
  byId("pane-toggle").setAttribute("aria-expanded", String(shown));
}

/** What to paste into a terminal, as the specification has it (下行协议). @param {string} name */
function paste(name) {
  return [
    `name=${name} password=123456  # the simulator's own, if nothing else was said`,
    `seed=$(TZ=Asia/Shanghai date +%Y%m%d%H%M%S)`,
    `data='{"dest":"13812345678","content":"【京东】您的验证码是123456"}'`,
    `key=$(printf %s "$(printf %s "$password" | md5sum | cut -c1-32)$seed$data" | md5sum | cut -c1-32)`,
    `curl -s ${location.origin}/eums/sms/utf8/json/send.do -d ver=1 -d name=$name -d seed=$seed -d key=$key \\`,
    `  --data-urlencode "data=$data"`,
  ].join("\n");
}

/** The numbers with a meaning are the server's; so is whether there is an events page beside this one. */
async function prepare() {
  byId("paste").textContent = paste("test");
  try {
    const { magic_numbers: numbers, pages } = await (await fetch("/", { headers: { Accept: "application/json" } })).json();
    byId("to-events").hidden = !pages.includes("/events");
    fill(byId("numbers-rows"), ...numbers.map(row));
    const { accounts } = await (await fetch("/admin/accounts")).json();
    byId("paste").textContent = paste(accounts[0].name);
  } catch {
    // The stream tells that the connection is lost.
  }
}

/** @param {{number: string, meaning: string}} entry */
function row({ number, meaning }) {
  const code = /^[0-9]+$/.test(number)
    ? el("button.quiet", { type: "button", onclick: () => open(number), "aria-label": `Open ${number}` }, number)
    : el("code", {}, number);
  return el("tr", {}, el("td", {}, code), el("td", {}, meaning));
}

byId("open").addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  open(byId("open-number").value);
  byId("open").reset();
});
byId("which").addEventListener("change", () => choose(byId("which").value));
byId("previous").addEventListener("click", () => move(-1));
byId("next").addEventListener("click", () => move(1));
byId("more").addEventListener("click", () => {
  all = true;
  arrange();
});
byId("numbers-toggle").addEventListener("click", () => {
  const panel = byId("numbers");
  panel.hidden = !panel.hidden;
  byId("numbers-toggle").setAttribute("aria-expanded", String(!panel.hidden));
});
byId("pane-toggle").addEventListener("click", () => show(pane.hidden));
byId("pane-close").addEventListener("click", () => {
  show(false);
  byId("pane-toggle").focus();
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || pane.hidden) return;
  // Beside the phones it closes for who is in it; over them, for everybody.
  if (!pane.contains(document.activeElement) && !SHEET.matches) return;
  show(false);
  byId("pane-toggle").focus();
});

show(!SHEET.matches);
prepare();
follow("/", take, lamp(byId("lamp")));
