"use strict";
// What every view shares: words, cells and tables, and the stream of server-sent events. Texts of the server are never markup.
window.haru = (function () {
  const words = JSON.parse(document.getElementById("words").textContent), up = document.currentScript.dataset.up;
  const LOST_AFTER = 2500;
  const $ = (id) => document.getElementById(id);
  const won = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en-US").replace("-", "−"));
  const signed = (value) => (value > 0 ? "+" : "") + won(value);
  const tone = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
  const duration = (seconds) => [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map((each, place) => (place ? String(each).padStart(2, "0") : each)).join(":");

  function cell(text, kind) {
    const made = document.createElement("td");
    made.textContent = text === null || text === undefined ? "–" : String(text);
    if (kind) made.className = kind;
    return made;
  }

  // Rows are kept by their id, so that focus and scrolling stay where they are.
  function table(id, rows, cellsOf, keyOf) {
    const body = document.querySelector(`#${id} tbody`), known = new Map([...body.children].map((row) => [row.dataset.key, row]));
    rows.forEach((row, place) => {
      const key = keyOf(row, place), before = known.get(key), text = JSON.stringify(row);
      known.delete(key);
      let made = before;
      if (!before || before.dataset.text !== text) {
        made = document.createElement("tr");
        made.dataset.key = key;
        made.dataset.text = text;
        made.append(...cellsOf(row));
        if (before) {
          const places = "button, a", focused = before.contains(document.activeElement) ? [...before.querySelectorAll(places)].indexOf(document.activeElement) : -1;
          before.replaceWith(made);
          if (focused >= 0) made.querySelectorAll(places)[focused]?.focus();
        }
      }
      if (body.children[place] !== made) body.insertBefore(made, body.children[place] || null);
    });
    known.forEach((row) => row.remove());
    const empty = document.querySelector(`[data-empty="${id}"]`);
    if (empty) empty.hidden = rows.length > 0;
  }

  const say = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const put = (id, text, kind) => {
    const node = $(id);
    say(node, text);
    node.className = ["figures", kind].filter(Boolean).join(" ");
  };

  // A list of lines keeps its nodes, so that a screen reader reads only what is new.
  function lines(list, texts) {
    while (list.children.length > texts.length) list.lastChild.remove();
    texts.forEach((text, place) => say(list.children[place] || list.appendChild(document.createElement("li")), text));
  }

  const draw = {};
  const shared = {
    head(head) {
      const environment = $("environment");
      say(environment, words.environments[head.environment] || head.environment);
      environment.dataset.of = head.environment;
      say($("time"), `${head.date} ${head.time} KST` + (head.speed > 1 ? ` ×${head.speed}` : ""));
      say($("phase"), head.phase);
    },
    warnings(texts) { lines($("warnings"), texts); },
  };

  // The stream. A server that ends, or a machine that sleeps, shows within seconds.
  // The count is apart from the sentence, so that a screen reader says the sentence once.
  function lost(text, seconds) {
    $("lost").hidden = !text;
    say($("lost-text"), text);
    $("lost-for").textContent = seconds ? fill(words.lost_for, { seconds }) : "";
    document.body.classList.toggle("stale", Boolean(text));
  }
  function start() {
    let heard = Date.now();
    const stream = new EventSource(`${up}live?lang=${words.language}` + (Object.keys(draw).length ? "" : "&parts=shared"));
    stream.addEventListener("parts", (event) => {
      heard = Date.now();
      lost("");
      Object.entries(JSON.parse(event.data)).forEach(([name, part]) => [shared, draw].forEach((each) => each[name] && each[name](part)));
    });
    stream.addEventListener("trouble", (event) => lost(`${words.not_read}: ${JSON.parse(event.data)}`));
    setInterval(() => {
      const silent = Date.now() - heard;
      if (silent > LOST_AFTER) lost(stream.readyState === EventSource.CLOSED ? words.ended : words.lost, Math.round(silent / 1000));
    }, 500);
  }
  document.addEventListener("DOMContentLoaded", start);
  return { words, up, $, won, signed, tone, fill, duration, cell, table, say, put, lines, draw };
})();
