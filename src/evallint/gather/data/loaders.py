"""Loaders and what their batches are for: how they are used, what their arguments say, and only last what they are
called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from evallint import facts as f
from evallint.apis import UNKNOWN, Argument, Chain, Dataset, Loader, Preset, Sampler, Transform
from evallint.findings import Place, Step
from evallint.gather.code import files
from evallint.gather.code.mending import call_at
from evallint.gather.code.options import default
from evallint.gather.code.sites import called, functions, own_parts, statements
from evallint.gather.data.again import is_applied_again, is_repeated
from evallint.gather.data.datasets import DataSets
from evallint.gather.data.pipelines import Pipelines, constant, given
from evallint.gather.modes import evaluating, forwards
from evallint.gather.modes.training import around
from evallint.gather.modes.updating import is_updated
from evallint.interpret.events import Caller, Creation, Events, ForwardCall, Restored
from evallint.interpret.reading import argument as given_in
from evallint.interpret.reading import last_name
from evallint.interpret.roles import says_both, use_of
from evallint.interpret.terms import Made, Plain, Term, options
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import DataSource, LoaderUse, PipelineStep
from evallint.walk import within

Use = Literal["train", "eval"]

HAND = frozenset(
    "mean std normalize normalise normalization norm_mean norm_std pixel_mean pixel_std means stds".split()
)
"""Names in the code of a model, or of a function that makes batches, that tell of normalisation by hand."""


PUBLISHED = frozenset(("load_state_dict_from_url", "load_url"))
"""Functions by which torch reads weights that others have published."""


@dataclass(slots=True)
class Seen:
    """One loader, transform or data set in what one entry ran, and the models that were run on it. `among`: it is one
    of several transforms that were applied, each of which is but part of what prepares the input. `perhaps`: the models
    that were run on this loader or another."""

    term: Made
    creation: Creation | None = None
    runs: list[tuple[ForwardCall, Use | None, str, bool]] = field(default_factory=list)
    steps: tuple[PipelineStep, ...] = ()
    scored: bool = False
    among: bool = False
    perhaps: set[object] = field(default_factory=set)


class Loaders:
    """Finds what the loaders of a program are used for."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._apis = program.apis
        self._pipelines = Pipelines(program)
        self._datasets = DataSets(program, self._pipelines)

    def of_run(self, events: Events) -> Iterator[LoaderUse]:
        """Every loader that an entry made or used, and every transform that it applied to a model's input itself."""
        saved, read = files.saved_by(self._program, events), files.read_by(self._program, events)
        for seen in self._seen(events).values():
            found = self._use(events, seen)
            yield replace(found, files=saved if found.trains else read)

    def _seen(self, events: Events) -> dict[object, Seen]:
        found: dict[object, Seen] = {}
        for address, creation in events.created.items():
            if creation.kind == "loader" and isinstance(creation.term, Made):
                found[address] = Seen(creation.term, creation)
        trained = [event for event in events.forwards if event.trained]
        for event in events.forwards:
            if event.inside or not event.data:
                continue
            use, because, sure, by = self._purpose(events, event, trained)
            loaders, applied = self._sorted(event)
            steps = tuple(step for one in applied for step in self._only(one))
            if is_applied_again(self._program, event):  # of several views, as for an average of predictions
                steps = tuple(replace(step, sure=False, some=False) for step in steps)
            if len(loaders) > 1:  # which of them the model saw is not known
                for term in loaders:
                    found.setdefault(term.identity, Seen(term)).perhaps.add(event.core)
                continue
            for term in loaders or applied:
                seen = found.setdefault(term.identity, Seen(term))
                seen.term = term
                seen.runs.append((event, use, because, sure))
                seen.scored = seen.scored or by in ("data", "phase")
                seen.among = seen.among or len(loaders or applied) > 1
                if loaders:
                    seen.steps = steps
        return found

    def _only(self, term: Made) -> tuple[PipelineStep, ...]:
        ways = self._pipelines.ways(term)
        return ways[0] if len(ways) == 1 else (PipelineStep(term.name, term.at, (), None, known=False),)

    def _purpose(
        self, events: Events, event: ForwardCall, trained: list[ForwardCall]
    ) -> tuple[Use | None, str, bool, str]:
        if event.trained and not is_updated(self._program, events, event):
            return None, "", False, ""  # an attack, or an explanation
        if event.trained:
            return "train", f"`{event.receiver}` is trained on it", True, "training"
        found = evaluating.evaluation(self._program, events, event, trained)
        if found is None or found.by == "training data":
            return None, "", False, ""
        sure = found.sure or (event.mode.eval is not None and event.mode.train is None and not event.mode.unknown)
        return "eval", f"`{event.receiver}` is evaluated on it", sure, found.by

    def _sorted(self, event: ForwardCall) -> tuple[list[Made], list[Made]]:
        """What a model's input came through: loaders or data sets, and transforms applied to it."""
        loaders, applied = [], []
        for _, term in sorted(event.data.items()):
            for one in options(term):
                if not isinstance(one, Made):
                    continue
                meaning = self._apis.data(one.name) if one.klass is None else None
                if isinstance(meaning, Loader | Dataset):
                    loaders.append(one)
                elif isinstance(meaning, Transform | Chain | Preset):
                    applied.append(one)
        return loaders, applied

    def _use(self, events: Events, seen: Seen) -> LoaderUse:
        term = seen.term
        meaning = self._apis.data(term.name)
        loader = meaning if isinstance(meaning, Loader) else None
        if isinstance(meaning, Loader | Dataset):
            sources = tuple(
                replace(one, steps=(*one.steps, *seen.steps), builders=self._builders(events, one))
                for one in self._datasets.sources(term)
            )
        else:
            sources = tuple(self._applied(term, steps) for steps in self._pipelines.ways(term))
        use, by, because, event = self._decided(seen, sources)
        frames = event.frames if event is not None else seen.creation.frames if seen.creation else ()
        read = read_as(self._program, seen.creation) if event is None and seen.creation is not None else "batches"
        if not read or (event is None and only_measured(events, term.at)):
            use, because = None, ""
        if event is None and evaluating.is_unit_test(self._program, frames):
            use, because = None, ""
        last = Step(event.at, f"{because} here") if event is not None else Step(term.at, "it is made here")
        size = self._size(loader, term) if loader else UNKNOWN
        collates = dict(term.keywords).get("collate_fn")
        return LoaderUse(
            at=term.at,
            function=self._function(seen, term.at),
            label=self._label(seen),
            use=use,
            by=by,
            because=because,
            way=forwards.way(frames, last) if frames else (last,),
            sources=sources,
            drops=self._drops(loader, term),
            batch_size=size if isinstance(size, int) else None,
            sampled=loader is not None
            and any(
                self._may_pick(one)
                for argument in (loader.sampler, loader.batch_sampler)
                for one in options(given(term, argument))
            ),
            collates=collates is not None and collates != Plain(None),
            run=events.entry,
            models=frozenset()
            if self._runs_published(events)
            else frozenset((*(run.core for run, *_ in seen.runs), *seen.perhaps)) - {None},
            named=(self._named(seen) or self._named_by_data(loader, term)) == "eval",
            applied=not isinstance(meaning, Loader | Dataset),
            hand=seen.among
            or any(self._by_hand(run) for run, *_ in seen.runs)
            or (not isinstance(meaning, Loader | Dataset) and self._is_scaled(events, seen)),
            dropping=_argument(loader.drop_last) if loader is not None else ("", None),
            scored=seen.scored,
            shuffles=loader is not None and constant(term, loader.shuffle) is True,
            shuffling=_argument(loader.shuffle) if loader is not None else ("", None),
            shuffles_by=self._decided_in(seen, loader.shuffle) if loader is not None else None,
            drops_by=self._decided_in(seen, loader.drop_last) if loader is not None else None,
            trains=use == "train" or any(purpose == "train" for _, purpose, _, _ in seen.runs),
            gone_over=read == "batches",
            repeats=bool(seen.runs)
            and all(
                is_repeated(self._program, events, run)
                or (not isinstance(meaning, Loader | Dataset) and is_applied_again(self._program, run))
                for run, *_ in seen.runs
            ),
        )

    def _runs_published(self, events: Events) -> bool:
        """Whether a program trains nothing, and fills its models with published weights alone: no other one has made
        them."""
        filled = [one for one in events.states if isinstance(one, Restored) and one.owner.role == "module"]
        if not filled or any(event.trained for event in events.forwards):
            return False
        symbols = [one.frames[-1].symbol if one.source is None else None for one in filled]
        return all(
            symbol is not None and not PUBLISHED.isdisjoint(self._program.function(symbol).mentions)
            for symbol in symbols
        )

    def _decided_in(self, seen: Seen, argument: Argument | None) -> tuple[Place, str] | None:
        """The place and function in which a flag was decided on that the loader is given by a variable."""
        decided = seen.creation.decided if seen.creation is not None else {}
        at = decided.get(argument.keyword) if argument is not None else None
        return (at, around(self._program, at)) if at is not None else None

    def _builders(self, events: Events, source: DataSource) -> tuple[tuple[str, Place | None], ...]:
        """The functions in which the pipeline of a data set was made, the innermost first."""
        if not isinstance(source.pipeline, tuple):
            return ()
        creation = events.created.get(source.pipeline)
        frames = creation.frames if creation is not None else events.built.get(source.pipeline, ())
        return tuple((frame.function, frame.called_at) for frame in reversed(frames))

    def _applied(self, term: Made, steps: tuple[PipelineStep, ...]) -> DataSource:
        title = term.name.rpartition(".")[2]
        return DataSource(
            title, term.at, term.identity, False, None, None, "", (), steps, term.identity, term.at, False
        )

    def _decided(
        self, seen: Seen, sources: tuple[DataSource, ...]
    ) -> tuple[Use | None, Literal["loop", "arguments", "names"], str, ForwardCall | None]:
        uses = {use for _, use, _, _ in seen.runs if use is not None}
        names = self._named(seen)
        if "train" in uses:
            event, _, because, _ = next(run for run in seen.runs if run[1] == "train")
            return ("train", "loop", because, event) if uses == {"train"} else (None, "loop", "", None)
        sure = next((run for run in seen.runs if run[1] == "eval" and run[3]), None)
        if sure is not None:
            return (None, "loop", "", None) if names == "train" else ("eval", "loop", sure[2], sure[0])
        parts = {source.part for source in sources if not source.half}
        if len(parts) == 1 and None not in parts and not any(source.half for source in sources):
            (part,) = parts
            use: Use = "train" if part == "training" else "eval"
            if names in (None, use):
                return use, "arguments", f"its data set is made with {sources[0].part_because}", None
        if names is not None and (not uses or uses == {names}):
            return names, "names", f"`{self._label(seen)}` is its name", None
        return None, "names", "", None

    def _named(self, seen: Seen) -> Use | None:
        """What the names say that a loader goes by, or else the function that makes it."""
        texts = [*seen.creation.names] if seen.creation is not None else []
        if seen.term.label:
            texts.append(seen.term.label.rpartition(".")[2])
        found = {use for text in texts if (use := use_of(text)) is not None}
        if len(found) > 1 or any(map(says_both, texts)):
            return None
        if found:
            return found.pop()
        return use_of(self._function(seen, seen.term.at).rpartition(".")[2])

    def _named_by_data(self, loader: Loader | None, term: Made) -> Use | None:
        """What the name of the data set says that a loader without a name is given."""
        if loader is None or term.label:
            return None
        data = options(given(term, loader.dataset))
        labels = [one.label.rpartition(".")[2] for one in data if isinstance(one, Made)]
        found = {use_of(label) for label in labels}
        return found.pop() if len(found) == 1 and not any(map(says_both, labels)) else None

    def _label(self, seen: Seen) -> str:
        names = [*seen.creation.names] if seen.creation is not None else []
        told = next((name for name in names if use_of(name) is not None), None)
        return told or (names[0] if names else seen.term.label) or "the loader"

    def _function(self, seen: Seen, at: Place) -> str:
        frames: tuple[Caller, ...] = seen.creation.frames if seen.creation is not None else ()
        inner = next((frame for frame in reversed(frames) if frame.path == at.path), None)
        return inner.function if inner is not None else "<module>"

    def _drops(self, loader: Loader | None, term: Made) -> bool | None:
        if loader is None:
            return None
        own = truth(constant(term, loader.drop_last))
        sampler = given(term, loader.batch_sampler)
        if isinstance(sampler, Made):
            meaning = self._apis.data(sampler.name)
            if isinstance(meaning, Sampler) and meaning.drops is not None:
                return truth(constant(sampler, meaning.drops))
        return own

    def _size(self, loader: Loader, term: Made) -> object:
        """The size of a batch, as far as code tells: an option's is its default."""
        size, argument, call = constant(term, loader.batch_size), loader.batch_size, call_at(self._program, term.at)
        if size is not UNKNOWN or argument is None or call is None:
            return size
        return default(self._program, given_in(call, argument.keyword, argument.position))

    def _may_pick(self, sampler: Term) -> bool:
        """Whether a sampler may leave samples out: one for a part, or one that the tables don't know."""
        meaning = self._apis.data(sampler.name) if isinstance(sampler, Made) and sampler.klass is None else None
        if isinstance(meaning, Sampler) and meaning.sampler is not None and isinstance(sampler, Made):
            return any(map(self._may_pick, options(given(sampler, meaning.sampler))))
        return sampler != Plain(None) and (not isinstance(meaning, Sampler) or meaning.subset)

    def _by_hand(self, event: ForwardCall) -> bool:
        """Whether code between the loader and the model's layers may normalise by itself."""
        symbols = [frame.symbol for frame in event.frames if frame.symbol is not None]
        if isinstance(event.core, ClassSymbol):
            forward = self._program.method(event.core, "forward")
            symbols += [forward] if forward is not None else []
        return any(
            HAND & set(self._program.function(symbol).mentions) and HAND & self._program.once(reckoned_with, symbol)
            for symbol in symbols[-2:]
        )

    def _is_scaled(self, events: Events, seen: Seen) -> bool:
        """Whether code around a transform that is applied by itself brings images to 0 to 1 by a function, or the
        function that makes it may normalise what comes out."""
        frames = [frame for run, *_ in seen.runs for frame in run.frames]
        makers = [made.frames for key, made in events.created.items() if key == seen.term.identity]
        frames += [one for made in makers for one in made]
        symbols = dict.fromkeys(frame.symbol or FunctionSymbol(frame.path, 0) for frame in frames)
        own = [made[-1].symbol for made in makers if made and made[-1].symbol is not None]
        return any(self._program.once(scales, symbol) for symbol in symbols) or any(
            HAND & self._program.once(reckoned_with, symbol) for symbol in own
        )


