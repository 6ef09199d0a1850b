"""What the demo's editors put above the results of a few words, in each language."""

from wagtail.contrib.search_promotions.models import Query, SearchPromotion

from core.transactions import inside_transaction
from home.models import HomePage, PoolIndexPage, StandardPage

GIVE = ("give", "donate", "donner", "don", "doar", "donativo")
CONTRIBUTE = ("contribute", "help", "contribuer", "aider", "contribuir", "ajudar")


@inside_transaction
def load(home: HomePage) -> None:
    """Choose what is not chosen yet."""
    pools = PoolIndexPage.objects.child_of(home).first()
    contribute = StandardPage.objects.child_of(home).filter(slug="contribute").first()
    for words, page in ((GIVE, pools), (CONTRIBUTE, contribute)):
        for word in words if page is not None else ():
            query = Query.get(word)
            if not query.editors_picks.exists():
                SearchPromotion.objects.create(query=query, page=page, sort_order=0)
