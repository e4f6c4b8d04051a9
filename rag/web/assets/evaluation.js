// The evaluation pages: forms that say what came of them, a run that is watched, times as the reader's clock has them.
(() => {
  "use strict";
  const { _, actions, ask_server, $ } = window.yuanwen;

  for (const time of document.querySelectorAll("time[datetime]")) {
    time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form.yw-send");
    if (!form) return;
    event.preventDefault();
    if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) return;
    const buttons = [...form.querySelectorAll("button")];
    const said = $(".yw-said", form);
    const say = (text, bad) => {
      const line = document.createElement("p");
      line.textContent = text;
      if (bad) line.className = "yw-problem";
      said.append(line);
    };
    for (const button of buttons) button.disabled = true;
    said.textContent = _("请稍候…");
    try {
      const reply = await ask_server(form.getAttribute("action"), { method: "POST", body: new FormData(form) });
      const found = await reply.json();
      if (found.reload) { location.reload(); return; }
      said.replaceChildren();
      say(found.said);
      for (const line of found.lines) say(line, true);
      form.dispatchEvent(new CustomEvent("yw-done", { bubbles: true }));
    } catch (error) {
      said.replaceChildren();
      say(error.message, true);
    }
    for (const button of buttons) button.disabled = false;
  });

  // An accepted question folds up; a skipped one goes.
  document.addEventListener("yw-done", (event) => {
    const card = event.target.closest(".yw-draft");
    if (card) card.replaceChildren($(".yw-said", card));
    else if (event.target.querySelector("input[type=file]")) offer_reload(event.target);
  });
  function offer_reload(form) {
    const link = document.createElement("a");
    link.href = "evaluation";
    link.textContent = _("刷新本页");
    $(".yw-said", form).append(link);
  }
  actions.skip = async (query) => { $(`#yw-draft-${new URLSearchParams(query).get("n")}`).remove(); };

  // -- the run under way -------------------------------------------------------------------------------------------
  const now = $("#yw-eval-now");
  async function watch() {
    let html;
    try { html = await (await ask_server("evaluation/progress")).text(); } catch { return; } // tried again in a second
    if (!html) { location.reload(); return; }
    const fresh = document.createElement("div");
    fresh.innerHTML = html;
    if (Boolean($("form", fresh)) !== Boolean($("form", now))) { now.innerHTML = html; return; }
    $("p", now).textContent = $("p", fresh).textContent; // not the whole: the button keeps its focus
    for (const name of ["value", "max"]) {
      const value = $("progress", fresh).getAttribute(name);
      if (value !== null) $("progress", now).setAttribute(name, value);
    }
  }
  if (now && now.childElementCount) setInterval(watch, 1000);
})();
