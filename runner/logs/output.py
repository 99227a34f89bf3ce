"""Where the log goes: standard error for whoever watches, a file of JSON lines for machines.

In: level, form, a folder. Out: the logging of this process, ours and the libraries', until `close`.
Refuses to know: settings, what is logged. Rotation is the standard library's: 10 MB a file, five files.

Everything passes the same end: no secret, no control character, no debug or info of a library. A log that
cannot be written (disk full) says so once on standard error and stops nothing.
"""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import IO, Literal

import structlog

from runner.logs.lines import as_json, as_text
from runner.logs.redact import redact

Form = Literal["text", "json"]

FILE_BYTES_MAX = 10_000_000
FILES_MAX = 5
_OURS = "runner"
_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True),
    structlog.processors.StackInfoRenderer(),
)


class LogOutput:
    """The handlers and hooks of one `set_up`; `close` takes them away again."""

    def __init__(self, handlers: list[logging.Handler], level: int) -> None:
        self._handlers = handlers
        self._root_level = logging.getLogger().level
        self._hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
        for handler in handlers:
            logging.getLogger().addHandler(handler)
        logging.getLogger().setLevel(level)
        logging.captureWarnings(True)
        sys.excepthook = _unhandled
        threading.excepthook = _unhandled_in_thread
        sys.unraisablehook = _unraisable

    def close(self) -> None:
        """Back to how it was."""
        root = logging.getLogger()
        for handler in self._handlers:
            root.removeHandler(handler)
            with suppress(OSError):  # what a full disk did not take
                handler.close()
        root.setLevel(self._root_level)
        logging.captureWarnings(False)
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._hooks
        structlog.reset_defaults()

    def __enter__(self) -> "LogOutput":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def set_up(*, level: str, form: Form, stream: IO[str], folder: Path | None, name: str) -> LogOutput:
    """Log to `stream`, and to `folder/name.jsonl` if there is a folder. `name`: the bot's; one writer."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handlers: list[logging.Handler] = [_StreamHandler(stream)]
    handlers[0].setFormatter(_formatter(form))
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = _FileHandler(
            folder / f"{name}.jsonl", maxBytes=FILE_BYTES_MAX, backupCount=FILES_MAX - 1, encoding="utf-8"
        )
        file.setFormatter(_formatter("json"))
        handlers.append(file)
    for handler in handlers:
        handler.addFilter(_wanted)
    return LogOutput(handlers, logging.getLevelNamesMapping()[level.upper()])


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that takes facts by name: `log.warning("feed stale", age_s=31.2)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


@contextmanager
def about(**facts: str) -> Iterator[None]:
    """Every line inside, of tasks started inside too, carries these facts: run, bot."""
    with structlog.contextvars.bound_contextvars(**facts):
        yield


def _formatter(form: Form) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=list(_SHARED),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            as_json if form == "json" else as_text,
        ],
    )


def _wanted(record: logging.LogRecord) -> bool:
    """Ours as the level says; of libraries only what is at least a warning."""
    ours = record.name == _OURS or record.name.startswith(f"{_OURS}.")
    return ours or record.levelno >= logging.WARNING


class _StreamHandler(logging.StreamHandler[IO[str]]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 – logging's name
        """A closed terminal stops nothing; the record itself is not printed, it may hold a secret."""


class _FileHandler(RotatingFileHandler):
    """Readable by its owner only; says once that it cannot write."""

    _told = False

    def _open(self) -> IO[str]:  # type: ignore[override]
        opened = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(opened, "a", encoding=self.encoding)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 – logging's name
        fault = sys.exc_info()[1]
        if not self._told:
            self._told = True
            sys.stderr.write(f"warning: {self.baseFilename} cannot be written: {redact(str(fault))}\n")


def _unhandled(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger(_OURS).critical("unhandled fault", exc_info=(kind, fault, trace))


def _unhandled_in_thread(hooked: threading.ExceptHookArgs) -> None:
    if hooked.exc_value is not None and not issubclass(hooked.exc_type, SystemExit):
        _unhandled(hooked.exc_type, hooked.exc_value, hooked.exc_traceback)


def _unraisable(hooked: "sys.UnraisableHookArgs") -> None:
    if hooked.exc_value is not None:
        _unhandled(hooked.exc_type, hooked.exc_value, hooked.exc_traceback)
