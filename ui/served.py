"""The whole service in one server: the API, the page, and what does the jobs."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from finetune.errors import OptionError
from finetune.service.datasets import Datasets, kept_by_api
from finetune.service.engine.place import DATABASE
from finetune.service.engine.store import JobStore
from finetune.service.guard import LOCAL_NAMES, Hosts
from finetune.service.room import kept_in_page
from finetune.service.service import PAGE as HOME
from finetune.service.service import Asks, Service
from finetune.service.tokens import TOKENS, TokenStore
from ui.app import DEFAULT_UPLOAD_GB, HOST, a_login, listening, mount_page, page_service, run_app

if TYPE_CHECKING:
    from finetune.service.login import Login

MOST_CONNECTIONS = 1000
PAGE = "page"


@dataclass(frozen=True)
class Wanted:
    """How to serve: on ``host`` and ``port``, under further ``names``, archives of up to ``upload_gb`` GB.

    With ``auth`` people sign in to the page; without, it takes the tokens that the API takes.
    """

    host: str = HOST
    port: int = 8000
    names: tuple[str, ...] = ()
    offline: bool = False
    upload_gb: float = DEFAULT_UPLOAD_GB
    page: bool = True
    auth: bool = False

    @property
    def is_local(self) -> bool:
        """Whether only this computer can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def hosts(self) -> Hosts:
        """Return the names that a request may ask for it by."""
        own = _shown(self.host).lower()
        names = LOCAL_NAMES | {own} | {name.lower() for name in self.names}
        return Hosts(names, any_address=not self.is_local)


def serve_all(data_dir: Path, wanted: Wanted, *, ready: Callable[[str], None] = print) -> None:
    """Serve until it is stopped, which raises KeyboardInterrupt (SIGTERM too); from the main thread only.

    ``ready`` is called with the address once it answers. Raises OptionError for an address beyond this computer
    while there is neither a token nor a login, for a login while there is no user, RunError while another server is
    at work in ``data_dir``, ResourceError for a port that cannot be had.
    """
    login = _login(data_dir, wanted)
    from finetune.service.api.app import make_app
    from finetune.service.api.connection import impatient
    from finetune.service.api.context import make_context
    from finetune.service.api.engine import at_work, refuse_second
    from finetune.service.api.limits import ApiLimits

    # uvicorn hands a signal on once it has stopped; this one must not skip what follows.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    data_dir.mkdir(parents=True, exist_ok=True)
    refuse_second(data_dir)
    limits = replace(ApiLimits(), archive=int(wanted.upload_gb * 10**9))
    host = HOST if wanted.host == "localhost" else wanted.host
    with listening(wanted.port, host) as listener, contextlib.ExitStack() as running:
        address = f"http://{_shown(host)}:{listener.getsockname()[1]}"
        page = running.enter_context(_page(data_dir, wanted)) if wanted.page else None
        # Entered last, so that jobs are put back before anything else of theirs is stopped.
        is_at_work = running.enter_context(at_work(data_dir))
        context = make_context(
            data_dir,
            limits=limits,
            hosts=wanted.hosts,
            is_local=wanted.is_local,
            asks_login=login is not None,
            offline=wanted.offline,
            is_at_work=is_at_work,
            elsewhere=functools.partial(kept_in_page, data_dir.resolve() / PAGE / HOME),
        )
        app = make_app(context, on_start=lambda: ready(address), login=login)
        if page is not None:
            page.announce(address)
            mount_page(app, page, upload_gb=wanted.upload_gb, login=login)
        run_app(app, listener, http=impatient(limits.header_s), ws="none", limit_concurrency=MOST_CONNECTIONS)


def _login(data_dir: Path, wanted: Wanted) -> Login | None:
    """Return who signs in, None where nobody has to; refuse to serve where others would be let in, or nobody."""
    if wanted.auth and not wanted.page:
        raise OptionError("--auth asks people on the page, which --no-page leaves out; leave one of them out")
    if wanted.auth:
        return a_login(data_dir)
    if not wanted.is_local and not TokenStore(data_dir / TOKENS).has_good:
        raise OptionError(
            f"--host {wanted.host} can be reached by others, and there is no token; make one with "
            f"`finetune token create NAME --data-dir {data_dir}`, or let people sign in to the page with --auth"
        )
    return None


@contextlib.contextmanager
def _page(data_dir: Path, wanted: Wanted) -> Iterator[Service]:
    from finetune.service.api.context import ASKED, DATASETS

    # The jobs of the page and of the API stand in one queue: one training a device.
    store = JobStore(data_dir / DATABASE)
    tokens = TokenStore(data_dir / TOKENS)

    def asks() -> Asks:
        if wanted.auth:
            return "login"
        return "nothing" if wanted.is_local and tokens.is_empty else "token"

    by_api = functools.partial(kept_by_api, Datasets(data_dir / DATASETS), Datasets(data_dir / ASKED))
    service = page_service(data_dir / PAGE, offline=wanted.offline, asks=asks, store=store, elsewhere=by_api)
    try:
        yield service
    finally:
        service.close()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
