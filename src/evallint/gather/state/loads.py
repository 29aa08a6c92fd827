"""What is read from files and given to models: where to, and which of it is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from evallint import facts as f
from evallint.facts import Expr, Span
from evallint.findings import Place, Step
from evallint.gather.code.mending import call_at, sites_in
from evallint.gather.code.sites import Site, called, encloser, function_at, functions_of, statements
from evallint.gather.modes.evaluating import evaluation, is_same
from evallint.gather.modes.forwards import way
from evallint.interpret.events import (
    Caller,
    Created,
    Events,
    Loaded,
    Replaced,
    Restored,
    Saved,
    Stepped,
    Unpickled,
)
from evallint.interpret.reading import argument, last_name
from evallint.interpret.roles import use_of, use_of_argument, words
from evallint.program import ClassSymbol, External, FunctionSymbol, Program, Symbol
from evallint.project import HiddenKeys, ReplacedLayer, UnmappedLoad
from evallint.walk import within

DEVICES = frozenset("cuda gpu gpus cpu device devices rank".split())
"""Words of tests that tell the GPU's way from the CPU's."""

RESUME = frozenset("resume resuming resumed restart continue continuing".split())
"""Words of options and functions by which an interrupted training goes on."""

TELLING = frozenset("print info log write warning debug print_fn".split())

PARTIAL = frozenset(
    "pretrained pretrain pretraining backbone encoder finetune finetuning transfer imagenet init lora adapter".split()
)
"""Words of checkpoints that are meant to fill a part of a model only."""

PRETRAINED = frozenset("pretrained pretraining pretrain imagenet".split())
"""Words of weights that another training has made, of which a model takes what fits."""


# ---- where to ---------------------------------------------------------------------------------------------


def is_kept_on_cpu(runs: Iterable[Events]) -> bool:
    """Whether what is saved anywhere was moved to the CPU before."""
    return any(isinstance(found, Saved) and is_cpu_state(found) for run in runs for found in run.states)


def unmapped_in(program: Program, events: Events) -> Iterator[UnmappedLoad]:
    """Checkpoints of models read without `map_location` where code in sight is ready to run without a GPU."""
    used = {found.source for found in events.states if isinstance(found, Restored)}
    used |= {found.at for found in events.states if isinstance(found, Unpickled)}
    written = False
    for found in events.states:
        written = written or isinstance(found, Saved)
        if not isinstance(found, Loaded) or found.spread or found.at not in used:
            continue
        if written:  # by this very process, on the device it has
            continue
        if argument(found.call, "map_location", 1) is not None or chosen_by_device(program, found):
            continue
        if read_again(program, found) or trained_before(program, found) or is_best_of(program, found):
            continue
        step = cpu_way(program, found.frames)
        if step is not None:
            last = Step(found.at, "the file's tensors go to the device they were saved from")
            yield UnmappedLoad(found.at, found.frames[-1].function, (step, last))


def is_cpu_state(found: Saved) -> bool:
    return any(".cpu()" in part.label or "'cpu'" in part.label for part in found.parts)


def chosen_by_device(program: Program, found: Loaded) -> bool:
    """Whether tests about the device decide that this load is reached: the other branch sees to the CPU."""
    symbol = next(functions_of(program, found.frames[-1:]))
    site = site_at(program, symbol, found.call.span)
    if site is None or is_guarded(site) or any(map(is_guarded, calling(program, found))):
        return True
    body = program.body(symbol)
    return lacks_cpu_way(body) or any(is_gpu_only(program, symbol, call) for call in called(body))


def is_guarded(site: Site) -> bool:
    return any(names(guard) & DEVICES for guard in site.guards)


def calling(program: Program, found: Loaded) -> Iterator[Site]:
    """The calls that lead to a load, each where it stands."""
    for caller, callee in pairwise(found.frames):
        if callee.called_at is not None:
            symbol = caller.symbol or FunctionSymbol(caller.path, 0)
            site = site_at(program, symbol, callee.called_at.span)
            if site is not None:
                yield site


def read_again(program: Program, found: Loaded) -> bool:
    """Whether a failure of this load is met by another one."""
    symbol = next(functions_of(program, found.frames[-1:]))
    return any(
        isinstance(statement, f.Try)
        and any(call.span == found.call.span for call in called(statement.body))
        and any(last_name(call.function) == "load" for handler in statement.handlers for call in called(handler.body))
        for statement in statements(program.body(symbol))
    )


def trained_before(program: Program, found: Loaded) -> bool:
    """Whether a function that calls a training is handed on before, to something that runs it: what it wrote is read
    here."""
    symbol = next(functions_of(program, found.frames[-1:]))
    handed = (
        program.resolve(symbol.path, argument.value)
        for call in called(program.body(symbol))
        if call.span < found.call.span
        for argument in call.arguments
        if isinstance(argument.value, f.Name)
    )
    return any(
        isinstance(one, FunctionSymbol)
        and any(use_of(last_name(call.function) or "") == "train" for call in called(program.body(one)))
        for one in handed
    )


def is_best_of(program: Program, found: Loaded) -> bool:
    """Whether a file is the one that a training before, in the same function, says was its best: it was written by this
    very process."""
    symbol = next(functions_of(program, found.frames[-1:]))
    path = found.call.arguments[0].value if found.call.arguments else None
    if not isinstance(path, f.Attribute) or not {"best", "path"} <= words(path.name):
        return False
    return any(
        call.span < found.call.span and use_of(last_name(call.function)) == "train"
        for call in called(program.body(symbol))
    )


def lacks_cpu_way(body: f.Block) -> bool:
    """`if torch.cuda.is_available(): x = batch.cuda()`, where nothing else ever gives `x` a value."""
    assigned = [(statement, target) for statement in statements(body) for target in names_given(statement)]
    for statement in statements(body):
        if isinstance(statement, f.If) and asks_for_gpu(statement.test) and not statement.orelse:
            inner = [(one, target) for one in statements(statement.body) for target in names_given(one)]
            outer = {target for one in assigned if one not in inner for target in one[1:]}
            if any(target not in outer and is_on_gpu(one) for one, target in inner):
                return True
    return False


def names_given(statement: f.Stmt) -> Iterator[Expr]:
    """The names that a statement gives values to."""
    match statement:
        case f.Assign(targets):
            yield from (node for node in within(targets) if isinstance(node, f.Name))
        case f.For(target):
            yield from (node for node in within(target) if isinstance(node, f.Name))


def is_on_gpu(statement: f.Stmt) -> bool:
    return isinstance(statement, f.Assign) and any(
        isinstance(node, f.Call) and last_name(node.function) == "cuda" for node in within(statement.value)
    )


def is_gpu_only(program: Program, symbol: FunctionSymbol, call: f.Call) -> bool:
    """`model.cuda()` whatever the machine has."""
    if not isinstance(call.function, f.Attribute) or call.function.name != "cuda" or call.arguments:
        return False
    site = site_at(program, symbol, call.span)
    return site is not None and not any(names(guard) & DEVICES for guard in site.guards)


def cpu_way(program: Program, frames: tuple[Caller, ...]) -> Step | None:
    """Where the program decides that it may run on the CPU: in the functions that lead to a load, their class, file."""
    symbols = [symbol for caller in reversed(frames) for symbol in functions_of(program, (caller,))]
    for symbol in symbols:
        for place in choices(program, symbol):
            return Step(place, "the program may run on the CPU")
    for symbol in symbols[:1]:
        function = program.function(symbol)
        if takes_device(program, symbol) and takes_device(program, symbols[-1]):
            return Step(Place(symbol.path, function.span), "the device is for the caller to choose")
    for symbol in kin(program, symbols[0]):
        for place in choices(program, symbol):
            return Step(place, "the program may run on the CPU")
    return None


def takes_device(program: Program, symbol: FunctionSymbol) -> bool:
    return any(parameter.name == "device" for parameter in program.function(symbol).parameters)


def kin(program: Program, symbol: FunctionSymbol) -> Iterator[FunctionSymbol]:
    """The other methods of a method's class, and the code of its file."""
    klass = program.class_of(encloser(program, symbol))
    if klass is not None:
        yield from program.methods(klass)
    yield FunctionSymbol(symbol.path, 0)


