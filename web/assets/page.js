"use strict";
// The page: server-sent events fill the tables. Commands are in commands.js. Texts of the server are never markup.
(function () {
  const { words, $, won, signed, tone, fill, duration, cell, table, put } = window.haru;

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

  Object.assign(window.haru.draw, {
    head(head) {
      document.title = `${signed(head.realised + head.unrealised)} · Haru ${head.environment}`;
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
    positions(rows) {
      table("positions", rows, (row) => {
        const stock = cell(""), open = document.createElement("button");
        Object.assign(open, { type: "button", className: "stock", textContent: `${row.symbol} ${row.name}` });
        open.dataset.position = row.id;
        stock.replaceChildren(open);
        const near = row.nearest ? `${words.legend[row.nearest.rule]} ${won(row.nearest.price)} (${signed(row.nearest.won)} ${words.won}, ${signed(row.nearest.percent)} %)` : "–";
        return [stock, cell(won(row.quantity), "number"), cell(won(row.entry), "number"), window.haru.aged(row), cell(`${signed(row.unrealised)} (${signed(row.percent)} %)`, `number ${tone(row.unrealised)}`), cell(near), cell(row.sale_from), window.haru.flight(row.order), cell(row.worker)];
      }, (row) => row.id);
    },
    workers(rows) {
      table("workers", rows, (row) => {
        const cells = [window.haru.run(row), cell(row.paused ? `${row.said} (${words.paused})` : row.said), cell([row.symbol, row.name].filter(Boolean).join(" ")),
          cell(signed(row.realised), `number ${tone(row.realised)}`), cell(row.trades, "number"), cell(fill(words.left_of, { loss: won(row.loss_left), trades: row.trades_left }), "number"), cell([row.at, row.event].filter(Boolean).join(" "), "wide")];
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
        cell(row.status, row.active ? "active" : ""), window.haru.steps(row), cell([row.reason, row.reply].filter(Boolean).join(" · "), "wide"), cell(row.worker)], (row) => row.id);
    },
    incidents(rows) {
      table("incidents", rows, (row) => [cell(row.at), cell(row.kind, `level-${row.level}`), cell(row.symbol), cell(row.detail, "wide")], (row, place) => `${rows.length - place}/${row.at}/${row.kind}/${row.symbol}`);
    },
  });

})();
