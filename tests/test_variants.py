"""Of functions that differ by constants alone, one has an entry of its own."""

from __future__ import annotations

from evallint.extract import extract
from evallint.interpret import interpret
from evallint.link import link

HEAD = """
from torch import nn


def build(width, frozen=False, **options):
    model = nn.Sequential(nn.Linear(8, width), nn.Dropout())
    if frozen:
        model.eval()
    return model
"""


def entries(text: str) -> list[str]:
    return [events.entry.partition(":")[2] for events in interpret(link({"zoo.py": extract(HEAD + text)}))]


def variant(name: str, call: str) -> str:
    return f"""

def {name}(**options):
    options.setdefault("depth", 3)
    settings = dict(options, bias=False)
    return {call}
"""


def test_one_variant_of_an_architecture_stands_for_all() -> None:
    text = "".join(variant(f"net{width}", f"build({width}, **settings)") for width in (16, 32, 64, 128))
    assert entries(text) == ["<module>", "net16"]


def test_variants_by_a_flag_are_of_another_kind() -> None:
    plain = "".join(variant(f"net{width}", f"build({width}, **settings)") for width in (16, 32, 64))
    frozen = "".join(variant(f"frozen{width}", f"build({width}, frozen=True, **settings)") for width in (16, 32, 64))
    assert entries(plain + frozen) == ["<module>", "net16", "frozen16"]


def test_variants_by_a_word_for_a_use_are_of_another_kind() -> None:
    calls = "".join(
        variant(f"net{number}", f"build(8, {word!r})") for number, word in enumerate(("train", "val", "val"))
    )
    assert entries(calls + variant("test_net", "build(8, 'val')")) == ["<module>", "net0", "net1", "test_net"]


def test_what_a_function_does_itself_is_always_followed() -> None:
    text = "".join(variant(f"net{width}", f"build({width}, **settings).eval()") for width in (16, 32, 64))
    assert entries(text) == ["<module>", "net16", "net32", "net64"]
