"use strict";
// Commands: each is planned, confirmed and carried out once. Texts of the server are never markup.
(function () {
  const words = JSON.parse(document.getElementById("words").textContent);
  const $ = (id) => document.getElementById(id);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
  const made = (kind, text, about = {}) => Object.assign(document.createElement(kind), { textContent: text ?? "" }, about);
  const answer = $("answer");
  let timer = 0;

  function tell(lines, well) {
    answer.textContent = lines.join("\n");
    answer.dataset.well = String(well);
    answer.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(() => { answer.hidden = true; }, well ? 8000 : 30000);
  }
  const cause = (error) => (error instanceof TypeError ? words.no_answer : error.message);

  async function asked(path, about) {
    const reply = await fetch(`${path}${path.includes("?") ? "&" : "?"}lang=${words.language}`, about);
    const found = reply.headers.get("content-type")?.includes("json") ? await reply.json() : {};
    if (!reply.ok) throw Object.assign(new Error(found.error || `${words.refused} (${reply.status})`), { again: found.again });
    return found;
  }
  const send = (path, value) => asked(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value) });

  $("logout").addEventListener("click", async () => {
    try {
      location.assign((await send("logout", {})).to);
    } catch (error) {
      tell([cause(error)], false);
    }
  });
  if (!words.may_act) return;

  // One plan at a time: a later reply must not exchange the command that is read in the dialog.
  const dialog = $("confirm");
  let plan = null, planning = false;
  async function planned(value, asker) {
    if (planning || dialog.open) return "";
    planning = asker.disabled = true;
    try {
      plan = await send("plan", value);
      show();
      return "";
    } catch (error) {
      return cause(error);
    } finally {
      planning = asker.disabled = false;
    }
  }
  function show() {
    $("confirm-title").textContent = words.acts[plan.act] + (plan.worker === "all" ? "" : ` · ${plan.worker}`);
    $("confirm-text").textContent = words.does[plan.act];
    $("confirm-says").replaceChildren(...plan.says.map((each) => made("li", each)));
    $("confirm-stocks").replaceChildren(...plan.stocks.map((each) => made("li", each)));
    $("confirm-again").hidden = !plan.needs_password;
    $("confirm-password").value = "";
    $("confirm-password").required = plan.needs_password;
    const yes = $("confirm-yes");
    yes.textContent = plan.sells ? fill(words.sell_now, { count: plan.stocks.length }) : words.acts[plan.act];
    yes.className = plan.sells ? "sells" : "";
    yes.disabled = false;
    dialog.showModal();
  }
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-act]");
    if (!button) return;
    const error = await planned({ act: button.dataset.act, worker: button.dataset.worker || "all" }, button);
    if (error) tell([error], false);
  });
  $("confirm-no").addEventListener("click", () => dialog.close());
  $("confirm-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if ($("confirm-yes").disabled) return;
    $("confirm-yes").disabled = true;
    const doing = plan, password = $("confirm-password").value;
    dialog.close();
    tell([words.sent], true);
    try {
      const done = await send("act", { plan: doing.plan, ...(doing.needs_password ? { password } : {}) });
      tell(done.lines.length ? done.lines : [words.done], done.well);
      if (doing.act === "rules" && rules.open) {
        $("rules-error").textContent = answer.textContent;
        readRules();
      }
      waiting();
    } catch (error) {
      tell([cause(error)], false);
      if (error.again && !dialog.open && !planning) { plan = doing; show(); }
    }
    $("confirm-password").value = "";
  });

  // Rules: the values in force, and one change at a time.
  const rules = $("rules");
  let found = [];
  async function readRules() {
    const chosen = $("rules-worker").value;
    $("rules-state").textContent = "…";
    try {
      found = await asked("rules?worker=all");
      const names = ["all", ...found.map((each) => each.worker)];
      $("rules-worker").replaceChildren(...names.map((each) => made("option", each === "all" ? words.all_workers : each, { value: each, selected: each === chosen })));
      drawRules();
    } catch (error) {
      $("rules-state").textContent = cause(error);
    }
  }
  function drawRules() {
    const chosen = $("rules-worker").value, shown = found.filter((each) => chosen === "all" || each.worker === chosen);
    const silent = shown.filter((each) => each.version === null).map((each) => each.worker);
    $("rules-state").textContent = silent.length ? `${silent.join(", ")}: ${words.no_answer_rules}` : "";
    const names = [...new Set(shown.flatMap((each) => each.rules.map((rule) => rule.name)))];
    $("rules-names").replaceChildren(...names.map((each) => made("option", "", { value: each })));
    $("rules-table").tBodies[0].replaceChildren(...names.map((name) => {
      const row = document.createElement("tr"), same = new Map();
      shown.forEach((each) => {
        const rule = each.rules.find((one) => one.name === name);
        const text = rule ? [rule.value || "–", rule.held === undefined ? "" : `(${fill(words.held_value, rule)})`].filter(Boolean).join(" ") : "–";
        same.set(text, { rule, workers: [...(same.get(text)?.workers || []), each.worker] });
      });
      const many = same.size > 1, first = [...same.values()][0]?.rule || {};
      const values = [...same].map(([text, { workers }]) => (many ? `${text} · ${workers.join(", ")}` : text));
      const choose = made("button", name, { type: "button", className: "stock" });
      choose.addEventListener("click", () => { $("rules-name").value = name; $("rules-value").value = first.value || ""; $("rules-value").focus(); });
      const cell = document.createElement("td");
      cell.append(choose);
      row.append(cell, made("td", values.join("\n"), { className: "lines" }), made("td", first.source), made("td", first.bounds));
      return row;
    }));
  }
  $("rules-open").addEventListener("click", () => { $("rules-error").textContent = ""; rules.showModal(); readRules(); });
  $("rules-close").addEventListener("click", () => rules.close());
  $("rules-worker").addEventListener("change", drawRules);
  $("rules-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const value = { act: "rules", worker: $("rules-worker").value || "all", rule: $("rules-name").value, value: $("rules-value").value };
    $("rules-error").textContent = value.rule.trim() ? await planned(value, $("rules-plan")) : words.needs_text;
  });

  // Orders that wait for a decision.
  const decide = $("decide");
  let deciding = {};
  const FIELDS = { adopt: ["number", "branch", "reason"], dismiss: ["reason"], "foreign-orders accept": ["reason"] };
  const side = (name) => words.sides[name] || name;
  async function waiting() {
    let orders;
    try {
      orders = await asked("decisions");
    } catch {
      return; // the warnings of the page say what is away
    }
    const rows = orders.quarantined.map((each) => decision(`${each.worker} · ${side(each.side)} ${each.symbol} · ${fill(words.shares, each)} · ${each.intent_id}`, [["adopt", { intent: each.intent_id }], ["dismiss", { intent: each.intent_id }]]));
    rows.push(...orders.foreign.map((each) => decision(`${words.of_another_program}: ${each.number} · ${side(each.side)} ${each.symbol} · ${fill(words.shares, each)}`, [["foreign-orders accept", { number: each.number }]])));
    const text = JSON.stringify(orders), section = $("decisions");
    section.hidden = rows.length === 0;
    if (section.dataset.text !== text) {
      section.dataset.text = text;
      section.querySelector("tbody").replaceChildren(...rows);
    }
  }
  function decision(about, acts) {
    const row = document.createElement("tr"), cell = document.createElement("td"), group = made("div", "", { className: "acts" });
    group.append(...acts.map(([act, given]) => {
      const button = made("button", words.acts[act], { type: "button" });
      button.setAttribute("aria-label", `${words.acts[act]} · ${about}`);
      button.addEventListener("click", () => {
        deciding = { act, given };
        $("decide-title").textContent = words.acts[act];
        $("decide-about").textContent = about;
        decide.querySelectorAll("[data-field]").forEach((each) => {
          each.hidden = !FIELDS[act].includes(each.dataset.field);
          each.querySelector("input").required = !each.hidden;
          each.querySelector("input").value = "";
        });
        decide.showModal();
      });
      return button;
    }));
    cell.append(group);
    row.append(made("td", about, { className: "wide" }), cell);
    return row;
  }
  $("decide-no").addEventListener("click", () => decide.close());
  $("decide-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(FIELDS[deciding.act].map((name) => [name, $(`decide-${name}`).value]));
    decide.close();
    const error = await planned({ act: deciding.act, ...deciding.given, ...values }, $("decide-yes"));
    if (error) tell([error], false);
  });
  waiting();
  setInterval(waiting, 10000);
})();
