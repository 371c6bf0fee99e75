"""Signing in at a service's pages through the development issuer, without a browser."""

import html
import re

import httpx

from deploy.local.personas import Persona

HTML = {"Accept": "text/html"}


def sign_in(client: httpx.Client, site: str, persona: Persona, wanted: str = "/") -> httpx.Response:
    """Sign a client in; its cookies then open the pages of every service of the stack.

    Gives the answer to the callback, which leads to the page that was `wanted`.
    """
    visit = client.get(
        f"{site}/auth/sign-in", params={"next": wanted}, headers=HTML, follow_redirects=True
    )
    return client.get(choose(client, visit, persona.code), headers=HTML)


def choose(client: httpx.Client, page: httpx.Response, who: str) -> str:
    """Click on a person of the issuer's page; gives the address of the way back."""
    sent = client.post(
        page.url.copy_with(query=None), data=hidden_fields(page.text) | {"who": who}, headers=HTML
    )
    assert sent.status_code == httpx.codes.SEE_OTHER, sent.text
    return sent.headers["location"]


def hidden_fields(page: str) -> dict[str, str]:
    """What a page's forms carry along unseen, the way back of the theme's switch left out."""
    found = re.findall(r'type="hidden" name="([\w.\[\]]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found if name != "next"}


def csrf_token(page: str) -> str:
    """The session's token, as its pages hold it."""
    found = re.search(r'<meta name="csrf-token" content="([^"]+)"', page)
    assert found is not None, "the page belongs to no session"
    return found[1]
