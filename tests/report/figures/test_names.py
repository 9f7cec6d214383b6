"""Names in figures stay different where there is no room for all of them."""

import json

import pytest

from seedsweep.report.figures.names import shortened, with_short_names


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["adam", "sgd"], {}),
        (["a" * 10], {}),
        (["my_package.optimizers.Fast", "my_package.optimizers.Slow"], ["my_p…Fast", "my_p…Slow"]),
        (["x" * 9 + "1" + "x" * 9, "x" * 9 + "2" + "x" * 9], None),
    ],
)
def test_long_names_are_cut_in_the_middle_and_stay_different(names: list[str], shown: object) -> None:
    short = shortened(names, 10)
    if isinstance(shown, list):
        assert [short[name][:4] + "…" + short[name][-4:] for name in names] == shown
    elif shown is not None:
        assert short == shown
    assert len({short.get(name, name) for name in names}) == len(names)
    assert all(len(text) <= 10 or "… " in text for text in short.values())


def test_names_that_fit_are_as_they_are() -> None:
    assert with_short_names(["adam", "sgd"], 170) == {"labelLimit": 170}


def test_a_name_is_no_code_of_the_page() -> None:
    name = "'];alert(1);//" * 9
    expression = with_short_names([name], 170)["labelExpr"]
    table, rest = expression.removeprefix("(").rsplit(")[", 1)
    assert list(json.loads(table)) == [name]
    assert rest == "datum.value] || datum.value"
