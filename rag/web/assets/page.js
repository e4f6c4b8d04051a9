// What the page does beside Gradio: citations, copying, the source view. No library, no eval, no other host.
(() => {
  "use strict";
  // messages.js, loaded before, gives the messages in the language of the page; the code holds the Chinese ones
  const { language, tag, messages } = window.yuanwenMessages;
  const _ = (text, values = {}) => (messages[text] || text).replace(/\{(\w+)\}/g, (all, name) => String(values[name]));
  document.documentElement.lang = tag;
  const here = document.currentScript.src; // …/page/page.js, under whatever sub-path
  const at = (path) => new URL(path, here).href;
  const $ = (selector, root = document) => root.querySelector(selector);

  // -- saying what happened ------------------------------------------------------------------------------------
  let toastTimer = 0;
  function toast(text, bad = false) {
    let box = $("#yw-toast");
    if (!box) {
      box = document.createElement("div");
      box.id = "yw-toast";
      box.setAttribute("role", "status");
    }
    (document.querySelector("dialog[open]") || document.body).append(box);
    box.textContent = text;
    box.className = bad ? "yw-shown yw-bad" : "yw-shown";
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { box.className = ""; }, bad ? 6000 : 2500);
  }

  // In a portal's frame: the portal's token, and how to get a fresh one. Kept in memory only.
  const identity = { token: "", renew: null };

  async function ask_server(path, options = {}, again = true) {
    const headers = { "X-Yuanwen-Language": language, ...options.headers, ...(identity.token && { Authorization: `Bearer ${identity.token}` }) };
    let reply;
    try {
      reply = await fetch(at(path), { ...options, headers });
    } catch {
      throw new Error(_("连不上服务，请检查网络后再试。"));
    }
    if (!reply.ok) {
      const problem = await reply.json().catch(() => ({}));
      // unauthorized: a slow portal's first token had not come yet
      const stale = problem.code === "token-expired" || (problem.code === "unauthorized" && !headers.Authorization);
      if (again && stale && identity.renew && await identity.renew()) {
        return ask_server(path, options, false);
      }
      throw new Error(problem.detail || _("服务答复 {status}，请稍后再试。", { status: reply.status }));
    }
    return reply;
  }

  // -- copying: the clipboard interface needs HTTPS, which an intranet may not have --------------------------------
  async function copy(text) {
    if (navigator.clipboard && window.isSecureContext) {
      try { await navigator.clipboard.writeText(text); return; } catch { /* not permitted: the old way */ }
    }
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "yw-offscreen";
    const home = document.querySelector("dialog[open]") || document.body;
    const focused = document.activeElement;
    home.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (focused) focused.focus({ preventScroll: true });
    if (!done) throw new Error(_("浏览器不允许复制，请选中文字后按 Ctrl+C。"));
  }

  // -- citations ---------------------------------------------------------------------------------------------------
  function reveal(id) {
    const card = document.getElementById(id);
    if (!card) { toast(_("这条摘录已不在页面上。"), true); return; }
    for (let box = card; box; box = box.parentElement) if (box.tagName === "DETAILS") box.open = true;
    card.setAttribute("tabindex", "-1");
    card.scrollIntoView({ block: "start", behavior: calm() ? "auto" : "smooth" });
    card.focus({ preventScroll: true });
    card.classList.remove("yw-flash");
    void card.offsetWidth; // restarts the animation
    card.classList.add("yw-flash");
  }
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  // -- the source view ---------------------------------------------------------------------------------------------
  function dialog(id, label) {
    let box = document.getElementById(id);
    if (!box) {
      box = document.createElement("dialog");
      box.id = id;
      box.setAttribute("aria-label", label);
      box.innerHTML = `<button type="button" class="yw-act yw-close" value="close" aria-label="${_("关闭")}">✕</button>`
        + '<div class="yw-dialog-body"></div>';
      box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
      document.body.append(box);
    }
    return box;
  }

  async function open_source(query) {
    const box = dialog("yw-source", _("查看原文"));
    const body = $(".yw-dialog-body", box);
    body.innerHTML = `<p class="yw-waiting">${_("正在打开原文…")}</p>`;
    body.className = "yw-dialog-body yw-source";
    if (!box.open) box.showModal();
    try {
      const reply = await ask_server(`source?${query}`, { headers: { "X-Yuanwen-Fragment": "1" } });
      body.innerHTML = await reply.text(); // encoded by the server, character by character
      const quote = $("#yw-quote", body);
      if (quote) { quote.scrollIntoView({ block: "center" }); quote.focus({ preventScroll: true }); }
    } catch (error) {
      body.innerHTML = '<p class="yw-problem"></p>';
      body.firstChild.textContent = error.message;
    }
  }

  // -- actions -----------------------------------------------------------------------------------------------------
  const actions = {
    async source(query) { await open_source(query); },
    async copy(query) {
      const where = new URLSearchParams(query);
      const name = encodeURIComponent(where.get("d"));
      const reply = await ask_server(`../api/v1/documents/${name}/text?start=${where.get("s")}&end=${where.get("e")}`);
      await copy((await reply.json()).text);
      toast(_("已复制摘录（逐字原文）"));
    },
    async cite(query, button) {
      const reference = $(".yw-reference", button.closest(".yw-card, .yw-source, dialog"));
      await copy(reference.textContent);
      toast(_("已复制出处"));
    },
    async logout() {
      await ask_server("logout", { method: "POST" });
      location.reload();
    },
    async language(query) {
      document.cookie = `yuanwen_language=${query}; path=${new URL(at("../")).pathname}; max-age=31536000; samesite=lax`;
      const url = new URL(location.href);
      if (!url.searchParams.has("lang")) { location.reload(); return; }
      url.searchParams.delete("lang"); // it would win over the cookie
      location.replace(url);
    },
    async ask(query, button) { submit(button.textContent); },
    async close(query, button) { button.closest("dialog").close(); },
  };

  // mark: an ideographic space in front tells the service to take the question as it is, without the one before.
  function submit(question, mark = "") {
    const box = $("#yw-question textarea, #yw-question input");
    const setter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(box), "value").set;
    setter.call(box, mark + question);
    box.dispatchEvent(new Event("input", { bubbles: true }));
    setTimeout(() => $("#yw-send").click(), 30); // once Gradio has taken the text
  }

  // Deep links: ?q= asks, &d=&s=&e= opens that place of the source.
  Object.assign(actions, {
    async link(query) {
      const url = new URL(location.pathname, location.href);
      const where = new URLSearchParams(query);
      for (const name of ["q", "d", "s", "e"]) if (where.get(name)) url.searchParams.set(name, where.get(name));
      await copy(url.href);
      toast(_("已复制链接，打开即可回到这个问题和摘录"));
    },
    async feedback(query, button) {
      const where = new URLSearchParams(query);
      const spans = [...document.querySelectorAll(`#turn-${where.get("t")} .yw-card > .yw-acts button[value^="source?"]`)]
        .map((one) => new URLSearchParams(one.value.slice(7)))
        .map((one) => ({ doc: one.get("d"), start: +one.get("s"), end: +one.get("e") }));
      await ask_server("../api/v1/feedback", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ question: where.get("q"), spans, verdict: where.get("v") }),
      });
      for (const one of button.parentElement.querySelectorAll("button")) one.setAttribute("aria-pressed", one === button);
      toast(_("谢谢，已记下"));
    },
    async retry(query) { submit(new URLSearchParams(query).get("q")); },
    async plain(query) { submit(new URLSearchParams(query).get("q"), "\u3000"); },
  });

  let linked = false;
  function follow_link() {
    const asked = new URLSearchParams(location.search);
    if (linked || !$("#yw-send") || !$(".yw-status:not(.yw-starting)")) return;
    linked = true;
    if (asked.get("q")) submit(asked.get("q").slice(0, 2000));
    if (asked.get("d")) {
      const where = new URLSearchParams(["d", "s", "e"].map((name) => [name, asked.get(name) || "0"]));
      open_source(where.toString());
    }
  }

  window.yuanwen = { _, language, actions, identity, ask_server, at, copy, dialog, toast, $ };

  document.addEventListener("click", (event) => {
    const cite = event.target.closest("a.yw-cite");
    if (cite) {
      event.preventDefault();
      reveal(cite.getAttribute("href").slice(1));
      return;
    }
    const button = event.target.closest("button.yw-act");
    if (!button || !button.value) return; // a form's own button
    event.preventDefault();
    const [name, query] = [button.value.split("?")[0], button.value.slice(button.value.indexOf("?") + 1)];
    const action = Object.hasOwn(actions, name) ? actions[name] : null;
    if (action) action(query, button).catch((error) => toast(error.message, true));
  });

  document.addEventListener("change", (event) => {
    if (event.target.id === "yw-show-cuts") {
      event.target.closest(".yw-source").classList.toggle("yw-with-cuts", event.target.checked);
    }
  });

  // -- a new answer is read from its question on, not from its end ------------------------------------------------------
  // what scrolls the chat: its inner pane beside the excerpts, its outer one on a phone
  function scroller(node) {
    for (let box = node.parentElement; box && box.id !== "yw-talk"; box = box.parentElement) {
      if (box.scrollHeight > box.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(box).overflowY)) return box;
    }
    return null;
  }
  let read = 0;
  function follow() {
    follow_link();
    const done = document.querySelectorAll("#yw-chat .yw-lead, #yw-chat .yw-refusal, #yw-chat .yw-problem").length;
    const asked = [...document.querySelectorAll("#yw-chat .yw-asked")].pop();
    const pane = asked && scroller(asked);
    if (done > read && pane) {
      pane.scrollTop += asked.getBoundingClientRect().top - pane.getBoundingClientRect().top - 16;
      const side = $("#yw-evidence");
      if (side) side.scrollTop = 0;
    }
    read = done;
  }
  new MutationObserver(follow).observe(document.documentElement, { childList: true, subtree: true });

  // -- while the service is still warming up -------------------------------------------------------------------------
  const STAGES = {
    starting: _("正在启动"), model: _("正在装入嵌入模型"), index: _("正在装入索引"), calibration: _("正在校准拒答界线"),
  };
  async function watch() {
    const sign = $(".yw-starting");
    if (!sign) return;
    const reply = await fetch(at("../readyz")).catch(() => null);
    if (reply && reply.ok) { location.reload(); return; }
    const problem = reply ? await reply.json().catch(() => ({})) : {};
    if (problem.detail) sign.textContent = STAGES[problem.stage] || problem.detail;
  }
  setInterval(watch, 2000);
})();
