"use strict";
// The page: server-sent events fill the tables. Commands are in commands.js. Texts of the server are never markup.
(function () {
  const words = JSON.parse(document.getElementById("words").textContent);
  const LOST_AFTER = 2500;
  const $ = (id) => document.getElementById(id);
  const won = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en-US").replace("-", "−"));
  const signed = (value) => (value > 0 ? "+" : "") + won(value);
  const tone = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));

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
          const focused = before.contains(document.activeElement) ? [...before.querySelectorAll("button")].indexOf(document.activeElement) : -1;
          before.replaceWith(made);
          if (focused >= 0) made.querySelectorAll("button")[focused]?.focus();
        }
      }
      if (body.children[place] !== made) body.insertBefore(made, body.children[place] || null);
    });
    known.forEach((row) => row.remove());
    const empty = document.querySelector(`[data-empty="${id}"]`);
    if (empty) empty.hidden = rows.length > 0;
  }

  function button(text, act, worker, sells) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.dataset.act = act;
    made.dataset.worker = worker;
    made.setAttribute("aria-label", `${text} · ${worker}`);
    if (sells) made.className = "sells";
    return made;
  }

  const put = (id, text, kind) => {
    const node = $(id);
    if (node.textContent !== text) node.textContent = text;
    node.className = ["figures", kind].filter(Boolean).join(" ");
  };
  const duration = (seconds) => [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map((each, place) => (place ? String(each).padStart(2, "0") : each)).join(":");

  const draw = {
    head(head) {
      const environment = $("environment");
      environment.textContent = words.environments[head.environment] || head.environment;
      environment.dataset.of = head.environment;
      document.title = `${signed(head.realised + head.unrealised)} · Haru ${head.environment}`;
      $("time").textContent = `${head.date} ${head.time} KST` + (head.speed > 1 ? ` ×${head.speed}` : "");
      $("phase").textContent = head.phase;
      put("realised", `${signed(head.realised)} ${words.won}`, tone(head.realised));
      put("unrealised", `${signed(head.unrealised)} ${words.won}`, tone(head.unrealised));
      put("held", fill(words.held_of, head));
      put("entries", head.kill_switch ? words.kill_switch_on : head.shut.length ? head.shut.join(" · ") : fill(words.entries_until, head));
      put("sale", head.seconds_to_sale ? `${head.sale_from} (−${duration(head.seconds_to_sale)})` : head.sale_from);
      put("prices", head.stream ? fill(words.streamed, head) : words.no_stream);
      const temporal = $("temporal");
      temporal.hidden = !head.temporal;
      if (head.temporal && /^https?:\/\//.test(head.temporal)) temporal.href = head.temporal;
    },
    limits(limits) {
      $("limits").replaceChildren(...limits.map((each) => {
        const box = document.createElement("div"), name = document.createElement("dt"), left = document.createElement("dd");
        name.textContent = words.limits[each.name];
        left.textContent = won(each.left) + (each.limit === null ? "" : ` / ${won(each.limit)}`) + ` ${words.won}`;
        box.append(name, left);
        return box;
      }));
    },
    warnings(lines) {
      const list = $("warnings");
      while (list.children.length > lines.length) list.lastChild.remove();
      lines.forEach((line, place) => {
        const item = list.children[place] || list.appendChild(document.createElement("li"));
        if (item.textContent !== line) item.textContent = line;
      });
    },
    positions(rows) {
      table("positions", rows, (row) => {
        const stock = cell(""), open = document.createElement("button");
        Object.assign(open, { type: "button", className: "stock", textContent: `${row.symbol} ${row.name}` });
        open.dataset.position = row.id;
        stock.replaceChildren(open);
        const near = row.nearest ? `${words.rules[row.nearest.rule]} ${won(row.nearest.price)} (${signed(row.nearest.percent)} %)` : "–";
        return [stock, cell(won(row.quantity), "number"), cell(won(row.entry), "number"), cell(won(row.last), "number"),
          cell(`${signed(row.unrealised)} (${signed(row.percent)} %)`, `number ${tone(row.unrealised)}`), cell(near), cell(row.sale_from), cell(row.order), cell(row.worker)];
      }, (row) => row.id);
    },
    workers(rows) {
      table("workers", rows, (row) => {
        const cells = [cell(row.id), cell(row.paused ? `${row.said} (${words.paused})` : row.said), cell([row.symbol, row.name].filter(Boolean).join(" ")),
          cell(signed(row.realised), `number ${tone(row.realised)}`), cell(row.trades, "number"), cell([row.at, row.event].filter(Boolean).join(" "), "wide")];
        if (words.may_act) {
          const acts = cell(""), group = document.createElement("div");
          group.className = "acts";
          const [first, second] = row.paused ? ["resume", "liquidate"] : ["pause", "liquidate"];
          group.append(button(words.acts[first], first, row.id, false), button(words.acts[second], second, row.id, true));
          acts.replaceChildren(group);
          cells.push(acts);
        }
        return cells;
      }, (row) => row.id);
    },
    orders(rows) {
      table("orders", rows, (row) => [cell(row.at), cell(row.symbol), cell(words.sides[row.side], row.side === "buy" ? "gain" : "loss"), cell(won(row.quantity), "number"),
        cell(row.limit === null ? words.market : won(row.limit), "number"), cell(row.average === null ? won(row.filled) : `${won(row.filled)} × ${won(row.average)}`, "number"),
        cell(row.status, row.active ? "active" : ""), cell([row.reason, row.reply].filter(Boolean).join(" · "), "wide"), cell(row.worker)], (row) => row.id);
    },
    incidents(rows) {
      table("incidents", rows, (row) => [cell(row.at), cell(row.kind, `level-${row.level}`), cell(row.symbol), cell(row.detail, "wide")], (row, place) => `${rows.length - place}/${row.at}/${row.kind}/${row.symbol}`);
    },
  };

  // The stream. A server that ends, or a machine that sleeps, shows within seconds.
  let heard = Date.now();
  const stream = new EventSource(`live?lang=${words.language}`);
  // The count is apart from the sentence, so that a screen reader says the sentence once.
  const lost = (text, seconds) => {
    $("lost").hidden = !text;
    if ($("lost-text").textContent !== text) $("lost-text").textContent = text;
    $("lost-for").textContent = seconds ? fill(words.lost_for, { seconds }) : "";
    document.body.classList.toggle("stale", Boolean(text));
  };
  stream.addEventListener("parts", (event) => {
    heard = Date.now();
    lost("");
    Object.entries(JSON.parse(event.data)).forEach(([name, part]) => draw[name] && draw[name](part));
  });
  stream.addEventListener("trouble", (event) => lost(`${words.not_read}: ${JSON.parse(event.data)}`));
  setInterval(() => {
    const silent = Date.now() - heard;
    if (silent > LOST_AFTER) lost(stream.readyState === EventSource.CLOSED ? words.ended : words.lost, Math.round(silent / 1000));
  }, 500);

  // The chart of a position, again every five seconds while it is shown.
  let shown = "";
  async function chart() {
    if (!shown) return;
    const box = $("chart"), asked = shown, reply = await fetch(`positions/${encodeURIComponent(asked)}`).catch(() => null);
    if (!reply || reply.status === 503 || asked !== shown) return;
    box.hidden = !reply.ok;
    if (!reply.ok) { shown = ""; return; }
    const found = await reply.json(), title = document.createElement("h3"), levels = document.createElement("p");
    title.textContent = `${found.symbol} ${found.name}`;
    levels.className = "soft";
    levels.textContent = Object.entries(found.levels).map(([name, price]) => `${words.rules[name]} ${won(price)}`).join(" · ");
    box.replaceChildren(title, window.haruChart(found, title.textContent), levels);
  }
  document.addEventListener("click", (event) => {
    const asked = event.target.closest("button[data-position]");
    if (!asked) return;
    shown = shown === asked.dataset.position ? "" : asked.dataset.position;
    $("chart").hidden = !shown;
    chart();
  });
  setInterval(chart, 5000);
})();
