"""What a file really is, by its content first and its suffix second."""

from __future__ import annotations

import zipfile
from io import BytesIO

from rag.ingest.loading.formats import BY_KIND, BY_SUFFIX, FORMATS

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM = "encryptedpackage".encode("utf-16-le")
_IMAGES = ("png", "jpeg", "gif", "bmp", "tiff")  # the first two cannot be the beginning of a text
_OLD_XML = ((b"Word.Document", "doc"), (b"Excel.Sheet", "xls"), (b"office:spreadsheet", "xls"))
_STREAMS = (("powerpoint document", "ppt"), ("workbook", "xls"), ("book\0", "xls"))
_TEXTS = frozenset(one.kind for one in FORMATS if one.is_text)


def kind_of(data: bytes, suffix: str) -> str:
    """The kind of a file: that of a Format, `not-KIND`, or `encrypted`, `ole-other`, `unknown`.

    suffix: lower case, with the dot. Text keeps the kind its suffix says; .doc files that are really HTML, RTF or a
    newer format are named for what they are.
    """
    said = BY_SUFFIX[suffix].kind if suffix in BY_SUFFIX else "unknown"
    head = data[:1024]
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(data, said)
    if (said == "pdf" and b"%PDF-" in head) or _begins_as("pdf", head):  # PDF readers allow anything before the mark
        return "pdf"
    if head.startswith(_OLE):
        return _ole_kind(data, said)
    if _begins_as("rtf", head):
        return "rtf"
    image = next((kind for kind in _IMAGES[: 2 if said in _TEXTS else None] if _begins_as(kind, head)), "")
    if image:
        return image
    if said in _TEXTS or said == "unknown":
        return said
    old = next((kind for mark, kind in _OLD_XML if said == kind and mark in head), "")
    if old:
        return old  # XML of Office 2003
    if said == "doc" and b"MIME-Version:" in head:
        return "eml"  # a web archive that Word saved under its own suffix
    if _begins_as("html", head):
        return "html"
    return said if said in {"doc", "xls", "ppt", "pdf"} and b"\x00" in head else f"not-{said}"


def _begins_as(kind: str, head: bytes) -> bool:
    begins = BY_KIND[kind].begins
    return begins is not None and begins.match(head) is not None


def _zip_kind(data: bytes, said: str) -> str:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist()[:20_000])
            declared = b""
            if "mimetype" in names:
                info = archive.getinfo("mimetype")
                declared = archive.read(info)[:100].strip() if info.file_size < 200 else b""
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError, LookupError):
        return said if said not in _TEXTS and said != "unknown" else "zip"  # its parser says what is broken
    by_type = next((one.kind for one in FORMATS if one.zip_type and declared.startswith(one.zip_type)), "")
    names = {name.lower() for name in names}
    by_members = (one.kind for one in FORMATS if one.zip_members and all(_holds(names, m) for m in one.zip_members))
    return by_type or next(by_members, "zip")


def _holds(names: set[str], member: str) -> bool:
    """names: in lower case, for some programs write ofd.xml or [content_types].xml."""
    member = member.lower()
    return any(name.startswith(member) for name in names) if member.endswith("/") else member in names


def _ole_kind(data: bytes, said: str) -> str:
    lower = data.lower()  # some programs write the names of streams in another case
    if _ENCRYPTED_STREAM in lower:
        return "encrypted"
    if "worddocument".encode("utf-16-le") in lower:
        # Bit 8 of the flags in the file information block says that the text is encrypted; Word puts it at 512.
        if data[512:514] == b"\xec\xa5" and len(data) > 524 and data[523] & 0x01:
            return "encrypted"
        return "doc"
    held = [kind for name, kind in _STREAMS if name.encode("utf-16-le") in lower]
    if held:
        return said if said in held else held[0]  # a workbook may be embedded in slides, and slides in a workbook
    return said if said in {"xls", "ppt"} else "ole-other"
