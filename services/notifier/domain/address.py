"""Mail addresses: which can be written to, and how one is spelled so that it is the same once."""

from email_validator import EmailNotValidError, validate_email


class AddressRefusedError(ValueError):
    """The address cannot be written to; the message says why."""


def normal(address: str) -> str:
    """The spelling under which an address counts once, whatever its case."""
    return address.strip().lower()


def checked(address: str) -> str:
    """The address as it goes into envelope and header: ASCII, an IDN domain in its ASCII form.

    Raises AddressRefusedError for what is no address or would need SMTPUTF8. Whether the domain
    exists is the mail server's to say: inside a company it may be one that the internet has not.
    """
    try:
        found = validate_email(
            address,
            check_deliverability=False,
            globally_deliverable=False,
            allow_smtputf8=False,
        )
    except EmailNotValidError as failure:
        raise AddressRefusedError(str(failure)) from None
    if not found.ascii_email:
        raise AddressRefusedError("The address needs SMTPUTF8.")
    return found.ascii_email
