"""What names stand for across files, what classes derive from, and whether they heed their mode."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from evallint.extract import extract
from evallint.facts import Attribute, Expr, Name
from evallint.link import link
from evallint.program import (
    ClassSymbol,
    External,
    FunctionSymbol,
    ModuleSymbol,
    Nature,
    Program,
    Symbol,
    VariableSymbol,
)

MAKE = "def make(): ...\n"
"""A file with one function, its first."""

IMPORTS = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"


def linked(files: Mapping[str, str]) -> Program:
    return link({path: extract(text) for path, text in files.items()})


def dotted(name: str) -> Expr:
    root, *rest = name.split(".")
    found: Expr = Name(root)
    for part in rest:
        found = Attribute(found, part)
    return found


def stands_for(files: Mapping[str, str], name: str, path: str = "main.py") -> Symbol | None:
    """What a dotted name in a file stands for."""
    return linked(files).resolve(path, dotted(name))


def make_of(path: str) -> FunctionSymbol:
    return FunctionSymbol(path, 1)


def class_named(program: Program, name: str) -> ClassSymbol:
    """The class of this name, wherever it is."""
    (found,) = [
        ClassSymbol(path, index)
        for path, facts in program.files.items()
        for index, klass in enumerate(facts.classes)
        if klass.name == name
    ]
    return found


def lineage(program: Program, name: str) -> list[str]:
    """The class and its bases, by their titles."""
    return [program.title(symbol) for symbol in program.lineage(class_named(program, name))]


# ---- imports ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("import lib.nets", "lib.nets.make"),
        ("import lib", "lib.nets.make"),
        ("import lib.nets as n", "n.make"),
        ("import lib.nets as lib", "lib.make"),
        ("from lib import nets", "nets.make"),
        ("from lib import nets as n", "n.make"),
        ("from lib.nets import make", "make"),
        ("from lib.nets import make as m", "m"),
        ("from .lib import nets", "nets.make"),
        ("from .lib.nets import make", "make"),
        ("from . import lib", "lib.nets.make"),
        ("from lib.nets import *", "make"),
    ],
)
def test_an_import_of_a_file_stands_for_what_is_in_it(statement: str, name: str) -> None:
    files = {"main.py": f"{statement}\n", "lib/__init__.py": "", "lib/nets.py": MAKE}
    assert stands_for(files, name) == make_of("lib/nets.py")


@pytest.mark.parametrize(
    ("statement", "path"),
    [
        ("from .near import make", "a/b/near.py"),
        ("from . import near\nmake = 1\nfrom .near import make", "a/b/near.py"),
        ("from ..far import make", "a/far.py"),
        ("from ...top import make", "top.py"),
        ("from ..c.deep import make", "a/c/deep.py"),
    ],
)
def test_dots_count_folders(statement: str, path: str) -> None:
    files = {"a/b/main.py": f"{statement}\n", path: MAKE}
    assert stands_for(files, "make", "a/b/main.py") == make_of(path)


def test_a_relative_import_never_leaves_the_program() -> None:
    assert stands_for({"a/main.py": "from .torch import nn\n"}, "nn", "a/main.py") is None
    assert stands_for({"a/main.py": "from . import torch\n"}, "torch.nn", "a/main.py") is None


def test_what_is_no_file_is_outside() -> None:
    files = {"main.py": "import torch.nn as nn\nimport torch.optim\nfrom torch.nn import functional as F\n"}
    assert stands_for(files, "nn.Linear") == External("torch.nn.Linear")
    assert stands_for(files, "torch.optim.SGD") == External("torch.optim.SGD")
    assert stands_for(files, "F.dropout") == External("torch.nn.functional.dropout")


def test_nothing_is_known_of_what_nothing_binds() -> None:
    files = {"main.py": "from lib import absent\nimport lib\n", "lib.py": MAKE}
    assert stands_for(files, "never") is None
    assert stands_for(files, "absent") is None
    assert stands_for(files, "lib.absent") is None
    assert stands_for(files, "make") is None
    assert stands_for(files, "make", "no_such_file.py") is None


def test_a_package_hands_on_what_it_imports() -> None:
    files = {
        "main.py": "import lib\nfrom lib import make, build\n",
        "lib/__init__.py": "from .nets import make\nfrom lib.nets import make as build\nfrom .nets import *\n",
        "lib/nets.py": MAKE,
    }
    for name in ("make", "build", "lib.make", "lib.build"):
        assert stands_for(files, name) == make_of("lib/nets.py")


def test_a_chain_of_files_hands_on() -> None:
    files = {"main.py": "from a import x\n", "a.py": "from b import y as x\n", "b.py": "from c import *\n"}
    assert stands_for({**files, "c.py": "def y(): ...\n"}, "x") == make_of("c.py")
    assert stands_for({**files, "c.py": "from torch import nn as y\n"}, "x.Linear") == External("torch.nn.Linear")


def test_what_a_file_hands_on_from_outside_is_outside() -> None:
    files = {
        "main.py": "from lib import nn, Base\n",
        "lib.py": "from torch import nn\nfrom torch.nn import Module as Base\n",
    }
    assert stands_for(files, "nn.Linear") == External("torch.nn.Linear")
    assert stands_for(files, "Base") == External("torch.nn.Module")


def test_imports_in_a_circle_stand_for_nothing() -> None:
    files = {"main.py": "from a import f\n", "a.py": "from b import f\n", "b.py": "from a import f\n"}
    assert stands_for(files, "f") is None
    assert stands_for({"main.py": "from main import f\n"}, "f") is None
    assert stands_for({"main.py": "from a import *\n", "a.py": "from main import *\n"}, "f") is None


def test_a_circle_of_files_hides_nothing_else() -> None:
    files = {
        "main.py": "from a import f, g\n",
        "a.py": "from b import *\ndef f(): ...\n",
        "b.py": "from a import *\ndef g(): ...\n",
    }
    assert stands_for(files, "f") == make_of("a.py")
    assert stands_for(files, "g") == make_of("b.py")


def test_a_files_own_name_goes_before_a_star() -> None:
    files = {"main.py": "from a import *\ndef make(): ...\n", "a.py": MAKE}
    assert stands_for(files, "make") == make_of("main.py")


def test_circles_of_stars_are_searched_to_the_end_whoever_asks_first() -> None:
    files = {
        "a.py": "from b import *\nfrom c import *\n",
        "b.py": "from a import *\n",
        "c.py": f"from b import *\n{MAKE}",
    }
    for order in (("a.py", "b.py"), ("b.py", "a.py")):
        program = linked(files)
        assert [program.lookup(path, "make") for path in order] == [make_of("c.py")] * 2


def test_many_stars_that_lead_to_each_other_are_searched_once() -> None:
    stars = "".join(f"from m{number} import *\n" for number in range(40))
    assert stands_for({"main.py": stars, **{f"m{number}.py": stars for number in range(40)}}, "make") is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("from a import *\nfrom b import *\n", "b.py"),
        ("from b import *\nfrom a import *\n", "a.py"),
        ("from a import *\nfrom empty import *\n", "a.py"),
        ("from a import make\nfrom b import *\n", "b.py"),
        ("from b import *\nfrom a import make\n", "a.py"),
        ("def make(): ...\nfrom a import *\n", "a.py"),
        ("try:\n    from a import *\nexcept ImportError:\n    from b import *\n", "a.py"),
        ("try:\n    from none_such import *\nexcept ImportError:\n    from b import *\n", "b.py"),
        ("try:\n    from empty import make\nexcept ImportError:\n    from b import make\n", "b.py"),
    ],
)
def test_the_last_import_that_leads_somewhere_binds_the_name(text: str, path: str) -> None:
    files = {"main.py": text, "a.py": MAKE, "b.py": MAKE, "empty.py": ""}
    found = stands_for(files, "make")
    assert isinstance(found, FunctionSymbol)
    assert found.path == path


@pytest.mark.parametrize(
    ("stated", "hands_on"),
    [
        ("", {"make"}),
        ("__all__ = ['make', '_own']", {"make", "_own"}),
        ("__all__ = ('other',)", set()),
        ("__all__ = []", set()),
        ("__all__: list[str] = ['_own']", {"_own"}),
        ("__all__ = ['other']\n__all__ += ['make']", {"make"}),
        ("__all__ = ['other'] + ['_own']", {"_own"}),
        ("__all__ = []\n__all__.extend(['make'])\n__all__.append('_own')", {"make", "_own"}),
        ("import more\n__all__ = [*more.__all__, '_own']", {"make", "_own"}),
        ("import more\n__all__ = ['_own'] + more.__all__", {"make", "_own"}),
        ("if here:\n    __all__ = ['make']", {"make"}),
        ("__all__ = [name for name in names]", {"make"}),
        ("__all__ = ['_own'] + names()", {"make"}),
    ],
)
def test_a_star_takes_what_all_states(stated: str, hands_on: set[str]) -> None:
    lib = f"{MAKE}def _own(): ...\n{stated}\n"
    files = {"main.py": "from lib import *\n", "lib.py": lib, "more.py": "__all__ = ['make']\n"}
    assert {name for name in ("make", "_own") if stands_for(files, name)} == hands_on


def test_a_star_takes_the_modules_that_all_states() -> None:
    files = {"main.py": "from lib import *\n", "lib/__init__.py": "__all__ = ['nets']\n", "lib/nets.py": MAKE}
    assert stands_for(files, "nets.make") == make_of("lib/nets.py")


def test_of_a_star_from_outside_what_the_tables_know_is_taken() -> None:
    files = {"main.py": "from torch.nn import *\nfrom none_such import *\n"}
    assert stands_for(files, "Dropout") == External("torch.nn.Dropout")
    assert stands_for(files, "whatever") is None


# ---- where files are looked for -----------------------------------------------------------------


def test_the_src_folder_is_a_root() -> None:
    files = {"src/lib/__init__.py": "", "src/lib/nets.py": MAKE, "vendored/old/lib/nets.py": MAKE}
    for path in ("tests/test_a.py", "train.py", "src/lib/other.py", "src/main.py"):
        assert stands_for({**files, path: "from lib.nets import make\n"}, "make", path) == make_of("src/lib/nets.py")


def test_of_two_packages_of_one_name_the_near_one_is_meant() -> None:
    files = {
        "one/main.py": "from utils.nets import make\nimport helper\n",
        "one/utils/nets.py": MAKE,
        "one/helper.py": MAKE,
        "two/main.py": "from utils.nets import make\nimport helper\n",
        "two/utils/nets.py": MAKE,
        "two/helper.py": MAKE,
        "utils/nets.py": MAKE,
        "main.py": "from utils.nets import make\nimport helper\n",
    }
    for folder in ("one/", "two/", ""):
        assert stands_for(files, "make", f"{folder}main.py") == make_of(f"{folder}utils/nets.py")
    assert stands_for(files, "helper", "two/main.py") == ModuleSymbol("two/helper.py")
    assert stands_for(files, "helper", "main.py") == External("helper"), "one name alone is looked for upwards only"


def test_a_file_far_away_is_meant_where_it_alone_fits() -> None:
    files = {"tools/main.py": "from lib.nets import make\n", "python/lib/nets.py": MAKE}
    assert stands_for(files, "make", "tools/main.py") == make_of("python/lib/nets.py")
    two = {**files, "other/lib/nets.py": MAKE}
    assert stands_for(two, "make", "tools/main.py") == External("lib.nets.make")
    one_word = {"tools/main.py": "import torch\n", "python/lib/torch.py": MAKE}
    assert stands_for(one_word, "torch.make", "tools/main.py") == External("torch.make"), "one word fits too easily"


def test_a_folder_needs_no_init_file() -> None:
    files = {"a/lib/nets.py": MAKE, "a/lib/other.py": "from . import nets\nfrom .nets import make\n"}
    main = {**files, "a/main.py": "import lib.nets as n\nfrom lib import nets\nfrom lib.nets import make\n"}
    for name in ("n.make", "nets.make", "make"):
        assert stands_for(main, name, "a/main.py") == make_of("a/lib/nets.py")
    for name in ("nets.make", "make"):
        assert stands_for(files, name, "a/lib/other.py") == make_of("a/lib/nets.py")


@pytest.mark.parametrize("statement", ["import lib.nets", "import lib", "import lib.nets, lib.other"])
def test_a_mere_folder_has_its_modules(statement: str) -> None:
    files = {"main.py": f"{statement}\n", "lib/nets.py": MAKE, "lib/deep/er.py": MAKE}
    assert stands_for(files, "lib.nets.make") == make_of("lib/nets.py")
    assert stands_for(files, "lib.deep.er.make") == make_of("lib/deep/er.py")
    assert stands_for(files, "lib.absent") is None


def test_a_package_hides_a_module_of_its_name_and_both_a_mere_folder() -> None:
    files = {"main.py": "from lib import make\n", "lib.py": MAKE, "lib/nets.py": ""}
    assert stands_for(files, "make") == make_of("lib.py")
    assert stands_for({**files, "lib/__init__.py": MAKE}, "make") == make_of("lib/__init__.py")
    deep = {"a/b/main.py": "from lib import make\n", "a/b/lib/other.py": "", "lib/__init__.py": MAKE}
    assert stands_for(deep, "make", "a/b/main.py") == make_of("lib/__init__.py")


def test_a_folder_may_be_one_part_of_a_package() -> None:
    files = {"a/main.py": "from lib import nets\nimport lib.nets\n", "a/lib/other.py": "", "lib/nets.py": MAKE}
    assert stands_for(files, "nets.make", "a/main.py") == make_of("lib/nets.py")
    assert stands_for(files, "lib.nets.make", "a/main.py") == make_of("lib/nets.py")


def test_a_relative_import_of_the_folder_itself_is_not_its_namesake() -> None:
    files = {"lib/main.py": "from . import make\n", "lib.py": MAKE}
    assert stands_for(files, "make", "lib/main.py") is None


def test_a_relative_import_from_beyond_the_top_is_nothing() -> None:
    files = {"main.py": "from .. import make\nfrom ..lib import make as m\n", "lib.py": MAKE, "__init__.py": MAKE}
    assert stands_for(files, "make") is None
    assert stands_for(files, "m") is None


def test_within_a_package_no_file_hides_a_module_of_python_or_of_a_known_library() -> None:
    files = {"lib/main.py": "import copy\nimport timm\n", "lib/copy.py": MAKE, "lib/timm/__init__.py": MAKE}
    for name in ("copy", "timm"):
        script = stands_for(files, f"{name}.make", "lib/main.py")
        assert isinstance(script, FunctionSymbol), "the folder of a script goes first"
        assert stands_for({**files, "lib/__init__.py": ""}, name, "lib/main.py") == External(name)


def test_a_mere_folder_hides_no_library() -> None:
    files = {"main.py": "import timm\nimport data\n", "timm/notes.py": MAKE, "data/notes.py": MAKE}
    assert stands_for(files, "timm.notes") == External("timm.notes")
    assert stands_for(files, "data.notes") == ModuleSymbol("data/notes.py")


def test_a_file_far_away_is_rather_below_no_package() -> None:
    files = {
        "tools/main.py": "from lib.nets import make\nimport lib.nets\n",
        "python/lib/nets.py": MAKE,
        "old/lib/nets.py": MAKE,
        "old/__init__.py": "",
    }
    assert stands_for(files, "make", "tools/main.py") == make_of("python/lib/nets.py")
    assert stands_for(files, "lib.nets.make", "tools/main.py") == make_of("python/lib/nets.py")


def test_names_that_begin_above_the_directory_of_the_run_are_understood() -> None:
    texts = {"main.py": "from lib.nets import make\nimport lib.nets\n", "nets.py": MAKE, "__init__.py": ""}
    facts = {path: extract(text) for path, text in texts.items()}
    program = link(facts, {path: f"/home/me/project/lib/{path}" for path in texts})
    assert program.lookup("main.py", "make") == make_of("nets.py")
    assert program.resolve("main.py", dotted("lib.nets.make")) == make_of("nets.py")


def test_an_installed_package_sees_no_file_of_the_program() -> None:
    files = {"<installed>/lib/main.py": "import helper\nfrom lib.nets import make\n", "helper.py": MAKE}
    assert stands_for(files, "helper", "<installed>/lib/main.py") == External("helper")
    files["<installed>/lib/nets.py"] = MAKE
    assert stands_for(files, "make", "<installed>/lib/main.py") == make_of("<installed>/lib/nets.py")


# ---- what a file binds --------------------------------------------------------------------------


def test_a_file_binds_functions_classes_and_variables() -> None:
    files = {"main.py": "def f(): ...\nclass K:\n    def m(self): ...\na, (b, *c) = d = 1\n"}
    assert stands_for(files, "f") == FunctionSymbol("main.py", 1)
    assert stands_for(files, "K") == ClassSymbol("main.py", 0)
    assert stands_for(files, "K.m") == FunctionSymbol("main.py", 2)
    assert stands_for(files, "m") is None
    for name in ("a", "b", "c", "d"):
        assert stands_for(files, name) == VariableSymbol("main.py", name)


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    from quick import make\nexcept ImportError:\n    make = None\n",
        "try:\n    make = quick\nexcept NameError:\n    from quick import make\n",
        "if fast:\n    from quick import make\nelse:\n    from torch import make\n",
        "if not fast:\n    pass\nelse:\n    from quick import make\n",
        "with hushed():\n    from quick import make\n",
        "from torch import make\nfrom quick import make\n",
        "from quick import make\nmake = wrapped(make)\n",
        "try:\n    pass\nfinally:\n    from quick import make\n",
        "if TYPE_CHECKING:\n    from quick import make\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from quick import make\nelse:\n    make = lazily()\n",
        "while not done:\n    from quick import make\n",
        "for _ in ():\n    pass\nelse:\n    from quick import make\n",
        "match a:\n    case 1:\n        from quick import make\n",
        "try:\n    import quick\n    make = quick.other\nexcept ImportError:\n    pass\nfrom quick import make\n",
    ],
)
def test_a_name_is_bound_wherever_a_file_may_bind_it(text: str) -> None:
    assert stands_for({"main.py": text, "quick.py": MAKE}, "make") == make_of("quick.py")


def test_what_is_tried_goes_before_what_replaces_it() -> None:
    text = "try:\n    import flash as attention\nexcept ImportError:\n    import quick as attention\n"
    assert stands_for({"main.py": text, "quick.py": MAKE}, "attention") == External("flash")


def test_names_within_functions_are_not_the_files() -> None:
    assert stands_for({"main.py": "def f():\n    import torch\n    def g(): ...\n"}, "torch") is None


# ---- classes ------------------------------------------------------------------------------------

FAMILY = f"""\
{IMPORTS}
class Base(nn.Module):
    def forward(self): ...
    def fit(self): ...

