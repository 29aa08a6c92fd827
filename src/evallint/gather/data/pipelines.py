"""Transform pipelines: the terms of transforms taken apart into steps, each with what it does to a sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, islice, product

from evallint.apis import UNKNOWN, Argument, Chain, Dataset, Draw, Preset, Read, Transform
from evallint.facts import Span
from evallint.findings import Place
from evallint.gather.code.mending import function_around
from evallint.gather.code.sites import branch_of
from evallint.interpret.data import BASE
from evallint.interpret.terms import AnyOf, ByHand, Dark, Items, Made, Named, OneOf, Pass, Plain, Term, options
from evallint.program import FunctionSymbol, Program
from evallint.project import PipelineStep

MOST_WAYS = 8
"""So many alternatives of one pipeline are told apart."""

MOST_LISTS = 256
"""So many lists are looked at, of those that may come of what stands at each place."""

WRAPPERS = frozenset("numpy.array numpy.asarray torch.tensor torch.Tensor torch.FloatTensor torch.as_tensor".split())
"""Functions that hand on the numbers they are given."""

Steps = tuple[PipelineStep, ...]
Branch = tuple[FunctionSymbol, tuple[tuple[Span, bool], ...]]


class Pipelines:
    """Takes terms apart, with the tables of one program."""

    def __init__(self, program: Program) -> None:
        self._apis, self._program = program.apis, program

    def ways(self, term: Term | None) -> tuple[Steps, ...]:
        """The steps of each pipeline that a term may be; none for None, and for no transform at all."""
        found = [way for option in options(term) for way in self._of_one(option)]
        return tuple(dict.fromkeys(islice(found, MOST_WAYS)))

    def of_passes(self, passes: Sequence[Pass]) -> tuple[Steps, ...]:
        """The steps of what a class's own code does."""
        return tuple(map(normalised, self._in_a_row([self._of_pass(one) for one in passes])))

    def _of_pass(self, one: Pass) -> tuple[Steps, ...]:
        if isinstance(one.what, ByHand):
            return ((doubtful(by_hand(one.what), one),),)
        if isinstance(one.what, OneOf):
            return tuple(way for passes in one.what.ways for way in self.of_passes(passes) or ((),))
        meaning = self._apis.data(one.what.name) if isinstance(one.what, Made) else None
        if isinstance(meaning, Read):
            return ((),)
        return tuple(tuple(doubtful(step, one) for step in way) for way in self.ways(one.what))

    def _of_one(self, term: Term) -> Iterable[Steps]:
        match term:
            case Plain(None):
                return ((),)
            case Made():
                return self._of_made(term)
            case Items():
                return self._of_list(term)
            case Named(name):
                return ((unknown(name.rpartition(".")[2]),),)
            case Dark(label):
                return ((replace(unknown(label), own=True),),)
        return ((unknown(""),),)

    def _of_list(self, term: Items) -> Iterable[Steps]:
        """The steps of what stands in a list, as one run of the code has it."""
        rest: list[tuple[Steps, ...]] = [((unknown(""),),)] if term.rest is not None else []
        choices = [options(each) for each in term.values()]
        if all(len(each) == 1 for each in choices):
            return self._in_a_row([*map(self.ways, term.values()), *rest])
        moved, branches = moved_along(choices), dict(self._branches(choices))
        lists = (one for one in islice(product(*choices), MOST_LISTS) if is_of_one_run(one, choices, moved, branches))
        return (way for one in lists for way in self._in_a_row([*(tuple(self._of_one(each)) for each in one), *rest]))

    def _branches(self, choices: Sequence[tuple[Term, ...]]) -> Iterator[tuple[Place, Branch]]:
        """In which branches of which function things are made."""
        for at in {one.at for each in choices for one in each if isinstance(one, Made)}:
            symbol = function_around(self._program, at)
            yield at, (symbol, branch_of(self._program.body(symbol), at.span))

    def _in_a_row(self, parts: list[tuple[Steps, ...]]) -> tuple[Steps, ...]:
        combined = islice(product(*(part or ((),) for part in parts)), MOST_WAYS)
        return tuple(tuple(step for way in ways for step in way) for ways in combined)

    def _of_made(self, made: Made) -> Iterable[Steps]:
        if made.klass is not None:
            return self._of_class(made)
        match self._apis.data(made.name):
            case Chain() as chain:
                return self._of_chain(chain, made)
            case Transform(applies=Argument()):
                return self._of_function(made)
            case Transform() as transform:
                return tuple((step,) for step in self._with_constants(transform, made))
            case Preset() as preset:
                return ((self._preset(preset, made),),)
            case Dataset() | Draw():
                return ((),)
        return ((replace(unknown(made.name.rpartition(".")[2]), at=made.at),),)

    def _of_class(self, made: Made) -> Iterable[Steps]:
        """A transform of the program: what its code does, as one step where that is nothing that a table knows."""
        base = made.attribute(BASE)
        if made.passes is None and isinstance(base, Made):
            return self._of_made(replace(base, at=made.at))
        if made.passes is None:
            return ((replace(unknown(made.name), at=made.at),),)
        ways = self.of_passes(made.passes)
        own = PipelineStep(made.name, made.at, ("other",), False, own=True)
        return tuple(tuple(of_object(step, made) for step in way) or (own,) for way in ways) or ((own,),)

    def _of_function(self, made: Made) -> Iterable[Steps]:
        """A transform of a library that is given a function: what that does, as steps of its own."""
        name = made.name.rpartition(".")[2]
        if made.passes is None:
            return ((replace(unknown(name), at=made.at),),)
        plain = PipelineStep(name, made.at, ("other",), False)
        ways = self.of_passes(made.passes) or ((),)
        return tuple(tuple(of_object(step, made) for step in way) or (plain,) for way in ways)

    def _of_chain(self, chain: Chain, made: Made) -> Iterable[Steps]:
        if chain.spread:
            parts = [self.ways(each) for each in made.positional]
            if made.spread:
                parts.append(((unknown(""),),))
        else:
            listed = made.attribute("transforms") or given(made, chain.steps)
            parts = [self.ways(listed) if listed is not None else ((unknown(""),),)]
        ways = self._in_a_row(parts)
        chance = constant(made, chain.probability)
        if chance == 0:
            return ((),)
        if chain.choice == "all" and (chain.probability is None or chance == 1):
            return ways
        title = chain.name.rpartition(".")[2]
        return tuple((self._chosen(title, made, way),) for way in ways)

    def _chosen(self, title: str, made: Made, steps: Steps) -> PipelineStep:
        """A choice of some of its steps by chance, as one step."""
        does = tuple(dict.fromkeys(each for step in steps for each in step.does))
        varies = True if len(steps) > 1 or any(step.random for step in steps) else None
        return PipelineStep(title, made.at, does, varies, known=all(step.known for step in steps))

    def _with_constants(self, transform: Transform, made: Made) -> Iterator[PipelineStep]:
        """A step, with each mean and deviation that it may have."""
        step = self._step(transform, made)
        means, deviations = (normalisers(made, argument) for argument in (transform.mean, transform.std))
        for mean, std in product(means, deviations):
            yield replace(step, mean=mean, std=std)

    def _step(self, transform: Transform, made: Made) -> PipelineStep:
        positional, keywords = plain(made)
        does = transform.does
        if transform.scales is not None and constant(made, transform.scales) is True:
            does = (*does, "scale")
        exact = [(each.keyword, key(given(made, each), each)) for each in transform.exact]
        return PipelineStep(
            transform.name.rpartition(".")[2],
            made.at,
            does,
            transform.varies(positional, keywords),
            size=size(given(made, transform.size)),
            exact=tuple(exact),
            takes=transform.takes,
            gives=transform.gives,
        )

    def _preset(self, preset: Preset, made: Made) -> PipelineStep:
        trains = constant(made, preset.trains) if preset.trains is not None else preset.training
        varies: bool | None = trains if isinstance(trains, bool) else None
        if made.part is not None:
            varies = {preset.train_item: True, preset.eval_item: False}.get(made.part)
        title = preset.name.rpartition(".")[2]
        mean, std = given(made, preset.mean), given(made, preset.std)
        if mean is None or std is None:
            return PipelineStep(title, made.at, ("other",), varies, known=False, preset=True)
        return PipelineStep(title, made.at, ("normalize",), varies, known=False, mean=numbers(mean), std=numbers(std))