def scales(program: Program, symbol: FunctionSymbol) -> bool:
    """Whether a function brings images to 0 to 1: by one of a library, `to_tensor(image)`, or by `image / 255`."""
    divided = (node for node in within(program.body(symbol)) if isinstance(node, f.Operation | f.Augment))
    if any(
        node.operator == "/" and is_255(node.right if isinstance(node, f.Operation) else node.value) for node in divided
    ):
        return True
    found = [program.resolve(symbol.path, call.function) for call in called(program.body(symbol))]
    meanings = [program.apis.data(one.name) for one in found if isinstance(one, External)]
    functions = [one for one in meanings if isinstance(one, Transform) and one.image is not None]
    return any("scale" in one.does for one in functions)


def is_255(value: f.Expr) -> bool:
    return isinstance(value, f.Constant) and value.value == 255


def reckoned_with(program: Program, symbol: FunctionSymbol) -> frozenset[str]:
    """The names with which a function's own code reckons, or which it hands to functions: not `mean` of `loss.mean()`,
    nor what objects are made with, as a `Normalize(mean, std)` is."""
    body = program.body(symbol)
    own = {id(call.function) for call in called(body)}
    parts = [node for node in within(body) if isinstance(node, f.Operation | f.Augment)]
    given = [call.arguments for call in called(body) if not last_name(call.function)[:1].isupper()]
    scaling = [call for call in called(body) if not is_of_length(program, symbol.path, call)]
    names = {last_name(call.function) for call in scaling} - {"mean", "std"}
    return frozenset(names).union(
        node.id if isinstance(node, f.Name) else node.name
        for node in within((*parts, *given))
        if isinstance(node, f.Name | f.Attribute) and id(node) not in own
    )


