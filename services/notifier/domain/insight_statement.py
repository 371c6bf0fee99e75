"""A seller's insights as progress tells them: what a mail shows of them."""

import msgspec


class Account(msgspec.Struct, frozen=True):
    name: str
    annual_revenue: str | None = None
    currency: str = "USD"
    seconds: int = 0
    change_percent: int | None = None
    people: int = 0


class Side(msgspec.Struct, frozen=True):
    percent: int
    seconds: int = 0
    change_percent: int | None = None


class Collaboration(msgspec.Struct, frozen=True):
    seconds: int
    external: Side
    internal: Side


class Peers(msgspec.Struct, frozen=True):
    period: str
    external_percent: int
    internal_percent: int


class Depth(msgspec.Struct, frozen=True):
    accounts: list[Account] = []


class Group(msgspec.Struct, frozen=True):
    group: str
    seconds: int


class Networks(msgspec.Struct, frozen=True):
    groups: list[Group] = []


class Share(msgspec.Struct, frozen=True):
    percent: int


class Meetings(msgspec.Struct, frozen=True):
    name: str
    alone: Share
    with_manager: Share
    with_leadership: Share


class Time(msgspec.Struct, frozen=True):
    seconds: int = 0


class Manager(msgspec.Struct, frozen=True):
    one_to_one: Time = Time()
    accounts: list[Meetings] = []


class Insights(msgspec.Struct, frozen=True):
    """The contract's `GET /me/insights`."""

    collaboration: Collaboration
    peers: Peers | None = None
    time_with_customers: list[Account] = []
    depth_of_engagement: Depth = Depth()
    internal_networks: Networks = Networks()
    manager_interactions: Manager = Manager()
