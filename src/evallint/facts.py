"""What one file says: its statements and expressions, reduced to what the later stages read.

Facts are immutable, know nothing of the file's path, and go through `codec` unchanged, so that equal text gives
equal bytes and a cached file never has to be parsed again. Their words are Python's. Two things differ from a syntax
tree: comments, layout and annotations nobody reads are gone, and only statements and calls know their place, since
those are the places at which a reader can be shown something.

Facts are named tuples because a large project makes tens of millions of them. Two facts of different classes with
equal fields compare equal; nothing may rely on comparing facts of unknown class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import ClassVar

    from typing_extensions import Self, dataclass_transform

    @dataclass_transform(frozen_default=True)
    class Fact:
        """To the type checker facts are classes: comparing mutually recursive tuples item by item has no end."""

        _fields: ClassVar[tuple[str, ...]]

        def _replace(self, **changes: Any) -> Self: ...
        def __iter__(self) -> Iterator[Any]: ...

else:
    Fact = NamedTuple

FACTS_VERSION = 1
"""Raised whenever `extract` gives other facts for the same text: cached facts of another version are not read."""


class Span(NamedTuple):
    """A stretch of text: 1-based lines, 1-based columns counted in characters, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


# ---- expressions --------------------------------------------------------------------------------


class Name(Fact):
    id: str


class Attribute(Fact):
    value: Expr
    name: str


class Argument(Fact):
    """One argument of a call: `value`, `keyword=value`, `*value` (stars 1) or `**value` (stars 2)."""

    value: Expr
    keyword: str = ""
    stars: int = 0


class Call(Fact):
    function: Expr
    arguments: tuple[Argument, ...]
    span: Span


class Constant(Fact):
    """A string, number, bool or None. Bytes, complex numbers and `...` are `Opaque`."""

    value: str | int | float | bool | None


class Collection(Fact):
    kind: Literal["tuple", "list", "set"]
    items: tuple[Expr, ...]


class Mapping(Fact):
    """A dict display; the key of a `**part` is None."""

    keys: tuple[Expr | None, ...]
    values: tuple[Expr, ...]


class Subscript(Fact):
    value: Expr
    key: Expr


class Slice(Fact):
    """`lower:upper:step` within a subscript; a part that is left out is None."""

    lower: Expr | None
    upper: Expr | None
    step: Expr | None


class Operation(Fact):
    """A binary operation, `operator` as it is written: `+`, `@`, `|`, …"""

    operator: str
    left: Expr
    right: Expr


class Unary(Fact):
    operator: str
    operand: Expr


class Logic(Fact):
    operator: Literal["and", "or"]
    left: Expr
    right: Expr


class Comparison(Fact):
    """One comparison; `a < b < c` is the `Logic` of two."""

    operator: str
    left: Expr
    right: Expr


class Choice(Fact):
    """`body if test else orelse`."""

    test: Expr
    body: Expr
    orelse: Expr


class Lambda(Fact):
    parameters: tuple[Parameter, ...]
    body: Expr


class Clause(Fact):
    """`for target in iterable if condition …` within a comprehension."""

    target: Expr
    iterable: Expr
    conditions: tuple[Expr, ...]


class Comprehension(Fact):
    """`value` is the value of a dict comprehension, whose key is `element`."""

    kind: Literal["list", "set", "dict", "generator"]
    element: Expr
    value: Expr | None
    clauses: tuple[Clause, ...]


class Starred(Fact):
    value: Expr


class Walrus(Fact):
    name: str
    value: Expr


class Yield(Fact):
    value: Expr | None


class Await(Fact):
    value: Expr


class Text(Fact):
    """An f-string: its literal parts as `Constant`, the rest as expressions."""

    parts: tuple[Expr, ...]


class Opaque(Fact):
    """An expression whose value nobody asks for; its parts are still evaluated."""

    parts: tuple[Expr, ...]


Expr: TypeAlias = (
    Name
    | Attribute
    | Call
    | Constant
    | Collection
    | Mapping
    | Subscript
    | Slice
    | Operation
    | Unary
    | Logic
    | Comparison
    | Choice
    | Lambda
    | Comprehension
    | Starred
    | Walrus
    | Yield
    | Await
    | Text
    | Opaque
)


# ---- statements ---------------------------------------------------------------------------------


