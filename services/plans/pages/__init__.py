"""The console: strategies and plans for the supplier, seller plans for analysts."""

from fastapi import APIRouter

from services.plans.pages.bulk import bulk_pages, import_pages
from services.plans.pages.plans import plan_deletion, plan_editor, plan_pages
from services.plans.pages.sellers import (
    participant_lists,
    seller_plan_editor,
    seller_plan_pages,
)
from services.plans.pages.strategies import strategy_deletion, strategy_editor, strategy_pages
from shared.web.pages.rendering import Pages


def console_routers(pages: Pages) -> list[APIRouter]:
    """The pages of the console; names such as /plans/import stand before /plans/{plan_id}."""
    return [
        bulk_pages(pages),
        import_pages(pages),
        plan_pages(pages),
        plan_editor(pages),
        plan_deletion(pages),
        strategy_pages(pages),
        strategy_editor(pages),
        strategy_deletion(pages),
        seller_plan_pages(pages),
        seller_plan_editor(pages),
        participant_lists(pages),
    ]
