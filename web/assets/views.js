"use strict";
// Parts of the live page: health, close plan, the last scan, and the steps of orders.
(function () {
  const { words, $, won, signed, tone, fill, duration, cell, table, say, put, lines, draw } = window.haru;
  let ages = {};
  const units = words.language === "ko" ? ["초", "분"] : [" s", " min"];
  const short = (seconds) => (seconds < 60 ? `${seconds}${units[0]}` : seconds < 3600 ? `${Math.floor(seconds / 60)}${units[1]}` : duration(seconds));

  // The last price, with how long it has not changed. The age has a node of its own: it changes each second.
  window.haru.aged = (row) => {
    const made = cell(won(row.last), "number"), age = document.createElement("small");
    age.className = "soft age";
    age.dataset.age = row.id;
    age.textContent = ages[row.id] === undefined ? "" : fill(words.age, { age: short(ages[row.id]) });
    made.append(age);
    return made;
  };

  function stepList(steps) {
    const list = document.createElement("ol");
    list.className = "steps";
    steps.forEach((each) => {
      const item = document.createElement("li");
      item.className = each.done ? "done" : "";
      item.textContent = words.steps[each.name] + (each.ms === null ? "" : ` ${fill(words.ms, { ms: won(each.ms) })}`);
      list.append(item);
    });
    return list;
  }
  window.haru.steps = (row) => {
    const made = cell(row.steps.length ? "" : null);
    if (row.steps.length) made.append(stepList(row.steps));
    return made;
  };
  window.haru.flight = (order) => {
    const made = cell(order ? `${words.sides[order.side]} ${won(order.filled)}/${won(order.quantity)} @ ${order.limit === null ? words.market : won(order.limit)}` : null);
    if (order) made.append(stepList(order.steps));
    return made;
  };
  window.haru.run = (row) => {
    const made = cell(row.run ? "" : row.id);
    if (row.run && /^https?:\/\//.test(row.run)) {
      const link = document.createElement("a");
      Object.assign(link, { href: row.run, textContent: row.id, rel: "noreferrer", target: "_blank" });
      link.setAttribute("aria-label", `${row.id} · ${words.temporal_run}`);
      made.replaceChildren(link);
    }
    return made;
  };

  Object.assign(draw, {
    ages(found) {
      ages = found;
      document.querySelectorAll("[data-age]").forEach((node) => {
        const seconds = found[node.dataset.age];
        say(node, seconds === undefined ? "" : fill(words.age, { age: short(seconds) }));
      });
    },
    health(found) {
      put("rate", found.rate_slots ? fill(words.rate_of, found) : words.rate_none, found.rate_slots && found.rate_taken >= found.rate_slots ? "warn" : "");
      const alerts = [fill(words.alerts_of, found)];
      if (found.unsent) alerts.push(fill(words.unsent, found));
      if (found.unknown_orders) alerts.push(fill(words.unknown_orders, found));
      put("alerts", alerts.join(" · "), found.errors || found.unsent || found.unknown_orders ? "warn" : "");
      const verified = found.verified;
      put("verified", verified === null ? words.verified_never : fill(verified.violations ? words.verified_ill : words.verified_well, verified) + (verified.over ? "" : ` ${words.verified_running}`), verified && verified.violations ? "warn" : "");
      const hosts = fill(found.hosts_away ? words.hosts_away : words.hosts_of, found);
      put("hosts", found.watched === null ? hosts : `${hosts}, ${fill(words.watched, found)}`, found.hosts_away || !found.hosts ? "warn" : "");
    },
    close(found) {
      found.steps.forEach((each) => {
        const item = document.querySelector(`#close-steps [data-step="${each.name}"]`);
        item.className = each.done ? "done" : "";
        say(item.children[1], each.at);
        say(item.children[2], each.done ? words.close_done : fill(words.close_due, { duration: duration(each.seconds) }));
      });
      say($("close-now"), fill(words.close_now, found));
      const proof = $("close-proof");
      proof.className = found.proof === null ? "soft" : found.proof.flat ? "proven" : "level-error";
      say(proof, found.proof === null ? words.not_proven : fill(found.proof.flat ? words.flat : words.not_flat, { ...found.proof, held: found.held }));
      say($("close-because"), found.because);
      lines($("close-own"), found.own.map((each) => `${words.close_own}: ${each.stock} ${each.at} ${each.why}`));
    },
    scans(found) {
      say($("scans-of"), found.map((each) => fill(words.scan_of, { ...each, looked_at: won(each.looked_at) })).join(" · "));
      const rows = found.flatMap((scan) => scan.stocks.map((each) => ({ ...each, of: scan.strategies })));
      table("scans", rows, (row) => [cell([row.symbol, row.name].filter(Boolean).join(" ")), cell(won(row.price), "number"),
        cell(row.change === null ? null : `${signed(row.change)} %`, `number ${tone(row.change)}`), cell(row.is_candidate ? words.candidate : row.filter, row.is_candidate ? "active" : ""), cell(row.detail, "wide")],
      (row) => `${row.of}/${row.symbol}`);
    },
  });
})();