def choices(program: Program, symbol: FunctionSymbol) -> Iterator[Place]:
    """`"cuda" if torch.cuda.is_available() else "cpu"`, or an `if` that says the same."""
    for statement in statements(program.body(symbol)):
        match statement:
            case f.If(test, body, orelse):
                asks = asks_for_gpu(test) and (is_cpu(body) or is_cpu(orelse))
                if asks or ((asks_for_gpu(test) or names_gpu(test)) and moves(body)):
                    yield Place(symbol.path, statement.span)
            case f.Assign(_, value) | f.Return(value) | f.Evaluate(value) if value is not None:
                for node in within(value):
                    if isinstance(node, f.Choice) and is_choice(node):
                        yield Place(symbol.path, statement.span)


def is_choice(node: f.Choice) -> bool:
    """Whether one side is the CPU, and the other, or the test, says that there is a GPU."""
    if not is_cpu((node.body, node.orelse)):
        return False
    return asks_for_gpu(node.test) or any(
        isinstance(part, f.Constant) and str(part.value).startswith("cuda") for part in within((node.body, node.orelse))
    )


def asks_for_gpu(test: Expr) -> bool:
    return any(isinstance(node, f.Attribute) and node.name == "is_available" for node in within(test))


def names_gpu(test: Expr) -> bool:
    """`device == "cuda"`."""
    return any(isinstance(node, f.Constant) and str(node.value).startswith("cuda") for node in within(test))


