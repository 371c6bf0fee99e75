"""`python -m deploy.local.keys FOLDER`: what the containers of a local stack share, as files.

The clock, the development issuer's key and JWKS, the token of each standing role (`<role>.token`),
the pages' client secret and session key. Keys are made once; tokens anew each time, since they name
the issuer.
"""

import sys
from pathlib import Path

from deploy.local import clock, issuer
from deploy.local.home import Home
from deploy.local.issuer import STANDING_ROLES, Holder


def write_keys(folder: Path) -> None:
    """Make what is missing, and write the tokens down."""
    home = Home(folder)
    home.make()
    clock.set_up_clock(home)
    issuer.public_keys(home)
    secrets = {role + ".token": issuer.issue(home, Holder((role,))) for role in STANDING_ROLES}
    for name, secret in (secrets | issuer.page_secrets(home)).items():
        (folder / name).write_text(secret)


if __name__ == "__main__":
    write_keys(Path(sys.argv[1]))
