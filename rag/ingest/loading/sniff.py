"""What a file really is, by its content first and its suffix second."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
# suffix → kind; the kinds of text files are believed by suffix, as any text may be any of them.
BY_SUFFIX = {
    ".txt": "txt", ".md": "md", ".markdown": "md", ".html": "html", ".htm": "html", ".xhtml": "html", ".csv": "csv",
    ".docx": "docx", ".pptx": "pptx", ".xlsx": "xlsx", ".pdf": "pdf", ".rtf": "rtf", ".odt": "odt", ".ofd": "ofd",
    ".epub": "epub", ".eml": "eml", ".zip": "zip", ".doc": "doc", ".wps": "doc", ".xlsm": "xlsx",
}  # fmt: skip
TEXT_KINDS = frozenset({"txt", "md", "html", "csv", "eml"})
SUPPORTED: frozenset[str] = frozenset(BY_SUFFIX)
_HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,500}?-->\s*){0,5}<(?:!doctype\s+html|html[\s>])",
    re.IGNORECASE | re.DOTALL,
)


def kind_of(data: bytes, suffix: str) -> str:
    """The kind of a file: a value of BY_SUFFIX, or `encrypted`, `ole-other`, `image`, `unknown`.

    suffix: lower case, with the dot. Text keeps the kind its suffix says; .doc files that are really HTML, RTF or a
    newer format are named for what they are.
    """
    said = BY_SUFFIX.get(suffix, "unknown")
    head = data[:1024]
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _zip_kind(data, said)
    if b"%PDF-" in head and (said == "pdf" or head.lstrip(b"\xef\xbb\xbf\r\n \t").startswith(b"%PDF-")):
        return "pdf"
    if head.startswith(_OLE):
        return _ole_kind(data)
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if head.startswith(_IMAGES) and said not in TEXT_KINDS:
        return "image"
    if head.startswith(_IMAGES[:2]):
        return "image"
    if said in TEXT_KINDS or said == "unknown":
        return said
    if said == "doc" and b"MIME-Version:" in head:
        return "eml"  # a web archive that Word saved under its own suffix
    if _HTML_START.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "html"
    return said if said in {"doc", "pdf"} and b"\x00" in head else f"not-{said}"


def _zip_kind(data: bytes, said: str) -> str:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist()[:20_000])
            if "mimetype" in names:
                info = archive.getinfo("mimetype")
                kind = archive.read(info)[:100].strip() if info.file_size < 200 else b""
                if kind == b"application/epub+zip":
                    return "epub"
                if kind.startswith(b"application/vnd.oasis.opendocument.text"):
                    return "odt"
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError, LookupError):
        return said if said not in TEXT_KINDS and said != "unknown" else "zip"  # its parser says what is broken
    for kind, mark in (("docx", "word/"), ("pptx", "ppt/"), ("xlsx", "xl/")):
        if "[Content_Types].xml" in names and any(n.startswith(mark) for n in names):
            return kind
    if "OFD.xml" in names:
        return "ofd"
    if "META-INF/container.xml" in names:
        return "epub"
    if "content.xml" in names and "META-INF/manifest.xml" in names:
        return "odt"
    return "zip"


def _ole_kind(data: bytes) -> str:
    if _ENCRYPTED_STREAM in data:
        return "encrypted"
    if "WordDocument".encode("utf-16-le") in data:
        # Bit 8 of the flags in the file information block says that the text is encrypted; Word puts it at 512.
        if data[512:514] == b"\xec\xa5" and len(data) > 524 and data[523] & 0x01:
            return "encrypted"
        return "doc"
    return "ole-other"