def is_cpu(node: object) -> bool:
    return any(isinstance(part, f.Constant) and part.value == "cpu" for part in within(node))


def moves(block: f.Block) -> bool:
    return any(last_name(call.function) == "cuda" for call in called(block))


# ---- which of it ------------------------------------------------------------------------------------------


def partly_saved(runs: Iterable[Events]) -> frozenset[Symbol]:
    """The classes of which some object's state is written without some of its keys."""
    return frozenset(
        part.owner.klass
        for run in runs
        for found in run.states
        if isinstance(found, Saved)
        for part in found.parts
        if part.filtered and part.what == "state" and part.owner.klass is not None
    )


def hidden_keys(program: Program, events: Events) -> Iterator[HiddenKeys]:
    """Loads with `strict=False` whose result is dropped, of a checkpoint that is meant to be complete."""
    partial = [
        part.owner
        for found in events.states
        if isinstance(found, Saved)
        for part in found.parts
        if part.filtered or part.what == "parameters"
    ]
    for found in events.states:
        if not isinstance(found, Restored) or not found.lenient or found.owner.role != "module" or found.owner.loaded:
            continue
        if found.source is None or any(one.klass == found.owner.klass for one in partial):
            continue
        symbol = next(functions_of(program, found.frames[-1:]))
        site = site_at(program, symbol, found.call.span)
        if site is None or looked_at(program, symbol, found.call) or meant_partial(found, site):
            continue
        if any(gives_pretrained(program, caller) for caller in found.frames[1:]):
            continue
        if any(tells_keys(one) for one in statements(program.body(symbol))) or tells_difference(program.body(symbol)):
            continue
        what = f"`{found.owner.label or 'the model'}`"
        last = Step(found.at, "keys that are missing here are not told of")
        resumed = resuming(program, events, found, site)
        if resumed is not None:
            yield HiddenKeys(found.at, found.frames[-1].function, what, "resumes", (last, resumed), found.owner.klass)
            continue
        run = evaluating(program, events, found)
        if run is not None:
            yield HiddenKeys(found.at, found.frames[-1].function, what, "evaluates", (last, run), found.owner.klass)


