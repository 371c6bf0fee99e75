"""The look that counts now, as one process knows it."""

from typing import Final

from services.notifier.domain.look import Look, Sender
from services.notifier.look import store
from services.notifier.settings import NotifierSettings
from services.notifier.store import Reader

PRODUCT: Final = "Milepost"


def look_of(settings: NotifierSettings) -> Look:
    """What mails look like until an administrator says so."""
    name, address = settings.sender
    return Look(version=0, name=name or PRODUCT, sender=Sender(name or PRODUCT, address))


class LookBook:
    """Follows the newest look: asked whenever mails are claimed, a change counts for the next."""

    def __init__(self, settings: NotifierSettings) -> None:
        self.now = look_of(settings)

    async def follow(self, connection: Reader) -> Look:
        """The newest look there is."""
        newer = await store.find_newer_look(connection, self.now.version)
        if newer is not None:
            self.now = newer
        return self.now
