"""How often and how many at once: by person, so that one cannot take the service from the others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from rag.config import Settings
from rag.errors import BusyError
from rag.web.front.roles import Work

UPLOADS_AT_ONCE = 4  # they are taken in one after another; more would only hold memory and threads
LOGINS_AT_ONCE = 8  # each waits for its turn at 64 MB of argon2, in a thread that questions need too
_LOGINS_OF_ONE = parse("5/5minute")  # wrong passwords for a name, from one address
_LOGINS_FROM_ONE = parse("30/5minute")  # wrong passwords from an address


class Limits:
    """Counts of one process. A person is a string that tells them from others."""

    def __init__(self, settings: Settings) -> None:
        """The settings say how many."""
        self._settings = settings
        self._rate = parse(settings.rate_limit)
        self._burst = parse(f"{settings.queue_max_each}/2second")
        self._most = {Work.UPLOAD: UPLOADS_AT_ONCE, Work.LOGIN: LOGINS_AT_ONCE}
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._now: Counter[str] = Counter()

    def count(self, work: Work, person: str) -> None:
        """Count a request. Raises BusyError when there were too many."""
        text = "请求太频繁，请稍后再试。/ Too many requests."
        if work is Work.QUEUED:  # so that nobody fills the queue of the page, which all share
            self._hit(self._burst, ("queued", person), text)
        self._hit(self._rate, ("requests", person), text)

    @contextmanager
    def at_work(self, work: Work, person: str) -> Iterator[None]:
        """Hold a place while a request is under way. person: "" to count among all only. Raises BusyError."""
        places = [(work.value, self._most.get(work, self._settings.queue_max))]
        if person:
            places.append((f"person:{person}", self._settings.queue_max_each))
        if any(self._now[name] >= most for name, most in places):
            raise BusyError("正忙：同时处理的请求太多，请稍后再试。/ Busy, come back later.", retry_after=2)
        self._now.update(name for name, _ in places)
        try:
            yield
        finally:
            self._now.subtract(name for name, _ in places)
            self._now += Counter()  # drops what has come to zero

    def may_try(self, name: str, address: str) -> None:
        """Raise BusyError when there were too many wrong passwords."""
        for item, key in self._login_keys(name, address):
            if not self._window.test(item, *key):
                self._refuse(item, key, "密码错误次数太多，请稍后再试。/ Too many wrong passwords.")

    def failed(self, name: str, address: str) -> None:
        """Count a wrong password."""
        for item, key in self._login_keys(name, address):
            self._window.hit(item, *key)

    def _login_keys(self, name: str, address: str) -> list[tuple[RateLimitItem, tuple[str, ...]]]:
        return [(_LOGINS_OF_ONE, ("name", name, address)), (_LOGINS_FROM_ONE, ("address", address))]

    def _hit(self, item: RateLimitItem, key: tuple[str, ...], text: str) -> None:
        if not self._window.hit(item, *key):
            self._refuse(item, key, text)

    def _refuse(self, item: RateLimitItem, key: tuple[str, ...], text: str) -> None:
        reset = self._window.get_window_stats(item, *key).reset_time
        raise BusyError(text, retry_after=max(1, round(reset - time.time())), code="too-many-requests")
