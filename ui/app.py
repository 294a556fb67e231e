"""The page's server: a FastAPI application with the Gradio page in it, on this computer only."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from finetune.advice.language import Language
from finetune.errors import OptionError, ResourceError
from finetune.service.guard import Guard
from finetune.service.room import KeptBy, Room, nothing
from finetune.service.service import Asks, Service

if TYPE_CHECKING:
    from fastapi import FastAPI

    from finetune.service.api.limits import ApiLimits
    from finetune.service.engine.store import JobStore
    from finetune.service.login import Login

HOST = "127.0.0.1"
DEFAULT_PORT = 7860
PORTS_TRIED = 20
DEFAULT_UPLOAD_GB = 5.0


def serve(
    root: Path,
    *,
    port: int | None = None,
    offline: bool = False,
    upload_gb: float = DEFAULT_UPLOAD_GB,
    auth: bool = False,
    ready: Callable[[str], None] = print,
) -> None:
    """Serve the page until it is stopped, which raises KeyboardInterrupt (SIGTERM too); from the main thread only.

    ``ready`` is called with the page's address once it answers.

    Runs go to ``root``. ``port`` None takes 7860 or the next free one; one that is in use raises ResourceError. With
    ``auth`` the users that were added for ``root`` sign in, each to their own; OptionError while there is none.
    """
    login = a_login(root) if auth else None
    service = (
        page_service(root, offline=offline, asks=lambda: "login") if auth else Service(root, offline=offline)
    )
    # uvicorn hands a signal on once it has stopped; this one must not skip what follows.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with listening(port) as listener:
            address = f"http://{HOST}:{listener.getsockname()[1]}"
            service.announce(address)
            app = make_app(service, upload_gb=upload_gb, on_start=lambda: ready(address), login=login)
            run_app(app, listener)
    finally:
        service.close()


def a_login(folder: Path) -> Login:
    """Return the login of those who are users of ``folder``; raises OptionError while there is none."""
    from finetune.service.login import Login

    login = Login(folder)
    if login.users.is_empty:
        raise OptionError(
            f"nobody could sign in: there is no user; make one with `finetune user add NAME --data-dir {folder}`"
        )
    return login


def page_service(
    root: Path,
    *,
    offline: bool,
    asks: Callable[[], Asks],
    store: JobStore | None = None,
    elsewhere: KeptBy = nothing,
) -> Service:
    """Return the service of a page whose server tells who asks, each with the room that the API gives an owner.

    ``elsewhere`` tells what an owner keeps in the service beside the page.
    """
    from finetune.service.api.limits import ApiLimits
    from ui.asking import asking

    limits = ApiLimits()
    room = Room(kept=limits.kept, projects=limits.datasets, elsewhere=elsewhere)
    return Service(root, offline=offline, store=store, asking=asking, asks=asks, room=room)


def listening(port: int | None, host: str = HOST) -> socket.socket:
    """Return a socket that listens on ``host``; raises ResourceError where that cannot be.

    ``port`` None takes 7860 or the next free one.
    """
    wanted = range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED) if port is None else [port]
    for number in wanted:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        # Else a page that was just stopped would block its port for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
            listener.listen(128)
        except (OSError, OverflowError):
            listener.close()
        else:
            return listener
    tried = f"port {port} is" if port is not None else f"ports {wanted[0]} to {wanted[-1]} are"
    where = "" if host == HOST else f" on {host}"
    raise ResourceError(f"{tried} in use or not allowed{where}; choose another --port")


def run_app(app: FastAPI, listener: socket.socket, **options: Any) -> None:
    """Serve until a signal comes; ``options`` are further ones of uvicorn."""
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            # Open tabs hold streams, which are cut off now; each would print a traceback.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            super().handle_exit(sig, frame)

    config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=1, **options)
    Server(config).run(sockets=[listener])


def make_app(
    service: Service,
    *,
    upload_gb: float = DEFAULT_UPLOAD_GB,
    on_start: Callable[[], None] = lambda: None,
    login: Login | None = None,
    limits: ApiLimits | None = None,
) -> FastAPI:
    """Return the application over ``service``; uploads above ``upload_gb`` GB are refused, and slow bodies.

    With ``login`` it answers those who are signed in. ``limits`` None are the usual ones.
    """
    from fastapi import FastAPI

    from finetune.service.api.bodies import Bodies
    from finetune.service.api.limits import ApiLimits
    from finetune.service.api.signed_in import OF_LOGIN, SignedIn, by_login

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        on_start()
        yield

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    if login is not None:
        app.add_middleware(SignedIn, admit=by_login(login), asks_itself=OF_LOGIN.__contains__, is_login=True)
    # Addresses beside Gradio's, such as that which classifies, count the bytes of a body for themselves.
    app.add_middleware(Bodies, limits=limits or ApiLimits(), most=lambda _path: None)
    app.add_middleware(Guard)
    return mount_page(app, service, upload_gb=upload_gb, login=login, knows_owners=login is not None)


def mount_page(
    app: FastAPI,
    service: Service,
    *,
    upload_gb: float = DEFAULT_UPLOAD_GB,
    login: Login | None = None,
    knows_owners: bool = True,
) -> FastAPI:
    """Put the page over ``service`` at every path of ``app`` that is free, and return ``app``.

    With ``knows_owners`` something around ``app`` tells whose each request is, and the page answers no other; with
    ``login`` that is where people sign in.
    """
    _prepare_gradio(service.uploads)
    import gradio as gr
    from fastapi import APIRouter, Depends, FastAPI
    from starlette.middleware import Middleware
    from starlette.routing import Mount

    from finetune.service.api.bodies import Bodies
    from finetune.service.api.limits import ApiLimits
    from ui.addresses import UPLOAD, NoAddresses
    from ui.asking import of_request, owner_of
    from ui.clicks import clicks_head
    from ui.copying import copying_head
    from ui.downloads import add_downloads
    from ui.languages import CHINESE, Languages, gradio_words, said_at, speaking_head
    from ui.login import add_login
    from ui.look import STYLES, make_theme
    from ui.own_files import OwnFiles, OwnFilesOnly
    from ui.page import build_page
    from ui.signed_in import HEAD
    from ui.trial_downloads import add_trial_downloads
    from ui.uploads import PageUploads, most_of

    if login is not None:
        add_login(app, login)
    downloads = APIRouter(dependencies=[Depends(of_request)])
    add_downloads(downloads, service)
    add_trial_downloads(downloads, service)
    app.include_router(downloads)
    limits, most = ApiLimits(), most_of(upload_gb)
    files = OwnFiles(service.uploads)

    def refuse_beyond_room(owner: str, coming: int) -> None:
        service.refuse_beyond_room(owner, coming + files.held_bytes(owner))

    # The English page takes whatever path is left, so it comes last.
    pages: tuple[tuple[Language, str], ...] = (("zh", CHINESE), ("en", "/"))
    for language, path in pages:
        gr.mount_gradio_app(
            app,
            build_page(service, upload_gb=upload_gb, language=language, signs_in=login is not None),
            path=path,
            theme=make_theme(),
            css_paths=[*STYLES],
            i18n=gr.I18n(**gradio_words(language)),
            head=speaking_head(language)
            + clicks_head()
            + copying_head()
            + (HEAD if login is not None else ""),
            app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
            footer_links=[],
            max_file_size=int(upload_gb * 10**9),
            ssr_mode=False,
            run_history=False,
            enable_monitoring=False,
            allowed_paths=[],
            # What goes around the application lets nobody else in; Gradio asks again, and tells handlers.
            auth_dependency=owner_of if knows_owners else None,
        )
        gradio = app.routes[-1]
        assert isinstance(gradio, Mount)
        assert isinstance(gradio.app, FastAPI)
        gradio.app.user_middleware.append(
            Middleware(OwnFilesOnly, files=files)
        )  # within what packs the answers
        taking = PageUploads(NoAddresses(gradio.app), service.uploads, limits.reserve, refuse_beyond_room)
        gradio.app = Bodies(
            taking,
            limits,
            lambda path: most if path.removeprefix(CHINESE).startswith(UPLOAD) else None,
            said_at,
        )
    files.open_to_all()
    app.user_middleware.append(Middleware(Languages))  # within the guard
    return app


def _prepare_gradio(uploads: Path) -> None:
    """Say before Gradio is imported that it must tell nobody anything, and where uploads go; old ones are removed."""
    shutil.rmtree(uploads, ignore_errors=True)
    uploads.mkdir(parents=True)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
