import pytest

from runbooks.bindings import Binding, binding_of, is_leather, leather_word, suggested_percent


@pytest.mark.parametrize(
    ("text", "binding"),
    [
        ("Full green morocco, gilt", Binding.FULL_LEATHER),
        ("Leather bound", Binding.FULL_LEATHER),
        ("contemporary vellum", Binding.FULL_LEATHER),
        ("Half calf over marbled boards", Binding.HALF_LEATHER),
        ("three-quarter brown morocco", Binding.HALF_LEATHER),
        ("1/2 leather", Binding.HALF_LEATHER),
        ("half-bound", Binding.HALF_LEATHER),
        ("publisher's blind-stamped cloth", Binding.CLOTH),
        ("leatherette", None),
        ("faux leather over cloth", Binding.CLOTH),
        ("original wrappers", Binding.PAPER),
        ("Hardcover", None),
        ("", None),
    ],
)
def test_it_tells_the_classes_of_bindings_apart(text, binding):
    assert binding_of(text) is binding
    assert is_leather(text) is (binding in (Binding.FULL_LEATHER, Binding.HALF_LEATHER))


def test_it_names_the_leather_to_search_for():
    assert [leather_word(text) for text in ("crushed Morocco", "half calfskin", "vellum", "leather", "imitation morocco")] == [
        "morocco",
        "calf",
        "vellum",
        "",
        "",
    ]


def test_half_leather_is_worth_50_to_60_per_cent_of_full():
    assert 50 <= suggested_percent("half calf", "full morocco") <= 60
    assert 100 / 0.6 <= suggested_percent("full morocco", "half calf") <= 200
    assert suggested_percent("full calf", "full morocco") is None
    assert suggested_percent("", "full morocco") is None