def is_of_one_run(
    items: Sequence[Term], choices: Sequence[tuple[Term, ...]], moved: frozenset[object], branches: dict[Place, Branch]
) -> bool:
    """Whether a list can be like this: with each object that moves along in it once, nothing of the two branches of an
    `if`, and all that one branch puts in, or nothing of it."""
    made = [one for one in items if isinstance(one, Made)]
    if any(sum(one.identity == each for one in made) != 1 for each in moved):
        return False
    own = {branches[one.at] for one in made}
    if any(exclude(one, other) for one, other in combinations(own, 2)):
        return False
    for branch in {branches[one.at] for each in choices for one in each if isinstance(one, Made)}:
        if branch[1]:
            there = [
                isinstance(item, Made) and branches[item.at] == branch
                for item, each in zip(items, choices, strict=True)
                if any(
                    isinstance(one, Made) and branches[one.at] == branch and one.identity not in moved for one in each
                )
            ]
            if len(set(there)) > 1:
                return False
    return True


def exclude(one: Branch, other: Branch) -> bool:
    """Whether two places are in the two branches of one `if`."""
    sides = dict(one[1])
    return one[0] == other[0] and any(sides.get(span, side) != side for span, side in other[1])


def moved_along(choices: Sequence[tuple[Term, ...]]) -> frozenset[object]:
    """The objects that stand at one place of a list or at the next, as something before them is there or not."""
    found: dict[object, list[int]] = {}
    for number, each in enumerate(choices):
        for one in each:
            if isinstance(one, Made) and one.identity is not None:
                found.setdefault(one.identity, []).append(number)
    return frozenset(
        key
        for key, numbers in found.items()
        if len(set(numbers)) > 1 and all(len(choices[number]) > 1 for number in numbers)
    )


