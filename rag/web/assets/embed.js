// One line in a portal's page gives a floating button, or an inline frame:
//   <script src="https://…/embed.js" data-token-url="/portal/token" defer></script>
// data-mode="inline" data-target="#place" data-height="80vh" | data-mode="float" data-label="问原文"
// data-token-url: address on the portal that answers with a short-lived token (text, or JSON {"token": …})
// data-token: such a token itself   data-theme="light|dark"   data-lang="zh|en"   data-q, data-doc: ask at once, narrow the search
// It lives in a shadow tree and leaves no name behind; the portal's styles do not reach in, nor ours out.
(() => {
  "use strict";
  const script = document.currentScript;
  const home = new URL("embed", script.src);
  const set = script.dataset;
  // by language; put in by the server
  const MESSAGES = {};
  const language = set.lang || (navigator.language.startsWith("en") ? "en" : "zh");
  const _ = (text) => (MESSAGES[language] || {})[text] || text;
  home.searchParams.set("lang", language);
  for (const name of ["q", "doc"]) if (set[name]) home.searchParams.set(name, set[name]);
  const dark = set.theme ? set.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  home.searchParams.set("__theme", dark ? "dark" : "light");

  // Inline and important: no style sheet of the portal's can win over it.
  function place(element, rules) {
    for (const [name, value] of Object.entries({ all: "initial", ...rules })) {
      element.style.setProperty(name, value, "important");
    }
    return element;
  }

  function frame(height) {
    const made = document.createElement("iframe");
    made.src = home.href;
    made.title = _("原文：用文件里的原话回答");
    made.allow = "clipboard-write";
    made.referrerPolicy = "origin";
    place(made, { display: "block", width: "100%", height, border: "0" });
    window.addEventListener("message", async (event) => {
      if (event.source !== made.contentWindow || event.origin !== home.origin || !event.data) return;
      const what = event.data.yuanwen;
      if (what === "ready" || what === "token-expired") {
        const token = await fresh(what === "ready").catch(() => "");
        made.contentWindow.postMessage({ yuanwen: "token", token }, home.origin);
      }
      if (what === "close") made.dispatchEvent(new Event("yuanwen-close"));
    });
    return made;
  }

  async function fresh(first) {
    if (!set.tokenUrl) return first ? set.token || "" : "";
    const reply = await fetch(set.tokenUrl, { credentials: "same-origin", cache: "no-store" });
    if (!reply.ok) return "";
    const text = (await reply.text()).trim();
    return text.startsWith("{") ? JSON.parse(text).token || "" : text;
  }

  function inline() {
    const host = document.createElement("yuanwen-embed");
    const height = set.height || "80vh";
    place(host, { display: "block", width: "100%", height });
    host.attachShadow({ mode: "open" }).append(frame("100%"));
    const target = set.target ? document.querySelector(set.target) : null;
    if (target) target.append(host);
    else script.after(host);
  }

  function floating() {
    const host = document.createElement("yuanwen-embed");
    const root = host.attachShadow({ mode: "open" });
    const narrow = matchMedia("(max-width: 520px)");
    const paper = dark ? "#24211e" : "#fffdf9";
    const [seal, ink] = dark ? ["#ef8a80", "#2a0e0b"] : ["#a3231b", "#fff"];
    const font = '16px/1.5 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';
    const button = place(document.createElement("button"), {
      display: "block", margin: "0 0 0 auto", padding: "10px 20px", font, color: ink, background: seal,
      border: "0", "border-radius": "24px", cursor: "pointer", "box-shadow": "0 2px 10px rgb(0 0 0 / 30%)",
    });
    const panel = document.createElement("div");
    button.type = "button";
    button.textContent = set.label || _("问原文");
    button.setAttribute("aria-expanded", "false");
    let inside = null;

    function shape(open) {
      const full = open && narrow.matches;
      place(host, {
        display: "block", position: "fixed", "z-index": "2147483647",
        right: full ? "0" : "20px", bottom: full ? "0" : "20px", ...(full && { left: "0", top: "0" }),
      });
      place(panel, {
        display: open ? "block" : "none", background: paper, overflow: "hidden",
        width: full ? "100%" : "min(440px, calc(100vw - 40px))",
        height: full ? "calc(100% - 52px)" : "min(640px, calc(100vh - 110px))",
        margin: full ? "0 0 6px" : "0 0 12px", "border-radius": full ? "0" : "12px",
        "box-shadow": "0 6px 30px rgb(0 0 0 / 35%)",
      });
    }

    function toggle(open) {
      if (open && !inside) {
        inside = frame("100%");
        inside.addEventListener("yuanwen-close", () => toggle(false));
        panel.append(inside);
      }
      shape(open);
      button.setAttribute("aria-expanded", String(open));
      button.textContent = open ? _("收起") : set.label || _("问原文");
      if (!open) button.focus();
    }

    button.addEventListener("click", () => toggle(button.getAttribute("aria-expanded") === "false"));
    narrow.addEventListener("change", () => shape(button.getAttribute("aria-expanded") === "true"));
    shape(false);
    root.append(panel, button);
    document.documentElement.append(host); // beside the body, whose children and styles stay what they are
  }

  const begin = set.mode === "inline" ? inline : floating;
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