def is_of_length(program: Program, path: str, call: f.Call) -> bool:
    """Whether a call brings vectors to length 1, as embeddings are: `F.normalize`."""
    called = program.resolve(path, call.function) if last_name(call.function) == "normalize" else None
    return isinstance(called, External) and program.apis.canonical(called.name) == "torch.nn.functional.normalize"


def read_as(program: Program, creation: Creation) -> Literal["", "data", "batches"]:
    """What the program reads of a loader by the names it gets: nothing, its data set alone, or its batches.

    The names of a file, and attributes, may be read by code out of sight.
    """
    running = [caller.symbol or FunctionSymbol(caller.path, 0) for caller in creation.frames]
    found: Literal["", "data", "batches"] = "" if creation.names and running else "batches"
    for name in creation.names:
        if any(keeps(program.body(symbol), name) for symbol in running):
            return "batches"
        files = {symbol.path for symbol in running if symbol.index == 0 and binds(program.body(symbol), name)}
        found = found or ("batches" if files else "")
        for symbol in dict.fromkeys((*running, *(one for path in files for one in functions(program, path)))):
            for whole in read_in(program.body(symbol), name, with_returns=symbol == running[0]):
                if whole:
                    return "batches"
                found = "data"
    return found


def binds(block: f.Block, name: str) -> bool:
    """Whether a block gives a name a value."""
    return any(
        isinstance(statement, f.Assign) and f.Name(name) in [*within(statement.targets)]
        for statement in statements(block)
    )


