"""The collection as one person may see it. Every route reads through this; none asks the service itself.

What someone may not see does not exist for them: it is not found, not counted and not named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from rag.access.identity import Identity
from rag.datamodels import Answer, Context, Hit, LineBox, Passage
from rag.errors import ForbiddenError, NotFoundError
from rag.index.catalog import Record
from rag.search.documents import RankedDocument
from rag.search.filtering import ALL, Filter
from rag.search.pacing import UNHURRIED, Pace
from rag.service import Service
from rag.web.front.language import CHINESE, Language


@dataclass(frozen=True, slots=True)
class Visible:
    """The service for one request. allowed: whether they may see a document; None when they may see all.

    language: of the interface. pace: how much time its questions may take.
    """

    service: Service
    identity: Identity
    allowed: Callable[[str], bool] | None
    language: Language = CHINESE
    pace: Pace = UNHURRIED

    def ask(
        self,
        question: str,
        top_k: int | None = None,
        documents: Sequence[str] = (),
        only: Filter = ALL,
        around: int = 0,
    ) -> Answer:
        """As `Service.ask`, of what they may see."""
        return self.service.ask(question, top_k, documents, self.allowed, only, around, self.pace)

    def search(
        self, question: str, top_k: int = 100, documents: Sequence[str] = (), only: Filter = ALL
    ) -> list[RankedDocument]:
        """As `Service.search`, of what they may see."""
        return self.service.search(question, top_k, documents, self.allowed, only, self.pace)

    def search_passages(
        self, question: str, top_k: int = 10, documents: Sequence[str] = (), only: Filter = ALL
    ) -> tuple[Hit, ...]:
        """As `Service.search_passages`, of what they may see."""
        return self.service.search_passages(question, top_k, documents, self.allowed, only, self.pace)

    def searched(self, documents: Sequence[str] = (), only: Filter = ALL) -> tuple[str, ...]:
        """The documents that a search so narrowed looks at."""
        return self.service.searched(documents, self.allowed, only)

    def passages(self) -> tuple[Passage, ...]:
        """All passages that they may see."""
        return tuple(passage for passage in self.service.current().passages if self.sees(passage.doc_id))

    def titles(self) -> dict[str, str]:
        """Title by doc_id of the documents that they may see."""
        return {doc_id: title for doc_id, title in self.service.current().titles.items() if self.sees(doc_id)}

    def documents(self) -> list[Record]:
        """The documents that they may see."""
        return [record for record in self.service.documents() if self.sees(record.document.doc_id)]

    def document(self, doc_id: str) -> Record:
        """One document. Raises NotFoundError."""
        return self.service.document(self.must_see(doc_id))

    def text(self, doc_id: str, start: int = 0, end: int | None = None) -> str:
        """A document's text at `[start, end)`. Raises NotFoundError, UsageError."""
        return self.service.text(self.must_see(doc_id), start, end)

    def around(self, doc_id: str, start: int, end: int, around: int = 1) -> Context:
        """What is around a span. Raises NotFoundError, UsageError."""
        return self.service.around(self.must_see(doc_id), start, end, around)

    def boxes(self, doc_id: str, start: int, end: int) -> tuple[LineBox, ...]:
        """Where a span lies on its pages. Raises NotFoundError, UsageError."""
        return self.service.boxes(self.must_see(doc_id), start, end)

    def pictured(self, doc_id: str) -> bool:
        """Whether the pages of a document can be shown. Raises NotFoundError."""
        return self.service.pictured(self.must_see(doc_id))

    def page_image(self, doc_id: str, number: int) -> bytes:
        """A page of a document, PNG. Raises NotFoundError."""
        return self.service.page_image(self.must_see(doc_id), number)

    def describe(self, doc_id: str, facts: Mapping[str, str]) -> Record:
        """Change what a document is cited by. Raises NotFoundError, UsageError."""
        return self.service.describe(self.must_see(doc_id), facts)

    def remove(self, doc_id: str) -> None:
        """Remove a document. Raises NotFoundError."""
        self.service.remove([self.must_see(doc_id)])

    def may_replace(self, name: str) -> None:
        """Raise ForbiddenError unless they may see a document of that name, and all that an archive so named holds."""
        held = (doc_id for doc_id in self.service.catalog.sources() if doc_id.startswith(f"{name}/"))
        if not all(self.sees(doc_id) for doc_id in (name, *held)):
            raise ForbiddenError(
                f"不能用“{name}”这个名字：它属于您无权查看的文档集。请换个名字。/ The name belongs to another collection.",
                code="collection-forbidden",
            )

    def sees(self, doc_id: str) -> bool:
        """Whether they may see a document of that name."""
        return self.allowed is None or self.allowed(doc_id)

    def must_see(self, doc_id: str) -> str:
        """The name again. Raises NotFoundError when they may not see such a document."""
        if not self.sees(doc_id):
            raise NotFoundError(f"索引中没有文档《{doc_id}》。/ No such document.")  # as if there were none
        return doc_id


def visible_of(request: Request) -> Visible:
    """What the sender of the request may see."""
    return request.scope["state"]["visible"]


async def _visible(request: Request) -> Visible:
    return visible_of(request)  # a coroutine, for which no thread is taken


Mine = Annotated[Visible, Depends(_visible)]
