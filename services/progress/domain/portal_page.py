"""A page of the portal that the supplier writes: its fields, their bounds, and its address."""

import re
import unicodedata
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

LONGEST_NAME: Final = 120
LONGEST_TEXT: Final = 20_000
MOST_PAGES: Final = 200
TEMPLATES: Final = {"one_column": "One column", "two_columns": "Two columns"}
PLACES: Final = {
    "top": "Top navigation",
    "footer": "Footer",
    "none": "Nowhere: by its address only",
}
_NO_SLUG: Final = re.compile(r"[^a-z0-9]+")
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


class PageDraft(BaseModel):
    """What is saved of a page, as it was typed."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    template: Literal["one_column", "two_columns"]
    content: Text = ""
    aside: Text = ""
    place: Literal["top", "footer", "none"] = "top"
    position: Annotated[int, Field(ge=0, le=999)] = 0
    active: bool = False

    @field_validator("name", "content", "aside")
    @classmethod
    def _storable(cls, text: str) -> str:
        if "\x00" in text:
            raise ValueError("must not contain a null character")
        return text

    @classmethod
    def empty(cls) -> Self:
        """What the form of a new page begins with."""
        return cls(name="New page", template="one_column", content="{{ Success Plan }}\n")


def slug_of(name: str, attempt: int = 0) -> str:
    """A page's address by its name; further attempts for names that come to the same."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _NO_SLUG.sub("-", plain).strip("-")[:60].strip("-") or "page"
    return f"{slug}-{attempt + 1}" if attempt else slug
