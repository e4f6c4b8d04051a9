"""A sample portal: one page with Yuanwen in it, and the address that hands out short-lived tokens.

Run: TOKEN_SECRET_FILE=secret YUANWEN_URL=https://kb.example/kb python docs/portal/portal.py 8000
A real portal knows its user from its own login; this one takes PORTAL_USER and PORTAL_GROUPS from the environment.
"""

from __future__ import annotations

import html
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template

import jwt

SECRET = Path(os.environ["TOKEN_SECRET_FILE"]).read_text(encoding="utf-8").strip()
USER = os.environ.get("PORTAL_USER", "张三")
GROUPS = [name for name in os.environ.get("PORTAL_GROUPS", "").split(",") if name]
PAGE = Template(Path(__file__).with_name("portal.html").read_text(encoding="utf-8"))


def token() -> str:
    """Who is looking at the page, signed for five minutes."""
    now = int(time.time())
    claims = {"sub": USER, "groups": GROUPS, "aud": "yuanwen", "iat": now, "exp": now + 300}
    return jwt.encode(claims, SECRET, "HS256")


class Portal(BaseHTTPRequestHandler):
    """The page and the token."""

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path == "/portal/token":
            self._send("application/json", json.dumps({"token": token()}))
        elif self.path == "/":
            self._send("text/html", PAGE.substitute(user=html.escape(USER), yuanwen=os.environ["YUANWEN_URL"]))
        else:
            self.send_error(404)

    def _send(self, kind: str, body: str) -> None:
        data = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Portal).serve_forever()