def site_at(program: Program, symbol: FunctionSymbol, span: Span) -> Site | None:
    """A call with what stands around it in its function."""
    return program.once(sites_in, symbol).get(span)


def names(expression: Expr) -> frozenset[str]:
    """The words of every name and text in an expression."""
    found: set[str] = set()
    for node in within(expression):
        match node:
            case f.Name(name) | f.Attribute(_, name):
                found |= words(name)
            case f.Constant(str() as text):
                found |= words(text)
    return frozenset(found)


def looked_at(program: Program, symbol: FunctionSymbol, call: f.Call) -> bool:
    """Whether the result of a call is used, and not just given a name."""
    body = program.body(symbol)
    for statement in statements(body):
        match statement:
            case f.Evaluate(value) if value == call:
                return False
            case f.Assign((f.Name(name),), value) if value == call:
                return any(node == f.Name(name) for other in body for node in within(other)) and reads(body, name)
    return True


def tells_keys(statement: f.Stmt) -> bool:
    """Whether a loop over a state, or over parameters by name, tells which of its keys another lacks:
    `if key not in state: print(key)`."""
    if not isinstance(statement, f.For) or not names(statement.iterable) & {"state", "dict", "parameters"}:
        return False
    asked = any(isinstance(node, f.Comparison) and node.operator in ("in", "not in") for node in within(statement.body))
    return asked and any(last_name(call.function) in TOLD_BY for call in called(statement.body))


def tells_difference(body: f.Block) -> bool:
    """Whether a function tells which keys are in one state and not in another: `print(own_keys - loaded_keys)`."""
    found = {
        target
        for statement in statements(body)
        if isinstance(statement, f.Assign) and is_difference(statement.value)
        for target in statement.targets
    }
    told = [call.arguments for call in called(body) if last_name(call.function) in TOLD_BY]
    return any(node in found or is_difference(node) for node in within(tuple(told)))


def is_difference(node: object) -> bool:
    return (
        isinstance(node, f.Operation)
        and node.operator == "-"
        and all("keys" in names(side) for side in (node.left, node.right))
    )


TOLD_BY = frozenset("print log info warning warn error".split())


def reads(body: f.Block, name: str) -> bool:
    """Whether a name is read anywhere, not only given values."""
    count = sum(isinstance(node, f.Name) and node.id == name for node in within(body))
    given = sum(
        target == f.Name(name)
        for statement in statements(body)
        if isinstance(statement, f.Assign)
        for target in statement.targets
    )
    return count > given


def meant_partial(found: Restored, site: Site) -> bool:
    """Whether a name on the way says that the checkpoint fills a part of the model only."""
    said = frozenset[str]().union(*(names(guard) for guard in site.guards), names(site.call.function))
    said |= names(site.call.arguments[0].value) if site.call.arguments else frozenset()
    said |= frozenset[str]().union(*(words(caller.function) for caller in found.frames[1:]))
    return bool(said & PARTIAL)


def gives_pretrained(program: Program, caller: Caller) -> bool:
    """Whether a function is called with weights that are said to be those of another training."""
    call = call_at(program, caller.called_at) if caller.called_at is not None else None
    return call is not None and any(names(argument.value) & PRETRAINED for argument in call.arguments)


def resuming(program: Program, events: Events, found: Restored, site: Site) -> Step | None:
    """What shows that training goes on from this checkpoint: an optimizer restored from the same file."""
    for other in events.states:
        if isinstance(other, Restored) and other.owner.role == "optimizer" and is_of_one_reading(found, other):
            return Step(other.at, "the optimizer goes on from the same checkpoint")
    told = said_nearby(program, found, site)
    if told is not None and any(isinstance(other, Stepped) for other in events.states):
        return Step(told, "training is said to go on from here")
    return None


def is_of_one_reading(one: Restored, other: Restored) -> bool:
    """Whether two are given what was read at the same time: not by one function that is called for each."""
    called_twice = one.frames[-1].symbol == other.frames[-1].symbol and one.frames != other.frames
    return one.source == other.source and not called_twice


