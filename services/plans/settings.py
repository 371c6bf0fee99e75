"""Settings of the plans service, besides those of every service."""

from typing import Annotated

from pydantic import Field

from shared.web.pages.settings import PageSettings


class PlansSettings(PageSettings):
    """`MILEPOST_MAIL_HOUR` is the local hour at which mails fall due.

    `MILEPOST_MINIMUM_GROUP_SIZE` is how many people a seller plan needs to start, and below which
    no number about a group is told.
    """

    mail_hour: Annotated[int, Field(ge=0, le=23)] = 8
    minimum_group_size: Annotated[int, Field(ge=5)] = 10
