"""The errors a user can cause or meet, each with a stable code and one clear sentence.

YuanwenError
├── UsageError            the call itself is wrong                         HTTP 400/422, exit 2 or 1
│   └── QuestionError     blank, too long, unreadable question
├── LoadError             one file cannot be read                          reported, never fatal for others
├── CorpusError           nothing readable at all, or a path is missing
├── ModelError            the embedding model is missing or unusable
├── IndexUnusable         the index is missing, damaged, or of another make
│   └── IndexMismatch     built with another model, prompt, chunker or tokenizer
├── CoverageError         text would be lost by cutting (promise 2)
├── CitationError         a quote no longer equals its source (promise 1)
├── StoppedError          someone stopped a long work
├── NotFoundError         the named document does not exist
├── AccessError           nobody known sends this, or the proof is not valid   HTTP 401
├── ForbiddenError        known, but may not do this                            HTTP 403
├── BusyError             too much at once; come back later                     HTTP 429
├── StoppingError         the service is being stopped; ask its successor        HTTP 503
├── EvaluationError       a test set cannot be read or scored
├── BackupError           a backup cannot be made, read or put in place
└── ServerError           the service cannot start (port in use, access mode missing)
"""


class YuanwenError(Exception):
    """Base of all expected errors: `code` is stable for programs, the message is for people."""

    code = "error"
    status = 500

    def __init__(self, message: str, *, code: str | None = None) -> None:
        """Keep the message; `code` overrides the class's code with a more precise one."""
        super().__init__(message)
        if code is not None:
            self.code = code


class UsageError(YuanwenError):
    """The call is malformed."""

    code = "usage"
    status = 400


class QuestionError(UsageError):
    """The question is blank, too long, or not text."""

    code = "question-invalid"
    status = 422


class LoadError(YuanwenError):
    """One source file cannot be read; the message names the file and what to do."""

    code = "load-failed"
    status = 422


class CorpusError(YuanwenError):
    """The corpus as a whole cannot be read: missing, empty, or nothing readable in it."""

    code = "corpus-unreadable"
    status = 422


class ModelError(YuanwenError):
    """The embedding model is missing or does not work."""

    code = "model-unavailable"
    status = 503


class IndexUnusable(YuanwenError):
    """The index is missing or damaged."""

    code = "index-unusable"
    status = 503


class IndexMismatch(IndexUnusable):
    """The index was built with another model, prompt, chunker or tokenizer (promise 7)."""

    code = "index-mismatch"


class CoverageError(YuanwenError):
    """Cutting a document would lose characters (promise 2)."""

    code = "coverage-short"


class CitationError(YuanwenError):
    """A citation does not equal its source (promise 1)."""

    code = "citation-broken"


class StoppedError(YuanwenError):
    """Someone stopped the work; what was committed before stays."""

    code = "stopped"
    status = 409


class NotFoundError(YuanwenError):
    """The named document is not in the index."""

    code = "not-found"
    status = 404


class StoppingError(YuanwenError):
    """The service was told to stop before the request had its turn."""

    code = "stopping"
    status = 503


class EvaluationError(YuanwenError):
    """A test set cannot be read or scored."""

    code = "evaluation-failed"
    status = 422


class BackupError(YuanwenError):
    """A backup cannot be made or read, or may not be put in place."""

    code = "backup-failed"


class ServerError(YuanwenError):
    """The web service cannot start."""

    code = "server-failed"


class AccessError(YuanwenError):
    """It is not known who sends the request, or what proves it is not valid."""

    code = "unauthorized"
    status = 401


class ForbiddenError(YuanwenError):
    """The sender of the request is known, but may not do this."""

    code = "forbidden"
    status = 403


class BusyError(YuanwenError):
    """Too many requests; `retry_after` says in how many seconds to come back."""

    code = "busy"
    status = 429

    def __init__(self, message: str, *, retry_after: int, code: str | None = None) -> None:
        """retry_after: seconds."""
        super().__init__(message, code=code)
        self.retry_after = retry_after
