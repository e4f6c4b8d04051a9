// Around an excerpt: its pages as images with the quote boxed, and its neighbouring text in the card.
(() => {
  "use strict";
  const { _, actions, identity, ask_server, at, $ } = window.yuanwen;

  // Images are drawn here and not by the fragment, whose addresses would depend on the page that shows it.
  function draw(root) {
    for (const image of root.querySelectorAll("img[data-src]")) {
      image.addEventListener("load", () => settle(image), { once: true });
      image.addEventListener("error", () => lost(image), { once: true });
      const address = image.dataset.src;
      image.removeAttribute("data-src");
      if (identity.token) fetched(address).then((made) => { image.src = made; }, () => lost(image));
      else image.src = at(address);
    }
  }
  function lost(image) {
    image.alt = _("这一页的版面打不开，请改看文字。");
    image.classList.add("yw-lost");
  }
  // An image's own request would carry no token.
  async function fetched(address) {
    return URL.createObjectURL(await (await ask_server(address)).blob());
  }
  function settle(image) {
    if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
    const box = $(".yw-box", image.closest(".yw-leaf"));
    if (box && !image.closest(".yw-sheets").dataset.seen) {
      image.closest(".yw-sheets").dataset.seen = "1";
      box.scrollIntoView({ block: "center" });
    }
  }
  new MutationObserver((records) => {
    for (const record of records) for (const node of record.addedNodes) if (node.querySelectorAll) draw(node);
  }).observe(document.documentElement, { childList: true, subtree: true });
  draw(document);

  const code_points = (text) => [...text]; // spans count code points, JavaScript counts UTF-16 units

  async function context(where, around) {
    const query = `start=${where.get("s")}&end=${where.get("e")}&around=${around}`;
    return (await ask_server(`../api/v1/documents/${encodeURIComponent(where.get("d"))}/context?${query}`)).json();
  }
  async function text_of(doc, start, end) {
    if (end <= start) return "";
    const reply = await ask_server(`../api/v1/documents/${encodeURIComponent(doc)}/text?start=${start}&end=${end}`);
    return (await reply.json()).text;
  }

  Object.assign(actions, {
    async view(which, button) {
      const source = button.closest(".yw-source");
      source.classList.toggle("yw-as-text", which === "text");
      for (const one of button.parentElement.children) one.setAttribute("aria-pressed", one === button);
      const place = which === "text" ? $("#yw-quote", source) : $(".yw-box", source);
      if (place) place.scrollIntoView({ block: "center" });
    },

    // One more page, before or after those shown.
    async sheet(query, button) {
      const where = new URLSearchParams(query);
      const [number, by] = [+where.get("n"), +where.get("by")];
      const page = $(".yw-sheet", button.parentElement).cloneNode(true);
      page.querySelectorAll(".yw-box").forEach((one) => one.remove());
      const label = _("第{n}页", { n: number });
      const image = $("img", page);
      image.removeAttribute("src");
      image.alt = _("{page}的版面", { page: label });
      image.dataset.src = `../api/v1/documents/${encodeURIComponent(where.get("d"))}/pages/${number}`;
      $("figcaption", page).textContent = label;
      if (by > 0) button.before(page); else button.after(page);
      const next = number + by;
      if (next < 1 || next > +where.get("of")) { button.remove(); page.setAttribute("tabindex", "-1"); page.focus(); return; }
      where.set("n", next);
      button.value = `sheet?${where}`;
    },

    // First the neighbouring passages, then the whole section, then the excerpt alone again.
    async widen(query, button) {
      const card = button.closest(".yw-card");
      const text = $(".yw-text", card);
      const shown = text.querySelectorAll(".yw-context");
      const step = +(button.dataset.step || 0);
      if (step === 2 || (step === 1 && button.dataset.whole)) {
        shown.forEach((one) => one.remove());
        button.dataset.step = 0;
        button.textContent = _("展开上下文");
        return;
      }
      const where = new URLSearchParams(query);
      const [start, end] = [+where.get("s"), +where.get("e")];
      const found = await context(where, 1);
      const span = step === 0 ? found : found.section;
      const larger = found.section.start < found.start || found.section.end > found.end;
      const before = step === 0 ? code_points(found.text).slice(0, start - found.start).join("") : await text_of(where.get("d"), span.start, start);
      const after = step === 0 ? code_points(found.text).slice(end - found.start).join("") : await text_of(where.get("d"), end, span.end);
      shown.forEach((one) => one.remove());
      const piece = (words) => { const one = document.createElement("span"); one.className = "yw-context"; one.textContent = words; return one; };
      text.prepend(piece(before));
      text.append(piece(after));
      button.dataset.step = step + 1;
      if (step === 0 && !larger) button.dataset.whole = "1";
      button.textContent = step === 0 && larger ? _("展开整节") : _("收起上下文");
    },
  });
})();
