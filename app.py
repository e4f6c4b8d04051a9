"""Entry point of the web service: settings → service → web app → server. `python app.py [--host H] [--port P]`."""

from __future__ import annotations

import argparse
import sys

from rag.config import load_settings
from rag.errors import YuanwenError
from rag.web.server import run


def main() -> int:
    """Serve until stopped; an expected error is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", help="监听地址 / address to listen on")
    parser.add_argument("--port", type=int, help="监听端口 / port to listen on")
    given = parser.parse_args()
    try:
        run(load_settings(host=given.host, port=given.port))
    except YuanwenError as error:
        sys.stderr.write(f"错误：{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
