"""How a reader cites an excerpt: GB/T 7714-2015, numeric style, with the exact place at its end."""

from __future__ import annotations

import datetime

from rag.datamodels import Document
from rag.search.filtering import in_force


def reference(document: Document, start: int, end: int, page: str = "", today: datetime.date | None = None) -> str:
    """`责任者. 题名: 文号[Z/OL]. (日期)[引用日期]. 文件, 页, 第 m—n 字.`; what is unknown is left out.

    What is no longer in force says so at the end, where the standard has room for notes.
    """
    facts = document.metadata
    issuer = facts.get("issuer", "")
    title = " ".join(document.title.split())
    number = facts.get("doc_number", "")
    named = f"{title}: {number}" if number and number not in title else title
    dates = (f"({facts['date']})" if facts.get("date") else "") + f"[{(today or datetime.date.today()).isoformat()}]"
    place = ", ".join(part for part in (document.doc_id, page, f"第{start + 1}—{end}字") if part)
    validity = facts.get("validity", "")
    note = "" if in_force(validity) else f" (效力: {validity}.)"
    return "".join([f"{issuer}. " if issuer else "", f"{named}[Z/OL]. ", f"{dates}. ", f"{place}.", note])