def keeps(block: f.Block, name: str) -> bool:
    """Whether a block gives an attribute a value."""
    return any(
        isinstance(node, f.Attribute) and node.name == name
        for statement in statements(block)
        if isinstance(statement, f.Assign)
        for node in within(statement.targets)
    )


def read_in(block: f.Block, name: str, with_returns: bool) -> Iterator[bool]:
    """Each time that a name is read: whether it is more than its data set. What is handed back to a caller in sight is
    read there, or not."""
    for statement in statements(block):
        if isinstance(statement, f.Return) and not with_returns:
            continue
        nodes = [node for part in own_parts(statement) for node in within(part)]
        data = nodes.count(f.Attribute(f.Name(name), "dataset"))
        yield from [False] * data + [True] * (nodes.count(f.Name(name)) - data)


def only_measured(events: Events, at: Place) -> bool:
    """Whether the program goes over what a loader gives and nothing runs there that could be a model: its mean is
    taken, or its images are shown."""
    passes = {found.loop for found in events.passes if at in found.loaders}
    return bool(passes) and not any(passes.intersection(event.loops) for event in events.forwards)


def _argument(argument: Argument | None) -> tuple[str, int | None]:
    return (argument.keyword, argument.position) if argument is not None else ("", None)


def truth(value: object) -> bool | None:
    return bool(value) if value is None or isinstance(value, bool | int) else None
