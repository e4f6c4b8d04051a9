// The page of synonyms and terms: preview with progress, stopped at will, then saved. A bad line is shown in its table.
(() => {
  "use strict";
  const { _, ask_server, $ } = window.yuanwen;
  const form = $("#yw-words");
  const [bar, stop, save, report, changes] = ["#yw-progress", "#yw-words-stop", "#yw-words-save", "#yw-report", "#yw-changes"].map((one) => $(one));
  const preview = $("button[type=submit]", form);
  const tables = () => Object.fromEntries(new FormData(form));
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  let [began, kept, tried] = [form.getAttribute("name"), tables(), null];

  function say(text, bad) {
    const line = document.createElement("p");
    line.textContent = text;
    if (bad) line.className = "yw-problem";
    report.append(line);
  }
  function fail(error) {
    report.replaceChildren();
    say(error.message, true);
    const found = /(同义词|词条)第 (\d+) 行/.exec(error.message);
    if (found) select(form.elements[found[1] === "词条" ? "terms" : "synonyms"], Number(found[2]));
  }
  function select(area, number) {
    const lines = area.value.split("\n");
    const start = lines.slice(0, number - 1).join("\n").length + (number > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(start, start + (lines[number - 1] || "").length);
  }
  function busy(yes) {
    preview.disabled = save.disabled = yes;
    if (!yes) bar.hidden = stop.hidden = true;
  }
  const sent = (path, signal) => ask_server(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...tables(), began }), signal,
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [leave, asked] = [new AbortController(), tables()];
    stop.onclick = () => leave.abort();
    busy(true);
    changes.replaceChildren();
    report.textContent = _("正在预览…");
    bar.removeAttribute("value");
    bar.hidden = stop.hidden = false;
    try {
      const reply = await sent("words/preview", leave.signal);
      for await (const [name, data] of events(reply.body)) {
        if (name === "progress") { bar.max = data.total; bar.value = data.done; }
        if (name === "change") changes.insertAdjacentHTML("beforeend", data.html); // encoded by the server
        if (name === "problem") throw new Error(data.detail);
        if (name === "report") {
          report.replaceChildren();
          say(data.said);
          for (const line of data.lines) say(line, true);
          tried = asked;
        }
      }
    } catch (error) {
      if (leave.signal.aborted) { report.textContent = _("已停止预览，词表没有改。"); } else { fail(error); }
    }
    busy(false);
  });

  async function* events(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let held = ""; ;) {
      const { value, done } = await reader.read();
      if (done) return;
      const whole = (held + value).split("\n\n");
      held = whole.pop();
      for (const one of whole) {
        const found = /^event: ?(.*)\ndata: ?(.*)$/.exec(one);
        if (found) yield [found[1], JSON.parse(found[2])];
      }
    }
  }

  save.addEventListener("click", async () => {
    const asked = tables();
    if (same(asked, kept)) { report.textContent = _("词表没有改动。"); return; }
    if (!same(asked, tried) && !window.confirm(_("这份词表还没有预览过，直接保存吗？"))) return;
    busy(true);
    report.textContent = _("正在保存…");
    try {
      const found = await (await sent("words")).json();
      [began, kept] = [found.began, asked];
      report.textContent = found.said;
      changes.replaceChildren();
    } catch (error) { fail(error); }
    busy(false);
  });

  window.addEventListener("beforeunload", (event) => { if (!same(tables(), kept)) event.preventDefault(); });
})();
