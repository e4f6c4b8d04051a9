// 摘编: excerpts kept in this browser by place, never by words; the words come from the service when they are shown.
(() => {
  "use strict";
  const { _, actions, ask_server, dialog, toast, $ } = window.yuanwen;
  const KEY = "yuanwen-basket";

  function load() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) || "{}");
      return { title: kept.title || _("摘编"), items: Array.isArray(kept.items) ? kept.items : [] };
    } catch { return { title: _("摘编"), items: [] }; }
  }
  function save(basket) {
    try { localStorage.setItem(KEY, JSON.stringify(basket)); } catch { toast(_("浏览器不允许保存，刷新后摘编会丢失。"), true); }
    count();
  }
  function count() {
    const sign = $("#yw-count");
    const text = String(load().items.length);
    if (sign && sign.textContent !== text) sign.textContent = text;
  }
  window.addEventListener("storage", count);
  setInterval(count, 500); // Gradio draws the header when it likes

  async function show() {
    const basket = load();
    const box = dialog("yw-basket-box", _("摘编"));
    const body = $(".yw-dialog-body", box);
    body.className = "yw-dialog-body yw-source";
    if (!box.open) { body.textContent = _("正在打开摘编…"); box.showModal(); }
    try {
      const reply = await send("view", basket);
      const gone = JSON.parse(reply.headers.get("X-Yuanwen-Missing") || "[]");
      if (gone.length) save({ ...basket, items: basket.items.filter((_, i) => !gone.includes(i)) });
      const list = await reply.text();
      body.innerHTML = `<div class="yw-source-head"><h2>${_("摘编")}</h2>`
        + `<label class="yw-field">${_("题目")}<input type="text" class="yw-edit" name="title" maxlength="100"></label></div>`
        + `<div class="yw-basket-list" tabindex="0" role="region" aria-label="${_("收入的摘录")}">${list}</div>`
        + `<div class="yw-acts yw-exports"><button type="button" class="yw-act yw-main-act" value="export?docx">${_("导出 Word")}</button>`
        + `<button type="button" class="yw-act" value="export?md">${_("导出 Markdown")}</button>`
        + `<button type="button" class="yw-act" value="export?csv">${_("导出 CSV")}</button>`
        + `<button type="button" class="yw-act" value="empty">${_("清空")}</button></div>`;
      $('input[name="title"]', body).value = basket.title;
    } catch (error) {
      body.innerHTML = '<p class="yw-problem"></p>';
      body.firstChild.textContent = error.message;
    }
  }

  function send(kind, basket) {
    return ask_server(`compilation/${kind}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(basket),
    });
  }

  document.addEventListener("change", (event) => {
    const field = event.target;
    if (!field.classList.contains("yw-edit")) return;
    const basket = load();
    const [name, index] = field.name.split("-");
    if (name === "title") basket.title = field.value || _("摘编");
    else if (basket.items[index]) basket.items[index][name] = field.value;
    save(basket);
  });

  async function move(index, by) {
    const basket = load();
    const [item] = basket.items.splice(index, 1);
    basket.items.splice(index + by, 0, item);
    save(basket);
    await show();
    const button = $(`#yw-item-${index + by} button[value^="${by < 0 ? "up" : "down"}"]:not(:disabled)`)
      || $(`#yw-item-${index + by} button:not(:disabled)`);
    if (button) button.focus();
  }

  Object.assign(actions, {
    async keep(query, button) {
      const where = new URLSearchParams(query);
      const basket = load();
      const item = { doc: where.get("d"), start: +where.get("s"), end: +where.get("e"), question: where.get("q") || "" };
      if (basket.items.some((x) => x.doc === item.doc && x.start === item.start && x.end === item.end)) {
        toast(_("这条已在摘编里"));
        return;
      }
      basket.items.push({ ...item, heading: "", note: "" });
      save(basket);
      toast(_("已收入摘编，共 {n} 条", { n: basket.items.length }));
    },
    async basket() { await show(); },
    async up(query) { await move(+query.slice(2), -1); },
    async down(query) { await move(+query.slice(2), 1); },
    async drop(query) {
      const basket = load();
      basket.items.splice(+query.slice(2), 1);
      save(basket);
      await show();
    },
    async empty() {
      if (!window.confirm(_("清空摘编？其中的小标题和按语也会删除。"))) return;
      save({ title: _("摘编"), items: [] });
      await show();
    },
    async export(kind) {
      const basket = load();
      const reply = await send(kind, basket);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await reply.blob());
      link.download = `${basket.title.replace(/[\\/:*?"<>|]/g, "_")}.${kind}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      toast(_("已导出"));
    },
  });
})();
