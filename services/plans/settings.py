"""Settings of the plans service, besides those of every service."""

from typing import Annotated

from pydantic import Field

from shared.web.pages.settings import PageSettings


class PlansSettings(PageSettings):
    """`MILEPOST_MAIL_HOUR` is the local hour at which monthly mails fall due."""

    mail_hour: Annotated[int, Field(ge=0, le=23)] = 8
