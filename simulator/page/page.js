// The control page: polls /control/view and sends changes to the control API. Texts of the server are never markup.
import { WORDS } from "./words.js";

const EVERY = 1000;
const $ = (id) => document.getElementById(id);
const asked = { symbol: "", account: "", search: "" };
let language = new URLSearchParams(location.search).get("lang") || (navigator.language.startsWith("ko") ? "ko" : "en");
let token = "";
let shown = null;
let polls = 0;

const word = (key) => (WORDS[language] || WORDS.en)[key] ?? key;
const number = (value) => value.toLocaleString("en-US");

function speak() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  $("language").textContent = word("language");
  if (shown) draw(shown);
}

function say(text) {
  $("message").textContent = text;
  $("message").hidden = !text;
}

async function call(method, path, body) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  if (body !== undefined) headers["content-type"] = "application/json";
  const reply = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (reply.status === 401) {
    $("token-form").hidden = false;
    throw new Error(word("wants-token"));
  }
  const value = await reply.json();
  if (!reply.ok) throw new Error(value.message || value.error || String(reply.status));
  return value;
}

async function look() {
  const poll = ++polls;
  const value = await call("GET", `view?${new URLSearchParams(asked)}`);
  if (poll !== polls) return; // a newer one is on its way
  $("token-form").hidden = true;
  shown = value;
  draw(value);
}

async function change(method, path, body) {
  try {
    await call(method, path, body);
    say("");
    await look();
  } catch (error) {
    say(error instanceof TypeError ? word("lost") : error.message);
  }
}

async function keepLooking() {
  try {
    if (!document.hidden) {
      const wasLost = $("message").textContent === word("lost") || $("message").textContent === word("wants-token");
      await look();
      if (wasLost) say("");
    }
  } catch (error) {
    say(error instanceof TypeError ? word("lost") : error.message);
  }
  setTimeout(keepLooking, EVERY);
}

function cell(value, className) {
  const td = document.createElement("td");
  if (value instanceof Node) td.append(value);
  else td.textContent = value;
  if (className) td.className = className;
  return td;
}

function fill(body, rows) {
  const columns = body.parentNode.tHead.rows[0].cells.length;
  const nothing = document.createElement("tr");
  nothing.append(Object.assign(cell(word("none"), "faint"), { colSpan: columns }));
  body.replaceChildren(...(rows.length ? rows : [nothing]));
}

function row(...cells) {
  const tr = document.createElement("tr");
  tr.append(...cells);
  return tr;
}

const way = (change) => (change > 0 ? "number up" : change < 0 ? "number down" : "number");

function draw(value) {
  const [day, rest] = value.market_time.split("T");
  $("time").textContent = `${day} ${rest.slice(0, 8)} KST`;
  $("phase").textContent = word(value.phase);
  $("pace").textContent = value.speed ? `${number(value.speed)} ${word("times-real")}` : word("paused");
  $("pause").disabled = !value.speed;
  drawStocks(value);
  drawBook(value.stock);
  drawAccount(value);
  drawFaults(value);
  fill($("unknown"), value.not_served.map((each) => row(
    cell(each.environment), cell(`${each.method} ${each.path}`), cell(each.tr_id), cell(number(each.count), "number"),
    cell(`${each.msg_cd}: ${each.reason}`))));
}

function drawStocks(value) {
  const focused = document.activeElement?.dataset?.symbol;
  fill($("stocks"), value.stocks.map((each) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: each.symbol });
    button.dataset.symbol = each.symbol;
    const percent = each.base ? (each.change / each.base * 100).toFixed(2) : "0.00";
    const tr = row(cell(button), cell(each.name), cell(number(each.price), way(each.change)),
      cell(`${percent} %`, way(each.change)), cell(number(each.volume), "number"), cell(each.flags.join(", "), "faint"));
    tr.setAttribute("aria-selected", each.symbol === value.stock.symbol);
    return tr;
  }));
  if (focused) document.querySelector(`button[data-symbol="${CSS.escape(focused)}"]`)?.focus();
  $("found").textContent = `${number(value.stocks.length)} / ${number(value.found)} ${word("stocks-found")}`;
}

