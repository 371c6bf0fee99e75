"""Pages of a service: templates filled in for one visitor, with the look that all of them share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jinja2
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from shared.kernel.clock import Clock
from shared.kernel.period import local_day
from shared.web.auth import Principal
from shared.web.oidc import IdentityProvider
from shared.web.pages import charts
from shared.web.pages.assets import Assets, assets_router
from shared.web.pages.flash import Flash, Flashes, Kind
from shared.web.pages.formatting import Formats, choose_locale
from shared.web.pages.forms import Form
from shared.web.pages.headers import SecurityHeaders, content_policy, page_headers
from shared.web.pages.navigation import ENTRIES, Entry, Site, Step, steps_for
from shared.web.pages.problem_pages import install_problem_pages
from shared.web.pages.settings import PageSettings
from shared.web.pages.theme import chosen_theme, theme_router
from shared.web.session import Session, Sessions, install_sessions
from shared.web.sign_in import SIGN_IN, SIGN_OUT, SIGNED_OUT, Attempts, sign_in_router

TEMPLATES: Final = Path(__file__).parent / "templates"
MACROS: Final = ("ui", "forms", "charts")
"""The macro files; each is there in every template under its name, bound to the visitor."""


@dataclass(frozen=True)
class Visit:
    """What a template knows about the visit, under the name `page`."""

    path: str
    url: str
    principal: Principal | None
    name: str
    csrf: str
    theme: str
    steps: list[Step]
    flash: Flash | None
    today: date
    sign_in_url: str
    sign_out_url: str

    @property
    def role(self) -> str:
        """The person's role in words."""
        roles = sorted(self.principal.roles) if self.principal else []
        return ", ".join(role.replace("_", " ") for role in roles).capitalize()


class Pages:
    """Renders the pages of one service.

    `site` says which of the sites this service is; `templates` and `static` are its own folders.
    In every template are: `page` (the visit), `f` (formats), `ui`, `forms`, `charts` (macros),
    `static(name)`, `console(path)` and `portal(path)` (addresses), and what the caller gives.
    """

    def __init__(
        self,
        settings: PageSettings,
        clock: Clock,
        *,
        site: Site,
        templates: Iterable[Path] = (),
        static: Iterable[Path] = (),
        entries: Iterable[Entry] = ENTRIES,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._site: Site = site
        self._entries = tuple(entries)
        self._bases: dict[Site, str] = {
            "console": "" if site == "console" else settings.console_url,
            "portal": "" if site == "portal" else settings.portal_url,
            "mails": "" if site == "mails" else settings.mails_url,
        }
        self._assets = Assets(static)
        self._environment = self._make_environment([*templates, TEMPLATES])
        self._sessions: Sessions | None = None
        self._flashes: Flashes | None = None

    def _make_environment(self, folders: list[Path]) -> jinja2.Environment:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folders),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.globals.update(
            static=self.static,
            console=lambda path: self._bases["console"] + path,
            portal=lambda path: self._bases["portal"] + path,
            chart=charts,
            no_form=Form(),
        )
        return environment

    def install(self, app: FastAPI) -> None:
        """Give an application what all pages need: sessions, static files, headers, problem pages.

        Sign-in has its doors under `/auth`, and everything here stays out of the API's description.
        """
        self._sessions = install_sessions(app, self._settings)
        if self._sessions is not None:
            self._flashes = Flashes(self._sessions, self._settings.session_keys)
            provider = IdentityProvider(self._settings, app.state.authenticator)
            attempts = Attempts(self._sessions, self._settings)
            app.include_router(sign_in_router(self._settings, provider, attempts))
            app.include_router(self._signed_out_router())
        app.include_router(assets_router(self._assets))
        app.include_router(theme_router(secure=self._settings.environment != "local"))
        install_problem_pages(app, self.render)
        app.add_middleware(SecurityHeaders, policy=self.policy())

    def _signed_out_router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)

        @router.get(SIGNED_OUT)
        async def signed_out(request: Request) -> Response:
            """Where signing out ends."""
            return self.render(request, "signed_out.html")

        return router

    def policy(self, frame_ancestors: tuple[str, ...] = ("'none'",)) -> str:
        """The content security policy of a page; `frame_ancestors` may embed it."""
        known = (self._settings.oidc_issuer, self._settings.discovery_url)
        # Services may ask the provider at another address than browsers do.
        urls = [urlsplit(url) for url in known if "://" in url]
        targets = dict.fromkeys(f"{url.scheme}://{url.netloc}" for url in urls)
        return content_policy(form_targets=tuple(targets), frame_ancestors=frame_ancestors)

    def static(self, name: str) -> str:
        """The address of a static file. Raises KeyError for one that is not there."""
        return f"/static/{self._assets.served_name(name)}"

    def formats(self, request: Request) -> Formats:
        """How this visitor reads days and figures."""
        accepted = request.headers.get("accept-language", "")
        return Formats(choose_locale(accepted, self._settings.locale), self._settings.zone)

    def render(
        self,
        request: Request,
        template: str,
        /,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """A page. The values are what the template knows besides what all templates know."""
        visit = self._visit(request)
        content = self.text(request, template, page=visit, **values)
        # Set here too: an answer to a crash passes by the middleware.
        response = HTMLResponse(content, status, page_headers(self.policy()) | dict(headers or {}))
        if visit.flash is not None and self._flashes is not None:
            self._flashes.told(response)
        return response

    def text(self, request: Request, template: str, /, **values: Any) -> str:
        """A template filled in, without an answer around it: for a part of a page."""
        values = {"f": self.formats(request), **values}
        if "page" not in values:
            values["page"] = self._visit(request)
        for name in MACROS:
            macros = self._environment.get_template(f"macros/{name}.html")
            values[name] = macros.make_module(dict(values))
        return self._environment.get_template(template).render(values)

    def redirect(self, url: str, told: str | None = None, kind: Kind = "success") -> Response:
        """On to another page after a form was taken; `told` is said there once."""
        response = RedirectResponse(url, 303, headers={"Cache-Control": "no-store"})
        if told is not None and self._flashes is not None:
            self._flashes.leave(response, Flash(told, kind))
        return response

    def _visit(self, request: Request) -> Visit:
        session = self._session(request)
        principal = session.principal if session else None
        path, query = request.url.path, request.url.query
        return Visit(
            path=path,
            url=f"{path}?{query}" if query else path,
            principal=principal,
            name=session.name if session else "",
            csrf=session.csrf if session else "",
            theme=chosen_theme(request),
            steps=steps_for(
                principal, self._entries, bases=self._bases, site=self._site, path=path
            ),
            flash=self._flashes.waiting(request) if self._flashes else None,
            today=local_day(self._clock.now(), self._settings.zone),
            sign_in_url=SIGN_IN,
            sign_out_url=SIGN_OUT,
        )

    def _session(self, request: Request) -> Session | None:
        return self._sessions.find(request) if self._sessions else None
