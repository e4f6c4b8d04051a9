// English on request: the interface's own words, in one table. What documents, readers and file names say stays as it is.
(() => {
  "use strict";
  const { actions } = window.yuanwen;
  const KEY = "yuanwen-language";
  const WORDS = {
    "用文件里的原话回答，每一句都可核对": "Answers in the documents' own words, every one checkable",
    "请提问": "Ask a question", "例如查一个提法、一项要求、一个数字出自哪里": "Where does a phrase, a requirement or a figure come from?",
    "输入问题，按回车提问": "Type a question, press Enter", "提问": "Ask", "停止": "Stop", "清空对话": "Clear", "试着问：": "Try:",
    "正在查找原文…": "Searching…", "对话": "Conversation", "问题": "Question",
    "查找范围：文档、日期、效力（缺省为全部）": "Where to search: documents, dates, validity (default: everywhere)",
    "只在这些文档或文件夹中查找（可多选，留空为全部）": "Only these documents or folders (empty: all)",
    "日期从（含）": "From (incl.)", "到（含）": "To (incl.)", "如 2020-05": "e.g. 2020-05", "如 2023-12": "e.g. 2023-12",
    "效力": "Validity", "不限": "Any", "现行": "In force", "已废止、失效": "Repealed or void",
    "摘编": "Compilation", "文档管理": "Documents", "知识缺口": "Knowledge gaps", "评测": "Evaluation", "核对题目": "Review questions",
    "审计记录": "Audit log", "← 回到提问": "← Back to asking", "退出": "Log out",
    "原文摘录会出现在这里": "Excerpts will appear here",
    "每条摘录都逐字取自文件，标明标题、章节和位置；": "Every excerpt is taken from a document word for word, with title, section and place;",
    "文件里没有的，会直接说没有。": "What the documents do not hold is said to be missing.",
    "文件里是这样写的：": "The documents say:", "没有把握说是直接回答，最接近的原文是：": "Not surely a direct answer; the nearest text is:",
    "这次回答": "This answer", "有用": "Useful", "没用": "Not useful", "摘错了": "Wrong excerpt", "没找全": "Incomplete",
    "文件里应该有": "It should be there", "重问": "Ask again", "不结合上文": "Without context",
    "没有找到能回答这个问题的原文。": "Nothing in the documents answers this question. ",
    "这些文档里可以问的：": "What these documents can answer:",
    "最近这个问题没有摘录。": "The latest question has no excerpts.", "先前的摘录": "Earlier excerpts",
    "直接回答": "Direct answer", "相关": "Related", "供参考": "For reference", "已接续断行": "Line breaks mended",
    "查看原文": "View source", "展开上下文": "Show context", "展开整节": "Whole section", "收起上下文": "Hide context",
    "复制摘录": "Copy excerpt", "复制出处": "Copy citation", "复制链接": "Copy link", "收入摘编": "Add to compilation",
    "版面": "Page", "文字": "Text", "上一页": "Previous page", "下一页": "Next page", "查看方式": "View", "文档全文": "Full text", "关闭": "Close",
    "题目": "Title", "上移": "Up", "下移": "Down", "移除": "Remove", "按语（可不填）": "Note (optional)",
    "此条之前的小标题（可不填）": "Heading before this excerpt (optional)", "导出 Word": "Export Word", "导出 Markdown": "Export Markdown",
    "导出 CSV": "Export CSV", "清空": "Empty", "还没有收入摘录。在摘录卡片上点“收入摘编”，就会列在这里。": "Nothing yet: use “Add to compilation” on an excerpt.",
    "已复制摘录（逐字原文）": "Excerpt copied, word for word", "已复制出处": "Citation copied", "谢谢，已记下": "Thank you, noted",
    "已复制链接，打开即可回到这个问题和摘录": "Link copied: it reopens this question and excerpt", "这条已在摘编里": "Already in the compilation", "已导出": "Exported",
    "索引状况": "Index", "文档": "Documents", "段落": "Passages", "索引代次": "Generation", "无关问题被误答": "False answers", "有据问题被误拒": "False refusals",
    "添加或替换文档": "Add or replace documents", "选择文件（可多选；同名的会被替换）": "Choose files (same name: replaced)",
    "放进文件夹（可不填；文件夹决定谁能查，如 通知/2024年）": "Folder (optional; it decides who may search, as 通知/2024年)",
    "上传并编入索引": "Upload and index", "已有文档": "Documents held", "字数": "Characters", "覆盖": "Coverage", "注意": "Warnings", "操作": "Actions",
    "改著录": "Edit facts", "题名": "Title", "文号": "Number", "发文机关": "Issuer", "日期（如 2023-11-06）": "Date (2023-11-06)", "保存": "Save",
    "正在上传…": "Uploading…", "已传完，正在读取并编入索引…": "Sent; reading and indexing…", "正在停止…": "Stopping…", "刷新文档列表": "Refresh the list",
    "为什么排在这里": "Why is this here?",
    "同义词与词条": "Synonyms and terms", "预览变化": "Preview", "保存词表": "Save", "没有找到（拒答）": "Not found (refused)",
    "读者的说法和文件的说法不一样时，教它认得。改表不必重建索引。保存之前先预览：哪些问题排在第一的原文会变。":
      "Teach the words that readers use for those of the documents; nothing is re-indexed. Preview first which questions would find another first passage.",
    "同义词：一行一组，用顿号或空格隔开，如“竞答、答题”；# 后是注释": "Synonyms: a group a line, set apart by 、 or blanks; # begins a comment",
    "词条：一行一个，整词计分，如“四同步四衔接”；文件引号里的短提法已自动收入": "Terms: one a line, counted whole; short quoted names in documents are known already",
    "原来第一": "First now", "改后第一": "First then", "读者反馈": "Feedback", "测试题": "Test question", "文件中的标题": "Heading",
    "正在预览…": "Previewing…", "已停止预览，词表没有改。": "Stopped, nothing was changed.", "词表没有改动。": "The tables are unchanged.",
    "正在保存…": "Saving…", "已保存，现在的提问就按新词表查。": "Saved; questions use the new tables from now on.",
    "还没有记录。": "Nothing yet.", "再问一次": "Ask again",
  };
  const STAGES = [["字词 BM25", "words (BM25)"], ["语义", "meaning"], ["最近的一两句", "nearest sentences"], ["两路融合", "both"], ["与问题同读重排", "read again"]];
  const PATTERNS = [
    [/^在 (\d+) 篇文档中查找$/, "Searching $1 documents"],
    [/^试了 (\d+) 个问题，没有一个会变。$/, "$1 questions tried, none changes."],
    [/^试了 (\d+) 个问题，(\d+) 个排在第一的原文会变。$/, "$1 questions tried, the first passage of $2 would change."],
    [/^问题直接点名了这一处，排在最前$/, "The question names this very place"],
    [/^检索词：（没有，只按语义找）$/, "Words searched: none, by meaning only"],
    [/^命中：没有相同的词，只凭语义$/, "Matched: no words in common, by meaning only"],
    [/^检索词：(.+)$/, "Words searched: $1"],
    [/^命中：(.+)$/, "Matched: $1"],
    [/^按“(.+)”比较（繁简、全半角、大小写已统一）$/, "Compared as “$1” (script, width and case folded)"],
    [/^“(.+)”也找：(.+)$/, "“$1” also finds: $2"],
    [/^得分：(.+)$/, (_, scores) => `Scores: ${STAGES.reduce((text, [name, english]) => text.replace(name, english), scores)}`],
    [/^另外 (\d+) 处可以参看：$/, "$1 more places:"],
    [/^另见 (\d+) 处$/, "Also in $1 places"],
    [/^显示被剔除的内容和接续处（(\d+) 处）$/, "Show what was removed and mended ($1 places)"],
    [/^已收入摘编，共 (\d+) 条$/, "Added, $1 in all"],
    [/^查看第 (\d+) 条摘录$/, "Go to excerpt $1"],
    [/^前面还有 (\d+) 字，点此显示$/, "$1 characters before: show"],
    [/^后面还有 (\d+) 字，点此显示$/, "$1 characters after: show"],
    [/^最接近的文档里没有：所问的数目。$/, "The nearest documents hold no such number."],
    [/^最接近的文档里没有：所问的比例。$/, "The nearest documents hold no such share."],
    [/^最接近的文档里没有：所问的年份。$/, "The nearest documents hold no such year."],
    [/^最接近的文档里没有：所问的日期。$/, "The nearest documents hold no such day."],
    [/^最接近的文档里没有：(.+)。$/, "Not in the nearest documents: $1."],
    [/^查找了 (\d+) 篇文档，其中没有足以作答的内容，所以不给出摘录。可以换个说法，或把问题问得更具体。$/,
      "$1 documents were searched and none says enough, so no excerpt is shown. Try other words or a narrower question."],
  ];
  // Words of documents and readers, and figures made of them; a table's word found in these is theirs.
  const THEIRS = ".yw-text, .yw-lead, .yw-title, .yw-from, .yw-more span, .yw-asked, .yw-source-text, .yw-reference, .yw-chip, .yw-turn, "
    + "#yw-source-title, .yw-path, .yw-void, .yw-table td > a, .yw-gaps strong, .yw-change dd > *, .yw-runs h3, textarea, option";

  const chosen = () => { try { return localStorage.getItem(KEY) === "en"; } catch { return false; } };

  function said(text) {
    const words = text.trim();
    if (!/[\u3400-\u9fff]/.test(words)) return null;
    if (Object.hasOwn(WORDS, words)) return text.replace(words, WORDS[words]);
    for (const [pattern, english] of PATTERNS) if (pattern.test(words)) return text.replace(words, words.replace(pattern, english));
    return null;
  }
  function turn(node) {
    if (node.nodeType === Node.TEXT_NODE) {
      if (!node.parentElement || node.parentElement.closest(THEIRS)) return;
      const english = said(node.data);
      if (english !== null) node.data = english;
    } else if (node.nodeType === Node.ELEMENT_NODE) {
      for (const name of ["placeholder", "title", "aria-label"]) {
        const english = node.hasAttribute(name) ? said(node.getAttribute(name)) : null;
        if (english !== null) node.setAttribute(name, english);
      }
      for (const child of node.childNodes) turn(child);
    }
  }

  function begin() {
    document.documentElement.lang = "en";
    turn(document.body);
    new MutationObserver((records) => {
      for (const record of records) {
        if (record.type === "childList") record.addedNodes.forEach(turn); else turn(record.target);
      }
    }).observe(document.body, { childList: true, subtree: true, characterData: true, attributeFilter: ["placeholder", "title", "aria-label"] });
  }

  actions.language = async () => {
    localStorage.setItem(KEY, chosen() ? "zh" : "en");
    location.reload();
  };
  if (chosen()) begin();
  // the switch names the other language; Gradio draws it when it likes
  function name() {
    const wanted = chosen() ? "中文" : "English";
    for (const one of document.querySelectorAll('button[value="language"]')) if (one.textContent !== wanted) one.textContent = wanted;
  }
  name();
  new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
})();
