"use strict";
// The login of a page that other machines reach: password and code go to the server, nothing is kept here.
(function () {
  const words = JSON.parse(document.getElementById("words").textContent);
  const $ = (id) => document.getElementById(id);
  $("login").addEventListener("submit", async (event) => {
    event.preventDefault();
    $("enter").disabled = true;
    $("error").textContent = "";
    try {
      const body = JSON.stringify({ password: $("password").value, code: $("code").value.replaceAll(" ", "") });
      const reply = await fetch(`/login?lang=${words.language}`, { method: "POST", headers: { "content-type": "application/json" }, body });
      const found = reply.headers.get("content-type")?.includes("json") ? await reply.json() : {};
      if (reply.ok) {
        location.assign(found.to);
        return;
      }
      $("error").textContent = found.error || `${words.refused} (${reply.status})`;
    } catch {
      $("error").textContent = words.no_answer;
    }
    $("code").value = "";
    $("enter").disabled = false;
  });
})();