function drawBook(stock) {
  asked.symbol = stock.symbol;
  $("chosen").textContent = `${stock.symbol} ${stock.name}`;
  const asks = [...stock.asks].reverse().map(([price, size]) =>
    row(cell(number(size), "number"), cell(number(price), way(price - stock.base)), cell("")));
  const bids = stock.bids.map(([price, size]) =>
    row(cell(""), cell(number(price), way(price - stock.base)), cell(number(size), "number")));
  fill($("levels"), [...asks, ...bids]);
  $("price").placeholder = String(stock.price);
  for (const box of document.querySelectorAll("[data-condition]")) box.checked = stock[box.dataset.condition];
}

function choose(select, values, chosen) {
  const now = [...select.options].map((option) => option.value);
  if (now.join() !== values.join()) select.replaceChildren(...values.map((each) => new Option(each, each)));
  if (chosen !== undefined) select.value = chosen;
}

function drawAccount(value) {
  const account = value.account;
  choose($("account"), value.accounts, account?.id ?? "");
  $("cash").textContent = account
    ? `${word("cash")} ${number(account.cash)} (${word("free")} ${number(account.free_cash)})` : word("no-account");
  fill($("holdings"), (account?.holdings ?? []).map((held) => row(
    cell(held.symbol), cell(number(held.quantity), "number"), cell(number(held.cost), "number"))));
  fill($("orders"), (account?.orders ?? []).map((order) => row(
    cell(order.at), cell(order.number), cell(order.symbol),
    cell(word(order.side) + (order.action === "new" ? "" : ` ${word(order.action)}`), order.side === "buy" ? "up" : "down"),
    cell(order.price ? number(order.price) : "–", "number"), cell(number(order.quantity), "number"),
    cell(number(order.filled), "number"), cell(number(order.remaining), "number"))));
}

function drawFaults(value) {
  choose($("kind"), value.fault_kinds);
  fill($("rules"), value.faults.map((rule) => row(
    cell(rule.id), cell(rule.kind), cell([rule.path, rule.tr_id, rule.side, rule.symbol].filter(Boolean).join(" ")),
    cell(number(rule.count), "number"), cell(number(rule.hits), "number"))));
}

const on = (id, event, act) => $(id).addEventListener(event, (happened) => {
  happened.preventDefault();
  act();
});

on("language", "click", () => { language = language === "ko" ? "en" : "ko"; speak(); });
on("token-form", "submit", () => { token = $("token").value.trim(); $("token").value = ""; change("GET", "faults"); });
on("pause", "click", () => change("POST", "clock", { speed: 0 }));
on("run", "click", () => change("POST", "clock", { speed: Number($("speed").value) }));
on("jump", "click", () => change("POST", "clock", { set: $("jump-time").value }));
on("search", "input", () => { asked.search = $("search").value; look().catch(() => {}); });
on("account", "change", () => { asked.account = $("account").value; look().catch(() => {}); });
on("price-form", "submit", () => change("POST", "prices", { symbol: asked.symbol, price: Number($("price").value) }));
on("seeded", "click", () => change("POST", "prices", { symbol: asked.symbol, price: null }));
on("clear", "click", () => change("DELETE", "faults"));
on("fault-form", "submit", () => change("POST", "faults", {
  kind: $("kind").value, path: $("path").value.trim(), count: Number($("count").value), seconds: Number($("seconds").value)
}));
$("stocks").addEventListener("click", (happened) => {
  const symbol = happened.target.closest("tr")?.querySelector("button")?.dataset.symbol;
  if (symbol) { asked.symbol = symbol; look().catch(() => {}); }
});
for (const button of document.querySelectorAll("[data-advance]"))
  button.addEventListener("click", () => change("POST", "clock", { advance: Number(button.dataset.advance) }));
for (const box of document.querySelectorAll("[data-condition]"))
  box.addEventListener("change", () => change("POST", "symbols", { symbol: asked.symbol, [box.dataset.condition]: box.checked }));

speak();
keepLooking();