def said_nearby(program: Program, found: Restored, site: Site) -> Place | None:
    """Where a message beside a load says that training is resumed."""
    if not site.guards:
        return None
    symbol = next(functions_of(program, found.frames[-1:]))
    for statement in statements(program.body(symbol)):
        if isinstance(statement, f.If) and statement.test == site.guards[-1]:
            for call in called(statement.body):
                if names(call) & RESUME and last_name(call.function) in TELLING:
                    return Place(symbol.path, call.span)
    return None


def evaluating(program: Program, events: Events, restored: Restored) -> Step | None:
    """Where a model that is never trained here evaluates once it is filled, None where there is training or no such
    place."""
    owner = restored.owner
    trained = [event for event in events.forwards if event.trained]
    if trained or events.backwards or any(isinstance(found, Created | Stepped) for found in events.states):
        return None
    for event in events.forwards[restored.after :]:
        if owner.address in event.family or event.address in owner.family:
            found = evaluation(program, events, event, trained)
            if event.built is not None and is_built_for_evaluation(program, event.built):
                return None
            if found is not None and event.sure:
                return Step(event.at, f"`{event.receiver}` evaluates here with what was found")
    return None


def is_built_for_evaluation(program: Program, at: Place) -> bool:
    """Whether an argument with which a model is built says what it is for, so that it may have fewer parts than the one
    that was trained: `aux_mode="eval"`, `training=False`."""
    call = call_at(program, at)
    return call is not None and any(
        use_of_argument(argument.keyword, argument.value.value) == "eval"
        for argument in call.arguments
        if argument.keyword and isinstance(argument.value, f.Constant)
    )


# ---- layers exchanged -------------------------------------------------------------------------------------


def replaced_layers(program: Program, events: Events) -> Iterator[ReplacedLayer]:
    """Models that evaluate with a layer that took the place of a loaded one."""
    trained = [event for event in events.forwards if event.trained]
    for event in events.forwards:
        if event.replaced is None or event.trained or any(is_same(event, other) for other in trained):
            continue
        if any(isinstance(found, Stepped) for found in events.states):
            continue
        found = evaluation(program, events, event, trained)
        if found is None or found.by == "training data":
            continue
        if found.by == "weights" and may_be_a_part(program, event.frames[0]):
            continue
        if any(is_trained_by_framework(program, caller) for caller in event.frames):
            continue
        load, new = event.replaced
        last = way(event.frames, Step(event.at, f"`{event.receiver}` evaluates here with a random layer"))
        yield ReplacedLayer(new.at, function_at(program, new.at), event.receiver, "evaluates", (load, new, *last))
    if events.by_default:
        for exchange in events.states:
            if isinstance(exchange, Replaced) and exchange.new.at.span != exchange.load.at.span:
                steps = exchange.load, exchange.new
                function = function_at(program, exchange.at)
                yield ReplacedLayer(exchange.at, function, exchange.model, "by default", steps)


def is_trained_by_framework(program: Program, caller: Caller) -> bool:
    """Whether a function belongs to a class that a framework trains, wherever that is: it says what a step is."""
    klass = program.class_of(caller.symbol) if caller.symbol is not None else None
    lineage = tuple(program.lineage(klass)) if klass is not None else ()
    own = {
        program.function(one).name for base in lineage if isinstance(base, ClassSymbol) for one in program.methods(base)
    }
    hooks = (program.apis.hook(base.name, name) for base in lineage if isinstance(base, External) for name in own)
    return any(hook is not None and hook.steps for hook in hooks)


def may_be_a_part(program: Program, entry: Caller) -> bool:
    """Whether an entry is a method of a class with a base that no table knows: that may be a model, which is trained
    where nothing is seen."""
    klass = program.class_of(entry.symbol) if entry.symbol is not None else None
    return klass is not None and any(
        base is None or (isinstance(base, External) and not program.apis.knows(base.name))
        for one in program.lineage(klass)
        if isinstance(one, ClassSymbol)
        for base in program.bases(one)
    )
