// The administration page: upload with progress, and removal after a question.
(() => {
  "use strict";
  const { _, language, actions, ask_server, at, toast, $ } = window.yuanwen;
  const form = $("#yw-upload");
  if (!form) return;
  const [bar, stop, report] = [$("#yw-progress"), $("#yw-stop"), $("#yw-report")];

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const call = new XMLHttpRequest(); // fetch() tells nothing of how far an upload has come
    call.open("POST", at("../api/v1/documents"));
    call.setRequestHeader("Accept", "text/event-stream");
    call.setRequestHeader("X-Yuanwen-Language", language);
    call.upload.onprogress = (e) => {
      bar.value = (100 * e.loaded) / e.total;
      if (e.loaded === e.total) { bar.removeAttribute("value"); report.textContent = _("已传完，正在读取并编入索引…"); stop.onclick = stop_taking_in; }
    };
    call.onprogress = () => {
      const [name, data] = last_event(call.responseText);
      if (name === "encoding") { bar.value = (100 * data.done) / data.total; report.textContent = _("正在编码：{done} / {n} 段", { done: data.done, n: data.total }); }
      if (name === "line") report.textContent = _("已读完 {doc}", { doc: data.doc });
    };
    call.onload = () => {
      const [name, data] = last_event(call.responseText);
      done(name === "report", data);
    };
    call.onerror = () => done(false, { detail: _("连不上服务，请检查网络后再试。") });
    call.onabort = () => done(false, { detail: _("已停止上传，没有改动索引。") });
    stop.onclick = () => call.abort();
    stop.disabled = false;
    bar.hidden = stop.hidden = false;
    report.textContent = _("正在上传…");
    call.send(new FormData(form));
  });

  // Once all is sent, stopping is the service's work and not the browser's.
  async function stop_taking_in() {
    stop.disabled = true;
    report.textContent = _("正在停止…");
    await ask_server("ingest/stop", { method: "POST" }).catch((error) => toast(error.message, true));
  }

  // The name and data of the last whole event; an answer that is no stream is a problem.
  function last_event(text) {
    const events = text.split("\n\n").slice(0, -1).filter((one) => one.startsWith("event:"));
    const found = /^event: ?(.*)\ndata: ?(.*)$/.exec(events.pop() || "");
    if (found) return [found[1], JSON.parse(found[2])];
    try { return ["problem", JSON.parse(text)]; } catch { return ["problem", {}]; }
  }

  function done(good, body) {
    bar.hidden = stop.hidden = true;
    report.replaceChildren();
    const say = (text, bad) => {
      const line = document.createElement("p");
      line.textContent = text;
      if (bad) line.className = "yw-problem";
      report.append(line);
    };
    if (!good) { say(body.detail || _("服务没有答复，请查看文档列表后再试。"), true); return; }
    for (const line of body.lines) {
      if (line.error) say(_("没有收下：{why}", { why: line.error }), true);
      else say(_("已收入 {doc}：{passages} 段，可检索 {kept} 字，剔除 {removed} 字", { ...line, removed: Object.values(line.removals).reduce((a, b) => a + b, 0) }));
      for (const warning of line.warnings) say(_("注意：{warning}", { warning }));
    }
    for (const doc of body.unchanged) say(_("{doc} 与已有的完全相同，不需要更新", { doc }));
    const link = document.createElement("a");
    link.href = "admin";
    link.textContent = _("刷新文档列表");
    report.append(link);
  }

  document.addEventListener("submit", async (event) => {
    const facts = event.target;
    if (!facts.classList.contains("yw-facts-form")) return;
    event.preventDefault();
    try {
      await ask_server(`../api/v1/documents/${facts.getAttribute("name")}/metadata`, {
        method: "PATCH", headers: { "Content-Type": "application/json" },
        body: JSON.stringify(Object.fromEntries(new FormData(facts))),
      });
      location.reload();
    } catch (error) { toast(error.message, true); }
  });

  actions.remove = async (query) => {
    const doc = new URLSearchParams(query).get("d");
    if (!window.confirm(_("移除《{doc}》？移除后立即搜不到，需要时可重新上传。", { doc }))) return;
    await ask_server(`../api/v1/documents/${encodeURIComponent(doc)}`, { method: "DELETE" });
    location.reload();
  };
})();
