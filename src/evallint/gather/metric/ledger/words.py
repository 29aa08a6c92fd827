"""What names say of the numbers that they stand for."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.apis import UNKNOWN as NOT_CONSTANT
from evallint.apis import Measure
from evallint.facts import Expr
from evallint.gather.code.sites import functions, statements
from evallint.gather.metric.quantities import UNKNOWN, Quantity, joined, of_kind
from evallint.interpret.reading import last_name
from evallint.interpret.roles import use_of, words
from evallint.program import External, Program

NAMED = frozenset(
    "loss losses criterion criteria crit objective metric metrics acc accuracy accuracies score psnr ssim dice iou "
    "miou error err mse mae rmse mape bleu auc nll bce perplexity ppl fn kl elbo eer".split()
)
"""Words of what makes one number of a batch."""


COUNTED = frozenset(
    "correct corrects correctly count counts hit hits num tp fp fn tn intersect intersection inter union confusion "
    "conf matrix cm hist histogram topk total sum n matches".split()
)
"""Words of what counts samples."""


SAME = frozenset(
    "item detach cpu cuda numpy float double half to type clone data contiguous tolist squeeze abs view flatten "
    "reshape long int view_as unsqueeze get_data round".split()
)
"""Methods that leave a quantity what it is."""


LISTS = frozenset(
    "stack cat concat concatenate hstack vstack array asarray tensor FloatTensor Tensor as_tensor".split()
)
"""Functions that make one array of a list."""


COMPARING = frozenset("eq ne lt le gt ge argmax max min topk sort softmax sigmoid isclose".split())


def as_named(value: Quantity, name: str) -> Quantity:
    """A quantity with what its name says, where nothing better is known."""
    if value.kind == "output":
        if words(name) & COUNTED:
            return of_kind("each")
        return of_kind("value") if words(name) & NAMED else value
    return value


def item_of(value: Quantity, key: object) -> Quantity:
    """`value[key]`."""
    found = value.part(key) if value.kind == "parts" else None
    if found is not None:
        return found
    if value.kind in ("data", "output", "sample", "value", "mean", "each", "total"):
        if value.kind == "output" and isinstance(key, str):
            return as_named(value, key)
        return value
    if value.kind == "list" and value.inner is not None and value.inner.kind == "parts":
        return UNKNOWN
    return UNKNOWN


def any_of(value: Quantity) -> Quantity:
    found = UNKNOWN
    for _, one in value.parts:
        found = joined(found, one)
    return found


def named_losses(program: Program) -> dict[str, str]:
    """The names that the program gives, anywhere, to losses, with what all of these make of a batch."""
    found: dict[str, set[str]] = {}
    for name, gives in program.each(losses_named_in):
        found.setdefault(name, set()).add(gives)
    return {
        name: gives.pop() if len(gives) == 1 else "output" if gives & {"total", "each", "output"} else "value"
        for name, gives in found.items()
        if gives != {""}
    }


def losses_named_in(program: Program, path: str) -> Iterator[tuple[str, str]]:
    for symbol in functions(program, path):
        for statement in statements(program.body(symbol)):
            if isinstance(statement, f.Assign) and isinstance(statement.value, f.Call):
                resolved = program.resolve(symbol.path, statement.value.function)
                meaning = program.apis.metric(resolved.name) if isinstance(resolved, External) else None
                gives = reduced(meaning, statement.value) if isinstance(meaning, Measure) else ""
                for target in statement.targets:
                    if words(last_name(target)) & NAMED:
                        yield last_name(target), gives


def is_nominal(name: str) -> bool:
    """Whether a name is that of the size which batches are said to have."""
    found = words(name)
    return {"batch", "size"} <= found or bool(found & {"batchsize", "bs", "bsz"}) or name == "BATCHSIZE"


def counts_samples(expression: Expr) -> bool:
    """Whether a name is that of the number of samples there are: `dataset_sizes`, `n_samples`."""
    found = words(last_name(expression))
    return bool(found & {"size", "sizes"} and found & {"dataset", "data"}) or (
        "samples" in found and bool(found & {"n", "num", "total", "nb"})
    )


def is_class(name: str) -> bool:
    return name.rpartition(".")[2][:1].isupper()


def reduced(meaning: Measure, call: f.Call) -> str:
    """What a measure gives as it is called or built here: a kind of quantity."""
    positional: list[object] = []
    keywords: dict[str, object] = {}
    for one in call.arguments:
        value = one.value.value if isinstance(one.value, f.Constant) else NOT_CONSTANT
        if one.stars:
            return "value"
        if one.keyword:
            keywords[one.keyword] = value
        else:
            positional.append(value)
    if meaning.averages is not None and meaning.averages.given(positional, keywords) is False:
        return "total"
    if meaning.reduction is None:
        return meaning.gives
    reduction = meaning.reduction.given(positional, keywords)
    if reduction is NOT_CONSTANT:
        return "output"
    if reduction == "sum":
        return "total"
    return "each" if reduction in ("none", None) else meaning.gives


def has_argument(call: f.Call, keywords: tuple[str, ...], position: int) -> bool:
    plain = [one for one in call.arguments if not one.keyword]
    return len(plain) > position or any(one.keyword in keywords for one in call.arguments)


def argument_of(call: f.Call, keyword: str, position: int | None) -> Expr | None:
    for one in call.arguments:
        if one.keyword == keyword:
            return one.value
    plain = [one.value for one in call.arguments if not one.keyword]
    return plain[position] if position is not None and position < len(plain) else None


def rooted(value: Quantity) -> Quantity:
    """The square root of a mean is a number of that batch alone."""
    return of_kind("score") if value.kind == "mean" else value


def other_use(text: str, core: str) -> bool:
    """Whether one of two loaders is for training by its name, and the other for evaluation."""
    return {use_of(text), use_of(core)} == {"train", "eval"}