# ---- readings of terms --------------------------------------------------------------------------


def unknown(name: str) -> PipelineStep:
    return PipelineStep(name, None, (), None, known=False)


def doubtful(step: PipelineStep, one: Pass) -> PipelineStep:
    """A step that a class's own code takes: perhaps, or by chance. What an object does stands where that was made."""
    is_object = isinstance(one.what, Made) and one.what.identity is not None
    inner = one.by[-1] if one.by and not is_object else None
    at = inner.at if inner is not None else step.at if is_object else None
    return replace(
        step,
        name=inner.name if inner is not None and one.chance else step.name,
        at=at or one.at,
        within=step.within if is_object else one.within,
        sure=step.sure and one.sure,
        some=step.some and one.some,
        random=True if one.chance else step.random,
        in_code=True,
        in_object=at is not None,
    )


def of_object(step: PipelineStep, made: Made) -> PipelineStep:
    """A step that the code of a transform takes: it stands where the transform is made."""
    if step.in_object:
        return step
    return replace(step, at=made.at, name=made.name if step.random else step.name)


def by_hand(what: ByHand) -> PipelineStep:
    value = numbers(what.operand)
    does = ("crop",) if what.operator == "[]" else ("scale",) if is_scaling(what.operator, value) else ("by hand",)
    name = "slice" if what.operator == "[]" else what.operator
    random = False if value is not None else None
    return PipelineStep(name, None, does, random, known=value is not None, exact=(("", value),))


def normalised(steps: Steps) -> Steps:
    """The same steps, arithmetic that takes a mean off and divides by a deviation as one of them."""
    found: list[PipelineStep] = []
    for step in steps:
        before = found[-1] if found else None
        mean, std = operand(before, "-"), operand(step, "/")
        if before is None or mean is None or std is None:
            found.append(step)
            continue
        if max(*mean, *std) > LARGEST_SCALED and not any("scale" in one.does for one in found):
            mean, std = tuple(one / 255 for one in mean), tuple(one / 255 for one in std)
        sure = before.sure and step.sure
        found[-1] = replace(before, name="- /", does=("normalize",), mean=mean, std=std, exact=(), sure=sure)
    return tuple(found)