class Assign(Fact):
    """`a = b = value`, `a: annotation = value` or the bare `a: annotation` (value None)."""

    targets: tuple[Expr, ...]
    value: Expr | None
    annotation: Expr | None
    span: Span


class Augment(Fact):
    """`target operator= value`, `operator` without the `=`."""

    target: Expr
    operator: str
    value: Expr
    span: Span


class Evaluate(Fact):
    """An expression used as a statement."""

    value: Expr
    span: Span


class Return(Fact):
    value: Expr | None
    span: Span


class If(Fact):
    test: Expr
    body: Block
    orelse: Block
    span: Span


class For(Fact):
    target: Expr
    iterable: Expr
    body: Block
    orelse: Block
    span: Span


class While(Fact):
    test: Expr
    body: Block
    orelse: Block
    span: Span


class WithItem(Fact):
    context: Expr
    target: Expr | None


class With(Fact):
    items: tuple[WithItem, ...]
    body: Block
    span: Span


class Handler(Fact):
    kind: Expr | None
    name: str
    body: Block


class Try(Fact):
    body: Block
    handlers: tuple[Handler, ...]
    orelse: Block
    final: Block
    span: Span


class Case(Fact):
    """One case of a `match`. `constants` are the literals it matches, empty where its pattern is anything else."""

    constants: tuple[Constant, ...]
    binds: tuple[str, ...]
    guard: Expr | None
    body: Block


class Match(Fact):
    subject: Expr
    cases: tuple[Case, ...]
    span: Span


class Raise(Fact):
    value: Expr | None
    span: Span


class Assert(Fact):
    test: Expr
    span: Span


class Delete(Fact):
    targets: tuple[Expr, ...]
    span: Span


class Leave(Fact):
    """`break` or `continue`."""

    word: Literal["break", "continue"]
    span: Span


class Outer(Fact):
    """`global names` or `nonlocal names`."""

    word: Literal["global", "nonlocal"]
    names: tuple[str, ...]


class Import(Fact):
    """One imported name: `import module as bound` (name "") or `from ..module import name as bound` (level 2).

    `import a.b` without `as` binds `a`: then `bound` is "a" and `module` "a.b". A star import has name "*".
    """

    module: str
    name: str
    bound: str
    level: int
    span: Span


class Define(Fact):
    """A `def`, by its index in `FileFacts.functions`."""

    function: int
    span: Span


class DefineClass(Fact):
    """A `class`, by its index in `FileFacts.classes`."""

    klass: int
    span: Span


Stmt: TypeAlias = (
    Assign
    | Augment
    | Evaluate
    | Return
    | If
    | For
    | While
    | With
    | Try
    | Match
    | Raise
    | Assert
    | Delete
    | Leave
    | Outer
    | Import
    | Define
    | DefineClass
)
Block: TypeAlias = tuple[Stmt, ...]


# ---- definitions and files ----------------------------------------------------------------------


class Parameter(Fact):
    """`kind` is how it takes its argument: "" plain, "/" positional only, "=" keyword only, "*" or "**"."""

    name: str
    kind: Literal["", "/", "=", "*", "**"]
    default: Expr | None
    annotation: Expr | None


class Function(Fact):
    """A function, a method, or (index 0, name `<module>`) the code of the file itself.

    `qualname` is Python's (`Trainer.fit`, `main.<locals>.step`); `owner` the index of the class whose method it is,
    or -1; `body` its index in `FileFacts.bodies`; `mentions` the names, sorted, that its own code calls, hands on,
    keeps in a dict or reads as attributes (not those of functions within it): "f" for all of these, besides "f()" for
    a name that is called and "self.f()" for an attribute of self that is.
    """

    name: str
    qualname: str
    owner: int
    parameters: tuple[Parameter, ...]
    decorators: tuple[Expr, ...]
    returns: Expr | None
    is_async: bool
    is_generator: bool
    body: int
    mentions: tuple[str, ...]
    span: Span


class Class(Fact):
    """A class. `body` is the index of its own statements in `FileFacts.bodies`, `methods` its functions' indices."""

    name: str
    qualname: str
    bases: tuple[Argument, ...]
    decorators: tuple[Expr, ...]
    body: int
    methods: tuple[int, ...]
    span: Span


class FileFacts(Fact):
    """Everything the later stages know of one file. `imports` are all of its imports, wherever they stand."""

    functions: tuple[Function, ...]
    classes: tuple[Class, ...]
    imports: tuple[Import, ...]
    bodies: tuple[Block, ...]
