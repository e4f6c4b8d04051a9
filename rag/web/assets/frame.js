// The compact page in a portal's frame. Its identity is a token from the portal: by message, or in the fragment, which
// no server and no log ever sees. Nothing is stored, so no cookie of a third party is needed.
(() => {
  "use strict";
  const { _, identity, ask_server, $ } = window.yuanwen;
  const asked = new URLSearchParams(location.search);
  const documents = asked.getAll("doc").filter(Boolean);
  const portals = $('meta[name="yuanwen-portals"]').content.split(" ").filter(Boolean);
  const [form, box, send, log] = [$("#yw-form"), $("#yw-question textarea"), $("#yw-send"), $("#yw-log")];
  const framed = window.parent !== window;
  let [number, before, arrived] = [0, "", null];

  if (documents.length) $("#yw-where").textContent = _("只在“{documents}”中查找", { documents: documents.join(_("、")) });

  // -- identity ------------------------------------------------------------------------------------------------
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (fragment.get("token")) {
    identity.token = fragment.get("token");
    history.replaceState(null, "", location.pathname + location.search);
  }

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || ![location.origin, ...portals].includes(event.origin)) return;
    if (!event.data || event.data.yuanwen !== "token" || typeof event.data.token !== "string") return;
    if (event.data.token) identity.token = event.data.token;
    if (arrived) arrived(Boolean(event.data.token));
  });

  // Asks the portal's script for a token; false when none comes.
  function request(what) {
    if (!framed) return Promise.resolve(false);
    return new Promise((done) => {
      const late = setTimeout(() => done(false), 4000);
      arrived = (good) => { clearTimeout(late); arrived = null; done(good); };
      window.parent.postMessage({ yuanwen: what }, "*"); // says nothing that anyone may not know
    });
  }
  identity.renew = () => request("token-expired");

  // -- asking --------------------------------------------------------------------------------------------------
  async function ask(question) {
    const turn = document.createElement("article");
    turn.innerHTML = `<div class="yw-asked"></div><div class="yw-reply yw-waiting">${_("正在查找原文…")}</div>`;
    turn.firstChild.textContent = question;
    const hello = $("#yw-hello");
    if (hello) hello.remove();
    log.append(turn);
    turn.scrollIntoView({ block: "start" });
    send.disabled = true;
    try {
      const reply = await ask_server("turn", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ question, before, documents, number: ++number }),
      });
      const found = await reply.json(); // encoded by the server, character by character
      turn.innerHTML = `${found.asked}<div class="yw-reply">${found.reply}</div>${found.cards}`;
      turn.querySelectorAll(".yw-card").forEach((card, at) => { card.open = at === 0; });
      before = question.replace(/^\u3000/, "");
    } catch (error) {
      turn.lastChild.className = "yw-reply yw-problem";
      turn.lastChild.setAttribute("role", "alert");
      turn.lastChild.textContent = error.message;
      if (!box.value) box.value = question; // nothing that was typed is lost
    }
    send.disabled = false;
    turn.scrollIntoView({ block: "start" });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const question = box.value;
    if (!question.trim() || send.disabled) return;
    box.value = "";
    ask(question);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && framed && !document.querySelector("dialog[open]")) {
      window.parent.postMessage({ yuanwen: "close" }, "*");
    }
  });

  (async () => {
    if (!identity.token) await request("ready");
    if (asked.get("q")) ask(asked.get("q").slice(0, 2000));
    else if (!framed) box.focus();
  })();
})();
