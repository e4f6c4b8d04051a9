"""The user guide names what is really on the page, and its pictures exist."""

from __future__ import annotations

import re

from rag.config import ROOT

GUIDE = ROOT / "docs" / "使用说明.md"


def test_pictures_and_links_exist():
    targets = re.findall(r"\]\(([^)#]+)\)", GUIDE.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert "pictures/page.png" in local
    assert not [target for target in local if not (GUIDE.parent / target).is_file()]


def test_every_button_is_explained():
    guide = GUIDE.read_text(encoding="utf-8")
    files = [path for path in (ROOT / "rag" / "web").rglob("*.*") if path.suffix in (".py", ".js", ".html")]
    code = "".join(path.read_text(encoding="utf-8") for path in files)
    labels = "查看原文 复制摘录 复制出处 复制链接 收入摘编 没找全 文件里应该有 不结合上文 已接续断行 知识缺口 展开上下文 改著录 重问 停止"
    for label in labels.split():
        assert label in guide and label in code
