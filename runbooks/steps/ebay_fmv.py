"""Look on eBay for what comparable copies are offered for, and what they sold for where eBay tells us; two searches at most."""

from __future__ import annotations

from bookops.outbound.errors import Refused
from runbooks.doors import ONE_OF_TWO, open_ebay
from runbooks.evaluating import named
from runbooks.finding import found
from runbooks.identifying import subject_of
from runbooks.queries import full_query, simple_query
from runbooks.reference_rows import Binder
from runbooks.sources.ebay import Ebay
from runbooks.sources.records import ListingFacts, Offers
from runbooks.steps import Done, Work

#: Searches of one run; each is one of the day's calls.
MOST_SEARCHES = 2
#: Priced results from which on the first question was a good one.
ENOUGH = 3


def run(work: Work) -> Done:
    """Return the offers that say most, by product number or by words, then by fewer words where too few have a price."""
    source = open_ebay(bulk=work.is_bulk)
    facts = ListingFacts.from_json(work.inputs["fetch_listing"]["facts"])
    subject = subject_of(facts, binders=named(Binder))
    # A person's words, else the product number, else ours. With sales there are two questions already: both had better find something.
    simple = simple_query(subject)
    gtin = "" if work.query else subject.isbn
    words = work.query or ("" if gtin else simple if source.shows_sold else full_query(subject))
    answers = [*_sold(source, gtin, words, work.flow), source.search(gtin=gtin, q=words, flow=work.flow)]
    is_poor = sum(len(answer.offers) for answer in answers if answer.usable) < ENOUGH
    if is_poor and simple not in ("", words) and len(answers) < MOST_SEARCHES and work.left > ONE_OF_TWO:
        answers.append(source.search(q=simple, flow=work.flow))
    return Done(found(subject, answers, besides=facts.legacy_id))


def _sold(source: Ebay, gtin: str, words: str, flow: str) -> list[Offers]:
    """Return what was sold; where eBay refuses to say, that is said and the search goes on."""
    if not source.shows_sold:
        return []
    try:
        return [source.sold(gtin=gtin, q=words, flow=flow)]
    except Refused as error:
        return [Offers((), 0, "sold prices", warnings=(f"{error.reason}: {error.detail}",))]