def operand(step: PipelineStep | None, operator: str) -> tuple[float, ...] | None:
    """The numbers that a step by hand takes off, or divides by."""
    if step is None or step.name != operator or step.does != ("by hand",):
        return None
    ((_, value),) = step.exact
    return value if isinstance(value, tuple) else None


LARGEST_SCALED = 2
"""No mean or deviation of values between 0 and 1, or around 0, is larger: such numbers are for 0 to 255."""


def is_scaling(operator: str, value: tuple[float, ...] | None) -> bool:
    """Whether arithmetic brings values from 0 to 255 between 0 and 1."""
    return (
        value is not None and len(value) == 1 and value[0] == (255 if operator == "/" else 1 / 255) and operator in "/*"
    )


def given(made: Made, argument: Argument | None) -> Term | None:
    """What an argument of a call was given; None where it was left out."""
    if argument is None:
        return None
    named = dict(made.keywords).get(argument.keyword)
    if named is not None:
        return named
    if argument.position is not None and argument.position < len(made.positional):
        return made.positional[argument.position]
    return Dark("**") if made.spread else None


def normalisers(made: Made, argument: Argument | None) -> tuple[tuple[float, ...] | None, ...]:
    """Each mean or deviation that an argument may be, its default where it is left out; None for what is not known."""
    term = given(made, argument)
    if term is None:
        default = argument.default if argument is not None else None
        return (default if isinstance(default, tuple) else None,)
    return tuple(map(numbers, options(term)))


def constant(made: Made, argument: Argument | None) -> object:
    """The constant that an argument is, its default where it is left out, UNKNOWN where that is not known."""
    if argument is None:
        return UNKNOWN
    return argument.given(*plain(made))


def plain(made: Made) -> tuple[tuple[object, ...], dict[str, object]]:
    """The arguments of a call as the tables take them."""
    positional = tuple(folded(each) for each in made.positional)
    if made.spread:
        positional += (UNKNOWN,) * 12
    return positional, {name: folded(each) for name, each in made.keywords}


def folded(term: Term) -> object:
    return term.value if isinstance(term, Plain) else UNKNOWN


def numbers(term: Term | None) -> tuple[float, ...] | None:
    """The numbers that a list, an array or a number is; None where one of them is unknown."""
    if isinstance(term, Made) and term.name in WRAPPERS and term.positional:
        return numbers(term.positional[0])
    if isinstance(term, Plain):
        return (float(term.value),) if isinstance(term.value, int | float) else None
    if not isinstance(term, Items) or term.rest is not None or not term.items:
        return None
    found = [numbers(each) for each in term.values()]
    if any(each is None or len(each) != 1 for each in found):
        return None
    return tuple(each[0] for each in found if each is not None)


def size(term: Term | None) -> tuple[int, ...] | None:
    found = numbers(term)
    return tuple(int(each) for each in found) if found is not None else None


def key(term: Term | None, argument: Argument) -> object:
    """What an argument is given, to be compared; None where that is not known."""
    if term is None:
        return argument.default
    if isinstance(term, Plain):
        return term.value
    if isinstance(term, Named):
        return term.name.rpartition(".")[2].lower()
    if isinstance(term, AnyOf | ByHand):
        return None
    found = numbers(term)
    if found is not None:
        return found
    return term.identity if isinstance(term, Dark | Made) else None


def may_normalise(step: PipelineStep) -> bool:
    """Whether a step may bring values into another range: it is not known, or it reckons."""
    return not step.known or step.own or not RECKONING.isdisjoint(step.does)


RECKONING = frozenset(("normalize", "scale", "by hand"))
"""What steps do that change the range of the values."""


def random_steps(steps: Steps) -> list[PipelineStep]:
    """The steps that surely treat equal images unequally, those of a certain size or kind at least."""
    return [step for step in steps if step.random and step.some]


def is_complete(steps: Steps) -> bool:
    """Whether it is known of every step what it does, and whether it is taken."""
    return all(step.known and step.sure for step in steps)