class Child(Base, metaclass=Meta):
    def forward(self): ...

class Plain(object): ...
"""


def test_a_class_comes_before_its_bases() -> None:
    program = linked({"main.py": FAMILY})
    assert lineage(program, "Child") == ["Child", "Base", "Module"]
    assert lineage(program, "Plain") == ["Plain"]


def test_what_derives_from_a_module_is_one() -> None:
    program = linked({"main.py": FAMILY})
    assert [program.is_module(class_named(program, name)) for name in ("Base", "Child", "Plain")] == [True, True, False]
    assert program.is_module(External("torch.nn.Linear"))
    assert not program.is_module(External("torch.optim.SGD"))
    assert not program.is_module(None)
    assert not program.is_module(FunctionSymbol("main.py", 1))


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("from lib import Base", "Base"),
        ("import lib", "lib.Base"),
        ("from lib import *", "Base"),
        ("from lib import Base as Other", "Other"),
        ("from torch import nn\nOther = nn.Module", "Other"),
        ("import torch\nOther: type = torch.nn.Module", "Other"),
        ("from lib import Base\nFirst = Base\nOther = First", "Other"),
        ("import lib\nOther = lib.Alias", "Other"),
        ("from lib import Alias", "Alias"),
        ("from pytorch_lightning import LightningModule", "LightningModule"),
        ("from torchvision.models import ResNet", "ResNet"),
    ],
)
def test_a_base_is_found_through_imports_and_aliases(text: str, base: str) -> None:
    lib = "from torch import nn\nclass Base(nn.Module): ...\nAlias = Base\n"
    program = linked({"main.py": f"{text}\nclass Net({base}): ...\n", "lib.py": lib})
    assert program.is_module(class_named(program, "Net"))


@pytest.mark.parametrize("base", ["", "Unknown", "object", "make()", "metaclass=nn.Module", "Net", "Self"])
def test_other_bases_make_no_module(base: str) -> None:
    program = linked({"main.py": f"{IMPORTS}Self = Self\nclass Net({base}): ...\n"})
    assert lineage(program, "Net") == ["Net"]
    assert not program.is_module(class_named(program, "Net"))


def test_classes_that_derive_from_each_other_end_somewhere() -> None:
    program = linked({"main.py": "class A(B): ...\nclass B(A): ...\nclass C(A): ...\n"})
    assert lineage(program, "A") == ["A", "B"]
    assert lineage(program, "C") == ["C", "A", "B"]


def test_a_shared_base_is_there_once() -> None:
    text = "class A(nn.Module): ...\nclass B(A): ...\nclass C(A): ...\nclass D(B, C): ...\n"
    found = lineage(linked({"main.py": IMPORTS + text}), "D")
    assert found[:2] == ["D", "B"]
    assert sorted(found) == ["A", "B", "C", "D", "Module"]


def test_bases_stand_in_the_order_of_python() -> None:
    diamond = "class O: ...\nclass A(O): ...\nclass B(O): ...\nclass C(A, B): ...\n"
    assert lineage(linked({"main.py": diamond}), "C") == ["C", "A", "B", "O"]
    wide = (
        "class O: ...\nclass A(O): ...\nclass B(O): ...\nclass C(O): ...\nclass D(O): ...\nclass E(O): ...\n"
        "class K1(A, B, C): ...\nclass K2(D, B, E): ...\nclass K3(D, A): ...\nclass Z(K1, K2, K3): ...\n"
    )
    namespace: dict[str, type] = {}
    exec(wide, namespace)
    order = [klass.__name__ for klass in namespace["Z"].__mro__ if klass is not object]
    assert lineage(linked({"main.py": wide}), "Z") == order


def test_bases_without_an_order_are_there_once_all_the_same() -> None:
    text = "class A: ...\nclass B(A): ...\nclass C(A, B): ...\n"
    assert lineage(linked({"main.py": text}), "C") == ["C", "A", "B"]
    twice = "class A: ...\nclass C(A, A): ...\n"
    assert lineage(linked({"main.py": twice}), "C") == ["C", "A"]


def test_super_in_a_diamond_is_the_next_in_the_line() -> None:
    text = (
        "class O:\n    def m(self): ...\nclass A(O):\n    def m(self): ...\n"
        "class B(O):\n    def m(self): ...\nclass C(A, B): ...\n"
    )
    program = linked({"main.py": text})
    found = program.method(class_named(program, "C"), "m", after=class_named(program, "A"))
    assert found is not None
    assert program.function(found).qualname == "B.m"


@pytest.mark.parametrize(
    "text",
    [
        "class Net(Base[int]): ...",
        "class Net(lib.Base[int, str]): ...",
        "class Net(Generic[T], Base[T]): ...",
        "Short = Base\nclass Net(Short[int]): ...",
        "class Outer:\n    class Inner(nn.Module): ...\nclass Net(Outer.Inner): ...",
        "class Outer:\n    class Inner(nn.Module): ...\n    class Net(Inner): ...",
        "def make():\n    class Inner(nn.Module): ...\n    class Net(Inner): ...",
        "def make():\n    from lib import Base as Inner\n    class Net(Inner): ...",
        "def make():\n    class Inner(nn.Module): ...\n    def more():\n        class Net(Inner): ...",
        "class Net(object, Base): ...",
    ],
)
def test_a_base_is_found_within_brackets_classes_and_functions(text: str) -> None:
    lib = "from torch import nn\nclass Base(nn.Module): ...\n"
    program = linked({"main.py": f"{IMPORTS}import lib\nfrom lib import Base\n{text}\n", "lib.py": lib})
    assert program.is_module(class_named(program, "Net"))


@pytest.mark.parametrize(
    "text",
    [
        "def make(Base):\n    class Net(Base): ...",
        "def make():\n    Base = given()\n    class Net(Base): ...",
        "def make():\n    class Base: ...\n    class Net(Base): ...",
        "class Outer:\n    class Base: ...\n    class Net(Base): ...",
    ],
)
def test_a_base_of_its_own_surroundings_hides_that_of_the_file(text: str) -> None:
    program = linked({"main.py": f"{IMPORTS}class Base(nn.Module): ...\n{text}\n"})
    assert not program.is_module(class_named(program, "Net"))


def test_the_names_of_a_class_are_not_seen_further_within() -> None:
    text = "class Base(nn.Module): ...\nclass K:\n    class Base: ...\n    def m(self):\n        class Net(Base): ...\n"
    program = linked({"main.py": IMPORTS + text})
    assert program.is_module(class_named(program, "Net"))


def test_a_method_is_the_nearest_of_its_name() -> None:
    program = linked({"main.py": FAMILY})
    child, base = class_named(program, "Child"), class_named(program, "Base")
    found = {name: program.method(child, name) for name in ("forward", "fit", "absent")}
    titles = {name: method and program.function(method).qualname for name, method in found.items()}
    assert titles == {"forward": "Child.forward", "fit": "Base.fit", "absent": None}
    above = program.method(child, "forward", after=child)
    assert above == program.method(base, "forward")
    assert program.method(child, "forward", after=base) is None


def test_of_two_methods_of_one_name_the_last_counts() -> None:
    program = linked({"main.py": "class K:\n    def m(self): ...\n    def m(self, x): ...\n"})
    assert program.method(class_named(program, "K"), "m") == FunctionSymbol("main.py", 2)


def test_another_name_of_something_is_that_thing_if_it_is_nothing_else() -> None:
    once = {"main.py": f"{IMPORTS}Norm = nn.BatchNorm2d\n"}
    assert stands_for(once, "Norm") == External("torch.nn.BatchNorm2d")
    twice = {"main.py": f"{IMPORTS}Norm = nn.BatchNorm2d\nif plain:\n    Norm = nn.LayerNorm\n"}
    assert stands_for(twice, "Norm") == VariableSymbol("main.py", "Norm")


# ---- natures ------------------------------------------------------------------------------------


def net(held: str, signature: str = "self", before: str = "") -> str:
    """A class that holds something and runs it."""
    return (
        f"{IMPORTS}{before}class Net(nn.Module):\n    def __init__({signature}):\n        self.part = {held}\n"
        "    def forward(self, x):\n        return self.part(x)\n"
    )


def nature(text: str, name: str = "Net", **others: str) -> Nature:
    program = linked({"main.py": text, **{f"{path}.py": other for path, other in others.items()}})
    return program.nature(class_named(program, name))


@pytest.mark.parametrize(
    ("held", "heeds", "statistics"),
    [
        ("nn.Linear(1, 2)", "no", False),
        ("nn.LayerNorm(1)", "no", False),
        ("nn.Identity()", "no", False),
        ("torch.relu", "no", False),
        ("lambda x: x", "no", False),
        ("nn.Dropout()", "yes", False),
        ("nn.Dropout(0.5)", "yes", False),
        ("nn.Dropout(RATE)", "yes", False),
        ("nn.Dropout(p=0)", "no", False),
        ("nn.Dropout(0.0)", "no", False),
        ("nn.BatchNorm2d(3)", "yes", True),
        ("nn.BatchNorm2d(3, track_running_stats=False)", "no", False),
        ("nn.InstanceNorm2d(3)", "no", False),
        ("nn.InstanceNorm2d(3, track_running_stats=True)", "yes", True),
        ("nn.LSTM(1, 2)", "no", False),
        ("nn.LSTM(1, 2, num_layers=2, dropout=0.1)", "yes", False),
        ("nn.Sequential(nn.Linear(1, 2), nn.ReLU())", "no", False),
        ("nn.Sequential(nn.Linear(1, 2), nn.Dropout())", "yes", False),
        ("nn.ModuleList([nn.BatchNorm1d(3) for _ in range(4)])", "yes", True),
        ("nn.Dropout() if LARGE else nn.Identity()", "yes", False),
        ("Net()", "no", False),
    ],
)
def test_what_a_class_holds_decides(held: str, heeds: str, statistics: bool) -> None:
    found = nature(net(held))
    assert (found.heeds, found.statistics) == (heeds, statistics)


@pytest.mark.parametrize("held", ["part", "part()", "part.layer()", "absent()", "absent.Layer()", "apex.Layer()"])
def test_what_is_handed_in_or_out_of_sight_is_unknown(held: str) -> None:
    found = nature(net(held, "self, part", "import apex\n"))
    assert (found.heeds, found.statistics) == ("unknown", None)


def test_a_default_says_what_is_handed_in() -> None:
    assert nature(net("part(3)", "self, part=nn.BatchNorm1d")).heeds == "yes"
    assert nature(net("part(3)", "self, part=nn.LayerNorm")).heeds == "no"
    assert nature(net("part", "self, part=F.relu")).heeds == "no"


def test_what_is_not_run_does_not_matter() -> None:
    text = f"{IMPORTS}class Net(nn.Module):\n    def __init__(self, size):\n        self.size = size\n"
    assert nature(text) == Nature("no", statistics=False)


def test_one_part_that_heeds_outweighs_one_that_is_unknown() -> None:
    attributes = "part()\n        self.drop = nn.Dropout()"
    for held in (attributes, "nn.Sequential(nn.Dropout())\n        self.forward = part()\n        self.part = part()"):
        found = nature(net(held, "self, part").replace("self.part(x)", "self.part(x), getattr(self, 'drop', None)"))
        assert (found.heeds, found.because) == ("yes", "`Dropout`")


@pytest.mark.parametrize(
    ("code", "because"),
    [
        ("F.dropout(x, training=self.training)", "`dropout`"),
        ("nn.functional.dropout2d(x, 0.1, self.training)", "`dropout2d`"),
        ("x if self.training else -x", "self.training"),
        ("helper(x, self.training)", "self.training"),
    ],
)
def test_a_forward_may_heed_the_mode_by_itself(code: str, because: str) -> None:
    text = f"{IMPORTS}class Net(nn.Module):\n    def forward(self, x):\n        return {code}\n"
    assert nature(text) == Nature("yes", because, False)


@pytest.mark.parametrize("code", ["F.dropout(x)", "nn.functional.dropout2d(x, 0.1)"])
def test_a_dropout_that_is_always_on_heeds_no_mode(code: str) -> None:
    text = f"{IMPORTS}class Net(nn.Module):\n    def forward(self, x):\n        return {code}\n"
    assert nature(text).heeds == "no"


def test_a_layer_that_heeds_the_mode_is_named_before_the_classs_own_code() -> None:
    both = "    def forward(self, x): return F.dropout(x, 0.1, self.training) if self.training else x\n"
    assert nature(f"{IMPORTS}class Net(nn.Module):\n{both}").because == "`dropout`"
    own = "    def forward(self, x): return -self.part(x) if self.training else x\n"
    held = "    def __init__(self, part): self.part = part\n"
    assert not nature(f"{IMPORTS}class Net(nn.Module):\n{held}{own}").by_own_code
    assert nature(f"{IMPORTS}class Net(nn.Module):\n{own}").by_own_code


def test_a_layer_built_in_a_function_within_a_method_counts() -> None:
    body = (
        "    def __init__(self):\n"
        "        self.part = nn.Sequential()\n"
        "        def add(norm=nn.BatchNorm1d):\n"
        "            self.part.append(norm(3))\n"
        "        add()\n"
    )
    assert nature(f"{IMPORTS}class Net(nn.Module):\n{body}") == Nature("yes", "`BatchNorm1d`", True)


@pytest.mark.parametrize("code", ["F.relu(x)", "other.training", "self.train_size", "torch.sum(x)"])
def test_other_code_does_not(code: str) -> None:
    text = f"{IMPORTS}class Net(nn.Module):\n    def forward(self, x):\n        return {code}\n"
    assert nature(text) == Nature("no", statistics=False)


def test_a_class_has_the_nature_of_its_bases() -> None:
    base = "class Base(nn.Module):\n    def __init__(self):\n        self.norm = nn.BatchNorm1d(3)\n"
    assert nature(f"{IMPORTS}{base}class Net(Base): ...\n") == Nature("yes", "`BatchNorm1d`", True)
    assert nature(f"{IMPORTS}from torchvision.models import ResNet\nclass Net(ResNet): ...\n").heeds == "yes"


@pytest.mark.parametrize("bases", ["Unknown", "Unknown, nn.Module", "nn.Module, apex.Layer", "make()"])
def test_a_base_out_of_sight_leaves_the_nature_unknown(bases: str) -> None:
    assert nature(f"{IMPORTS}import apex\nclass Net({bases}): ...\n").heeds == "unknown"


@pytest.mark.parametrize("base", ["ABC", "Generic[T]", "dict", "object"])
def test_a_base_of_pythons_own_adds_nothing(base: str) -> None:
    imports = "from abc import ABC\nfrom typing import Generic\n"
    assert nature(f"{IMPORTS}{imports}class Net(nn.Module, {base}): ...\n") == Nature("no", statistics=False)


@pytest.mark.parametrize(
    ("before", "heeds"),
    [
        ("Norm = nn.BatchNorm1d\n", "yes"),
        ("Norm = nn.LayerNorm\n", "no"),
        ("Norm = nn.LayerNorm\nNorm = choose()\n", "unknown"),
        ("Norm = choose()\n", "unknown"),
    ],
)
def test_a_class_may_have_another_name(before: str, heeds: str) -> None:
    assert nature(net("Norm(3)", before=before)).heeds == heeds


def test_a_class_has_the_nature_of_the_classes_it_holds() -> None:
    block = "from torch import nn\nclass Block(nn.Module):\n    def __init__(self): self.drop = nn.Dropout()\n"
    assert nature(net("lib.Block()", before="import lib\n"), lib=block) == Nature("yes", "`Dropout`", False)


@pytest.mark.parametrize(
    ("body", "heeds"),
    [
        ("return nn.Sequential(nn.Linear(1, 2), nn.Dropout())", "yes"),
        ("return nn.Sequential(nn.Linear(1, 2), nn.ReLU())", "no"),
        ("return norm(3)", "yes"),
        ("return nn.Sequential(make(), nn.Linear(1, 2))", "no"),
        ("return nn.Sequential(make(), nn.Dropout())", "yes"),
    ],
)
def test_a_class_has_the_nature_of_what_a_function_builds_for_it(body: str, heeds: str) -> None:
    before = f"def make(norm=nn.BatchNorm1d):\n    {body}\n"
    assert nature(net("make()", before=before)).heeds == heeds


def test_classes_that_hold_each_other_have_one_nature() -> None:
    text = "class A(nn.Module):\n    def __init__(self): self.b = B()\n"
    other = "class B(nn.Module):\n    def __init__(self):\n        self.a = A()\n        self.drop = nn.Dropout()\n"
    assert nature(IMPORTS + text + other, "A").heeds == "yes"
    assert nature(IMPORTS + text + other, "B").heeds == "yes"


def test_things_out_of_sight_have_the_nature_of_the_tables() -> None:
    program = linked({})
    assert program.nature(External("torch.nn.Dropout")).heeds == "yes"
    assert program.nature(External("torch.nn.Linear")).heeds == "no"
    assert program.nature(External("torchvision.models.resnet50")) == Nature("yes", "`resnet50`", True)
    assert program.nature(External("unheard.of.Net")).heeds == "unknown"
    assert program.nature(VariableSymbol("main.py", "net")).heeds == "unknown"
    assert program.nature(None).heeds == "unknown"
