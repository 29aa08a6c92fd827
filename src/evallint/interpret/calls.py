"""Calls: of functions of the program, of its classes, of models, of methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.apis import Chain, GradContext, ModuleClass, Transform, Wrapper
from evallint.facts import Expr, Span
from evallint.findings import Place
from evallint.interpret import (
    attributes,
    data,
    enumerations,
    forwards,
    generators,
    gradients,
    idleness,
    library,
    modules,
    naming,
    patience,
    picking,
    sampling,
    states,
)
from evallint.interpret.events import Reveal
from evallint.interpret.render import code
from evallint.interpret.roles import DATA, Use, names_forward, use_of, use_of_argument, words
from evallint.interpret.values import (
    NO_FLOW,
    OPEN,
    UNKNOWN,
    Address,
    Anonymous,
    Arguments,
    Atom,
    Callee,
    Flow,
    Grad,
    Known,
    Method,
    Origin,
    Ref,
    Role,
    State,
    Super,
    Thing,
    Value,
    constant,
    in_order,
    joined,
    of,
)
from evallint.program import ClassSymbol, External, FunctionSymbol, ModuleSymbol

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

MOST_CALLEES = 6
"""Of so many functions that a call may mean each is followed. Libraries' methods, such as `eval()`, are run on any
number of objects: which of several models is meant, the others do not matter."""

SMALL = 12
"""Functions of so many statements are followed whatever they are about."""

SWITCHES = frozenset(
    "eval train no_grad inference_mode set_grad_enabled enable_grad backward grad reveal_mode reveal_grad".split()
)
EXITS = frozenset(("sys.exit", "builtins.exit", "builtins.quit", "os._exit", "os.abort"))


def call(machine: Machine, expression: f.Call, state: State) -> Value:
    """The value of a call, whose effects are those of what it calls."""
    function = expression.function
    frame = machine.frames[-1]
    frame.span = expression.span
    if isinstance(function, f.Name) and function.id in NAMED:
        special = named(machine, function.id, expression, state)
        if special is not None:
            return special
    callee = machine.value(function.value if isinstance(function, f.Attribute) else function, state)
    given = arguments(machine, expression, state)
    frame.span = expression.span
    machine.grad_now = state.grad
    if isinstance(function, f.Attribute):
        return method(machine, callee, function.name, given, expression, state)
    return invoke(machine, callee, given, expression, state)


NAMED = frozenset("super reveal_mode reveal_grad".split())
"""The few functions that the interpreter itself answers."""


def named(machine: Machine, name: str, expression: f.Call, state: State) -> Value | None:
    """What one of `NAMED` gives, None where it is not the one that is meant."""
    if name == "super":
        return super_of(machine, expression, state)
    if name == "reveal_mode" and expression.arguments:
        value = machine.value(expression.arguments[0].value, state)
        modes = [modules.effective(machine, address, state) for address in value.refs()]
        text = str(joined_modes(modes)) if modes else "unknown"
        machine.events.reveals.append(Reveal(machine.place(expression.span), text))
        return UNKNOWN
    if name == "reveal_grad":
        machine.events.reveals.append(Reveal(machine.place(expression.span), str(state.grad)))
        return UNKNOWN
    return None


def joined_modes(modes: list) -> object:  # type: ignore[type-arg]
    found = modes[0]
    for mode in modes[1:]:
        found = found.join(mode)
    return found


def super_of(machine: Machine, expression: f.Call, state: State) -> Value | None:
    frame = next((frame for frame in reversed(machine.frames) if frame.symbol is not None), None)
    if frame is None or frame.symbol is None:
        return None
    klass = machine.program.class_of(frame.symbol)
    function = machine.program.function(frame.symbol)
    if klass is None or not function.parameters:
        return None
    after = named_class(machine, klass, expression)
    receiver = state.heap[frame.address].attributes.get(function.parameters[0].name, UNKNOWN)
    if after is not None:
        for address in receiver.refs():
            return of(Super(address, after))
    return UNKNOWN


def named_class(machine: Machine, klass: ClassSymbol, expression: f.Call) -> ClassSymbol | None:
    """The class behind which `super` looks: that of the method, or one that it is told; None for one of a library."""
    told = machine.program.resolve(klass.path, expression.arguments[0].value) if expression.arguments else None
    lineage = tuple(machine.program.lineage(klass))
    if told not in lineage:
        return klass
    return told if isinstance(told, ClassSymbol) else None


def arguments(machine: Machine, expression: f.Call, state: State) -> Arguments:
    """The values of a call's arguments."""
    positional: list[Value] = []
    keywords: dict[str, Value] = {}
    spread = False
    rest: Value | None = None
    for argument in expression.arguments:
        value = machine.value(argument.value, state)
        if value.atoms:
            value = with_contents(value, state)
        if not argument.stars:
            if argument.keyword:
                keywords[argument.keyword] = value
            else:
                positional.append(value)
            continue
        known = False
        for address in value.refs():
            thing = state.heap[address]
            if thing.rest is None and len(value.atoms) == 1:
                if argument.stars == 1 and thing.kind == "list":
                    positional += thing.items.values()
                    known = True
                elif argument.stars == 2 and thing.kind == "dict":
                    keywords.update({key: item for key, item in thing.items.items() if isinstance(key, str)})
                    known = True
        if not known:
            spread = True
            element = picking.element(machine, value, state) if argument.stars == 1 else Value(flow=value.flow)
            rest = element if rest is None else rest.join(element)
    return Arguments(tuple(positional), keywords, spread, rest)


def with_contents(value: Value, state: State) -> Value:
    """A list or dict with what has flowed into its elements: what is computed of it depends on them all."""
    flow = value.flow
    for address in value.refs():
        thing = state.heap[address]
        if thing.kind in ("list", "dict", "generator"):
            for item in thing.contents():
                if item.flow.graph or item.flow.sums or item.flow.cut:
                    flow = flow.join(item.flow)
    return value if flow is value.flow else Value(value.atoms, flow)


def invoke(machine: Machine, callee: Value, given: Arguments, expression: f.Call, state: State) -> Value:
    """What calling a value gives."""
    found: list[Value] = []
    if OPEN in callee.atoms and any(number >= 0 for value in given.positional for number in value.flow.graph):
        callee = Value(frozenset(a for a in callee.atoms if not isinstance(a, ClassSymbol)), callee.flow)  # a loss
    ways = data.Ways(machine)
    for atom in in_order(built(callee, state))[:MOST_CALLEES]:
        ways.begin()
        match atom:
            case Callee():
                found.append(call_function(machine, atom, given, expression.span, state))
            case ClassSymbol():
                found.append(construct(machine, atom, given, expression, state))
            case External(name):
                found.append(library.call(machine, name, given, expression, state))
            case Ref(address):
                found.append(call_thing(machine, address, given, expression, state))
            case Anonymous():
                found.append(call_lambda(machine, atom, given, state))
            case Method(bound, name):
                found.append(method(machine, of(Ref(bound)), name, given, expression, state))
    ways.end()
    if not found:
        name = machine.text(expression.function)
        data.note_unseen(machine, name, given)
        if name.startswith("self."):
            library.note_unseen_part(machine, state)
        return library.unknown(machine, name, given, expression, state)
    value = joined(found)
    if callee.flow is not NO_FLOW and callee.flow.graph:
        value = value.with_flow(callee.flow)
    return value


def built(callee: Value, state: State) -> frozenset[Atom]:
    """What is called, but for a model from a file where the program may have built it too: of that more is known, and
    what is wrong there is wrong."""
    if len(callee.atoms) < 2 or not any(state.heap[ref].kind in ("module", "wrapper") for ref in callee.refs()):
        return callee.atoms
    pickled = (ref for ref in callee.refs() if state.heap[ref].kind == "symbol" and "file" in state.heap[ref].marks)
    return callee.atoms.difference(map(Ref, pickled))


# ---- functions of the program -------------------------------------------------------------------


def call_function(machine: Machine, callee: Callee, given: Arguments, span: Span, state: State) -> Value:
    """Run a function of the program on these arguments."""
    program = machine.program
    symbol = callee.symbol
    function = program.function(symbol)
    if len(machine.frames) >= 16 or machine.runs(symbol):
        return Value(flow=given.flow())
    if (
        function.name != "__init__"
        and not machine.relevance.matters(symbol)
        and not is_small(machine, symbol)
        and not data.has_sample(machine, given)
    ):
        states.saves_by_name(machine, function.name, given, f.Call(f.Name(function.name), (), span), state)
        data.note_unseen(machine, function.name, given)
        if callee.bound is not None and names_forward(function.name.lstrip("_")):
            library.note_unseen_part(machine, state)
        return library.opaque_result(machine, function.name, given, span, state)
    if not callee.plain:
        wrapped = decorated(machine, callee, given, span, state)
        if wrapped is not None:
            return wrapped
    if not patience.follows(machine, symbol):
        return patience.unfollowed(machine, callee, given, span, state)
    return follow(machine, callee, given, span, state)


def follow(machine: Machine, callee: Callee, given: Arguments, span: Span, state: State) -> Value:
    """Run a function of the program, or have its generator."""
    symbol = callee.symbol
    function = machine.program.function(symbol)
    place = machine.place(span)
    context = machine.context(machine.frame.context, place, symbol, callee.bound)
    address: Address = ("frame", context)
    if function.is_generator and not is_running_generator(machine, callee):
        thing = Thing("generator", function.name, born=place, pending=given, call=callee)
        return of(Ref(state.put(("generator", context), thing)))
    return run(machine, callee, given, place, address, context, state, None)


def is_small(machine: Machine, symbol: FunctionSymbol) -> bool:
    """A function of few statements, which costs less to run than to guess at."""
    return machine.size(symbol) <= SMALL


def is_running_generator(machine: Machine, callee: Callee) -> bool:
    return machine.runs(callee.symbol)


def run(
    machine: Machine,
    callee: Callee,
    given: Arguments,
    place: Place,
    address: Address,
    context: int,
    state: State,
    on_yield: Callable[[State, Value], list[State]] | None,
    part_of: int | None = None,
) -> Value:
    """Run a function's body in a frame of its own; the state becomes the one it leaves behind.

    `part_of`: the number of the model's run that it is part of.
    """
    program = machine.program
    symbol = callee.symbol
    function = program.function(symbol)
    if machine.notes is None:
        machine.reach(symbol)
    thing = Thing("frame", function.qualname, inner=callee.within)
    state.put(address, thing)
    before = state.grad
    budget, seen = machine.budget, machine.events.number()
    doubts = machine.doubts
    if machine.notes is not None:
        machine.doubts = doubts.copy()
    phase = phase_of(function, callee, given)
    with machine.running(symbol, symbol.path, address, place, function.span, context, phase) as frame:
        frame.on_yield = on_yield
        if part_of is not None:
            frame.inside, frame.part_of = True, part_of
        bind_parameters(machine, callee, given, address, state)
        effect = grad_effect(machine, symbol, state)
        if effect is not None:
            state.grad = effect
            if on_yield is not None:
                frame.on_yield = suspended(on_yield, before)
        ends = machine.block(program.body(symbol), [state])
        outcomes = frame.returns + [(end, constant(None)) for end in ends]
        yields = frame.yields
    machine.doubts = doubts
    cost = budget - machine.budget
    machine.costs.add(symbol, cost)
    if not outcomes:  # it only raises: a subclass out of sight says what comes of it
        state.grad = before
        return library.opaque_result(machine, function.name, given, place.span, state)
    value = joined(value for _, value in outcomes)
    merged = outcomes[0][0]
    for other, _ in outcomes[1:]:
        merged = merged.join(other)
    if effect is not None:
        merged.grad = before
    state.adopt(merged)
    if function.is_generator:
        held = Thing("generator", function.name, born=place, rest=joined(yields) if yields else UNKNOWN)
        flow = held.rest.flow if held.rest is not None else NO_FLOW
        return Value(frozenset((Ref(state.put(("generator", context), held)),)), flow)
    if machine.events.number() == seen and not frame.outer and idleness.is_idle(machine, callee, given, value, state):
        machine.costs.add_idle(symbol, cost)
    return value


def phase_of(function: f.Function, callee: Callee, given: Arguments) -> Use | None:
    """What the constants that a function is called with say it is for; None where they say nothing, or both."""
    names = [one.name for one in function.parameters if one.kind in ("", "/")]
    skipped = 1 if callee.bound is not None and not is_static(function) else 0
    pairs = [*zip(names[skipped:], given.positional, strict=False), *given.keywords.items()]
    found = {use_of_argument(name, held.value) for name, value in pairs if (held := value.constant()) is not None}
    found.discard(None)
    return found.pop() if len(found) == 1 else None


def suspended(on_yield: Callable[[State, Value], list[State]], grad: Grad) -> Callable[[State, Value], list[State]]:
    """A decorated generator sets gradients only while its own code runs."""

    def resumed(moment: State, value: Value) -> list[State]:
        own, moment.grad = moment.grad, grad
        return generators.restored(on_yield(moment, value), own)

    return resumed


def bind_parameters(machine: Machine, callee: Callee, given: Arguments, address: Address, state: State) -> None:
    """A frame's first variables: the arguments, the defaults, and unknowns for what is not given."""
    function = machine.program.function(callee.symbol)
    positional = list(given.positional)
    keywords = dict(given.keywords)
    names = state.own(address).attributes
    if callee.bound is not None and not is_static(function):
        positional.insert(0, of(Ref(callee.bound)))
    index = 0
    for parameter in function.parameters:
        name = parameter.name
        if parameter.kind == "*":
            thing = Thing("list", name, rest=given.rest)
            thing.items = dict(enumerate(positional[index:]))
            names[name] = of(Ref(state.put((*address, "*", name), thing)))
            index = len(positional)
        elif parameter.kind == "**":
            thing = Thing("dict", name, rest=given.rest)
            thing.items.update(keywords)
            names[name] = of(Ref(state.put((*address, "*", name), thing)))
        elif parameter.kind != "=" and index < len(positional):
            names[name] = positional[index]
            index += 1
            decide(machine, name, names[name])
        elif name in keywords:
            names[name] = keywords.pop(name)
            decide(machine, name, names[name])
        elif parameter.default is not None and not given.spread:
            names[name] = machine.value(parameter.default, state)
            names = state.own(address).attributes
        else:
            names[name] = parameter_symbol(machine, callee.symbol.path, parameter, (*address, "parameter", name), state)
            names = state.own(address).attributes
            if given.spread and given.rest is not None:
                names[name] = names[name].with_flow(given.rest.flow)


def decide(machine: Machine, parameter: str, value: Value) -> None:
    """A caller in sight decides on a flag."""
    called_at = machine.frame.caller.called_at
    if called_at is not None and value.is_flag() and not machine.frames[-2].hidden:
        machine.frame.flags[parameter] = {called_at}


def parameter_symbol(machine: Machine, path: str, parameter: f.Parameter, address: Address, state: State) -> Value:
    """What is known of an argument that nobody in sight gives: its annotation."""
    thing = Thing("symbol", parameter.name, born=machine.place())
    symbol = machine.program.resolve(path, parameter.annotation) if parameter.annotation is not None else None
    if symbol is not None and machine.program.is_module(symbol):
        thing.marks["module"] = None
        if not (isinstance(symbol, External) and machine.apis.canonical(symbol.name) == "torch.nn.Module"):
            thing.klass = symbol
    elif isinstance(symbol, ClassSymbol):
        thing.klass = symbol
    return of(Ref(state.put(address, thing)))


def is_static(function: f.Function) -> bool:
    return any(isinstance(decorator, f.Name) and decorator.id == "staticmethod" for decorator in function.decorators)


def grad_effect(machine: Machine, symbol: FunctionSymbol, state: State) -> Grad | None:
    """What the decorators of a function do to gradients while it runs."""
    for decorator in machine.program.function(symbol).decorators:
        target = decorator.function if isinstance(decorator, f.Call) else decorator
        resolved = machine.program.resolve(symbol.path, target)
        if not isinstance(resolved, External):
            continue
        meaning = machine.apis.of(resolved.name)
        if isinstance(meaning, GradContext) and meaning.decorates and (isinstance(decorator, f.Call) or meaning.bare):
            given = arguments(machine, decorator, state) if isinstance(decorator, f.Call) else Arguments()
            if isinstance(decorator, f.Call):
                machine.frame.span = decorator.span
            return gradients.grad_of(machine, meaning, given, state)
    return None


def decorated(machine: Machine, callee: Callee, given: Arguments, span: Span, state: State) -> Value | None:
    """The call of a function through a decorator of the program, None where it has none that matters."""
    function = machine.program.function(callee.symbol)
    for decorator in function.decorators:
        target = decorator.function if isinstance(decorator, f.Call) else decorator
        resolved = machine.program.resolve(callee.symbol.path, target)
        if not isinstance(resolved, FunctionSymbol) or not machine.relevance.mentions(resolved, SWITCHES):
            inner = isinstance(resolved, FunctionSymbol) and any(
                machine.relevance.mentions(part, SWITCHES) for part in nested(machine, resolved)
            )
            if not inner:
                continue
        assert isinstance(resolved, FunctionSymbol)
        plain = Callee(callee.symbol, callee.bound, callee.within, plain=True)
        maker: Value = of(Callee(resolved))
        fake = f.Call(target, (), span)
        if isinstance(decorator, f.Call):
            maker = invoke(machine, maker, arguments(machine, decorator, state), fake, state)
        made = invoke(machine, maker, Arguments((of(plain),)), fake, state)
        if any(state.heap[address].kind == "partial" for address in made.refs()):
            return invoke(machine, made, given, f.Call(f.Name(function.name), (), span), state)
        inner_calls = [
            atom for atom in in_order(made.atoms) if isinstance(atom, Callee) and atom.symbol != callee.symbol
        ]
        if inner_calls:
            # the wrapper passes its own arguments on, the receiver among them
            if callee.bound is not None:
                given = Arguments((of(Ref(callee.bound)), *given.positional), given.keywords, given.spread, given.rest)
                plain = Callee(callee.symbol, None, callee.within, plain=True)
                made = invoke(machine, maker, Arguments((of(plain),)), fake, state)
                inner_calls = [atom for atom in in_order(made.atoms) if isinstance(atom, Callee)]
            return call_function(machine, inner_calls[0], given, span, state)
    return None


def nested(machine: Machine, symbol: FunctionSymbol) -> list[FunctionSymbol]:
    """The functions defined within a function, at any depth."""
    functions = machine.program.files[symbol.path].functions
    prefix = functions[symbol.index].qualname + ".<locals>."
    return [
        FunctionSymbol(symbol.path, index) for index, one in enumerate(functions) if one.qualname.startswith(prefix)
    ]


def call_lambda(machine: Machine, atom: Anonymous, given: Arguments, state: State) -> Value:
    if len(machine.frames) >= 16:
        return Value(flow=given.flow())
    context = machine.context(machine.frame.context, machine.place(), machine.number(atom.code))
    address: Address = ("frame", context)
    thing = Thing("frame", "<lambda>", inner=atom.within)
    for index, parameter in enumerate(atom.code.parameters):
        value = given.get(index, parameter.name)
        thing.attributes[parameter.name] = value if value is not None else UNKNOWN
    state.put(address, thing)
    machine.spend()
    with machine.running(machine.frame.symbol, atom.path, address, machine.place(), machine.frame.span, context):
        return machine.value(atom.code.body, state)


# ---- classes ------------------------------------------------------------------------------------


def construct(machine: Machine, klass: ClassSymbol, given: Arguments, expression: f.Call, state: State) -> Value:
    """A new instance of a class of the program."""
    program = machine.program
    wrapper = wrapper_of(machine, klass)
    if wrapper is not None:
        return library.wrap(machine, wrapper, given, expression, state)
    if len(given.positional) == 1 and enumerations.is_enumeration(machine, klass):
        return enumerations.found_by(machine, klass, given.positional[0], state)
    title = program.klass(klass).name
    place = machine.place(expression.span)
    address: Address = ("new", machine.frame.context, machine.number(expression), klass)
    origin = Origin(title, given, place)
    states.forget(machine, address, state)
    if machine.notes is None and program.method(klass, "__call__") is not None:
        machine.events.built[address] = machine.callers()
    if program.is_module(klass):
        thing = Thing("module", "", klass, place, mode=modules.built(machine, title), pending=given, origin=origin)
        thing.marks["module"] = None
        machine.made[address] = machine.loops()
        state.put(address, thing)
        if must_initialise(machine, klass, given, state):
            initialise(machine, address, state)
        return of(Ref(address))
    thing = Thing("instance", "", klass, place, pending=given, origin=origin)
    state.put(address, thing)
    for keyword, value in given.keywords.items():
        data.named(machine, value, keyword)
    initialise(machine, address, state)
    states.made(machine, address, given, expression, state)
    roles = frozenset[Role]()
    if words(title) & DATA or any(
        isinstance(base, External) and "data" in base.name for base in program.lineage(klass)
    ):
        roles = roles_of(title, given)
    flow = given.flow()
    return Value(frozenset((Ref(address),)), Flow(roles=roles or flow.roles, sources=flow.sources))


def wrapper_of(machine: Machine, klass: ClassSymbol) -> Wrapper | None:
    """The wrapper of a library that a class derives from and runs as: it has no forward of its own."""
    for base in machine.program.lineage(klass):
        meaning = machine.apis.of(base.name) if isinstance(base, External) else None
        if isinstance(meaning, Wrapper):
            return meaning if machine.program.method(klass, "forward") is None else None
    return None


def must_initialise(machine: Machine, klass: ClassSymbol, given: Arguments, state: State) -> bool:
    """Whether a module's constructor is run at once: it holds modules it is given, or touches modes or gradients."""
    if any(
        state.heap[address].kind in ("module", "wrapper", "parts") for value in given.all() for address in value.refs()
    ):
        return True
    program = machine.program
    if any(isinstance(machine.apis.data(base), Transform | Chain) for base in program.externals(klass)):
        return True
    if any(starts_in_eval(machine, path, part) for path, part in machine.parts_of(klass).values()):
        return True
    classes = (base for base in program.lineage(klass) if isinstance(base, ClassSymbol))
    inits = [init for base in classes if (init := program.method(base, "__init__")) is not None]
    if inits and machine.relevance.mentions(inits[0], TOUCHES):
        return True
    return any(machine.relevance.mentions(one, FREEZES) for one in program.reached(klass, inits))


def starts_in_eval(machine: Machine, path: str, part: Expr) -> bool:
    """Whether what a constructor sets an attribute to is a module of a library that begins in eval mode."""
    resolved = machine.program.resolve(path, part.function) if isinstance(part, f.Call) else None
    meaning = machine.apis.of(resolved.name) if isinstance(resolved, External) else None
    return isinstance(meaning, ModuleClass) and meaning.starts == "eval"


FREEZES = frozenset(("requires_grad", "requires_grad_"))
"""What a constructor of a base mentions, or a method that it calls, that freezes what it has built."""

TOUCHES = frozenset(
    "eval train training requires_grad requires_grad_ freeze freeze_bn freeze_backbone reveal_mode".split()
)


def initialise(machine: Machine, address: Address, state: State, *, is_receiver: bool = False) -> None:
    """Run the constructor that an object still waits for; what it builds takes the object's present mode, and was there
    before any weights were loaded. Of a method's receiver nobody knows the mode, but that of what it builds."""
    thing = state.own(address)
    given, thing.pending = thing.pending, None
    klass = thing.klass
    if given is None or not isinstance(klass, ClassSymbol):
        return
    mode = thing.mode
    init = machine.program.method(klass, "__init__")
    if init is None:
        fields(machine, klass, given, address, state)
        data.inherited(machine, address, "__init__", given, state)
        return
    set_since = mode.eval is not None or (mode.train is not None and mode.train.kind != "built")
    late = thing.kind == "module" and (set_since or (mode.unknown and not is_receiver))
    loaded = thing.marks.pop("loaded", None)
    call_function(machine, Callee(init, address), given, machine.frame.span, state)
    if loaded is not None:
        state.own(address).marks.setdefault("loaded", loaded)
    if late:
        modules.switch(address, mode, state)


def fields(machine: Machine, klass: ClassSymbol, given: Arguments, address: Address, state: State) -> None:
    """The attributes of a dataclass or named tuple."""
    names = [
        target.id
        for statement in machine.program.class_body(klass)
        if isinstance(statement, f.Assign) and statement.annotation is not None
        for target in statement.targets
        if isinstance(target, f.Name)
    ]
    attributes = state.own(address).attributes
    attributes.update(zip(names, given.positional, strict=False))
    attributes.update(given.keywords)


def roles_of(name: str, given: Arguments) -> frozenset[Role]:
    """What a data set or loader is for, as its arguments or its own name say."""
    for keyword, value in given.keywords.items():
        known = value.constant()
        if known is None:
            continue
        if isinstance(known.value, bool) and words(keyword) & {"train", "training"} and len(words(keyword)) <= 2:
            return frozenset((Role("train" if known.value else "eval", True, f"{keyword}={known.value}"),))
        if isinstance(known.value, str) and words(keyword) & SPLITS:
            use = use_of(known.value)
            if use is not None:
                return frozenset((Role(use, True, f"{keyword}={known.value!r}"),))
    for value in given.positional:
        known = value.constant()
        if known is not None and isinstance(known.value, str) and known.value.isidentifier():
            use = use_of(known.value)
            if use is not None:
                return frozenset((Role(use, True, repr(known.value)),))
    use = use_of(name)
    return frozenset((Role(use, False, name),)) if use is not None else frozenset()


SPLITS = frozenset("split mode phase subset set partition stage flag part fold usage name type".split())


# ---- objects ------------------------------------------------------------------------------------


def call_thing(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> Value:
    """Call an object."""
    thing = state.heap[address]
    applied = data.apply(machine, address, given, state) if thing.origin is not None else None
    if applied is not None:
        return applied
    if machine.notes is not None and thing.kind in ("module", "instance") and isinstance(thing.klass, ClassSymbol):
        found = sampling.entry(machine, thing.klass)
        if found is not None:
            return data.by_program(machine, address, found, given, state)
    if thing.kind in modules.MODELS:
        data.note_unseen(machine, machine.text(expression.function), given)
        return forwards.forward(machine, address, given, expression, state)
    if thing.kind == "instance" and isinstance(thing.klass, ClassSymbol):
        found = machine.program.method(thing.klass, "__call__")
        if found is not None:
            return call_function(machine, Callee(found, address), given, expression.span, state)
    if thing.kind == "partial" and thing.rest is not None:
        positional = (
            *(value for key, value in sorted(thing.items.items(), key=str) if isinstance(key, int)),
            *given.positional,
        )
        keywords = {key: value for key, value in thing.items.items() if isinstance(key, str)} | dict(given.keywords)
        all_given = Arguments(positional, keywords, given.spread, given.rest)
        if thing.grad is None:
            return invoke(machine, thing.rest, all_given, expression, state)
        before, state.grad = state.grad, thing.grad
        value = invoke(machine, thing.rest, all_given, expression, state)
        state.grad = before
        for made in value.refs():
            if state.heap[made].kind == "generator" and state.heap[made].call is not None:
                state.own(made).grad = thing.grad  # it begins to run when it is iterated
        return value
    if thing.kind == "context":
        return gradients.decorate(machine, address, given, expression, state)
    data.note_unseen(machine, code(expression.function), given)
    return library.unknown(machine, code(expression.function), given, expression, state)


# ---- methods ------------------------------------------------------------------------------------


def method(machine: Machine, base: Value, name: str, given: Arguments, expression: f.Call, state: State) -> Value:
    """`base.name(…)`."""
    if name in library.BACKWARD and (base.flow.graph or base.flow.cut or not given.positional):
        return gradients.backward(machine, base.flow.join(given.flow()) if given.positional else base.flow, state)
    found: list[Value] = []
    for number, atom in enumerate(in_order(base.atoms)):
        if number >= MOST_CALLEES and is_of_program(machine, atom, name, state):
            for one in of(atom).refs():
                modules.lose(one, state)
            continue
        match atom:
            case Ref(address):
                found.append(method_of_thing(machine, address, name, given, expression, state, base))
            case Super(bound, after):
                klass = state.heap[bound].klass
                symbol = machine.program.method(klass, name, after) if isinstance(klass, ClassSymbol) else None
                if symbol is not None:
                    found.append(call_function(machine, Callee(symbol, bound), given, expression.span, state))
                else:
                    inherited = data.inherited(machine, bound, name, given, state)
                    found.append(
                        library.method(machine, bound, name, given, expression, state)
                        if inherited is None
                        else inherited
                    )
            case External(owner):
                found.append(library.call(machine, f"{owner}.{name}", given, expression, state))
            case ModuleSymbol():
                symbol_found = machine.program.member(atom, name)
                callee = naming.symbol_value(machine, symbol_found, state) if symbol_found is not None else UNKNOWN
                found.append(invoke(machine, callee, given, expression, state))
            case ClassSymbol():
                found.append(method_of_class(machine, atom, name, given, expression, state))
            case Callee() | Anonymous() if name == "__call__":
                found.append(invoke(machine, of(atom), given, expression, state))
            case Callee() if name == "__get__" and given.positional and (held := given.positional[0].refs()):
                found += [of(atom._replace(bound=address)) for address in held]
            case Known(text) if isinstance(text, str):
                found.append(constant(text.lower()) if name == "lower" else UNKNOWN)
    if not found:
        return library.tensor_method(machine, base, name, given, expression, state)
    value = joined(found)
    if base.flow is NO_FLOW:
        return value
    return value if library.detaches(machine, name) or name in library.OF_MODULE else value.with_flow(base.flow)


def is_of_program(machine: Machine, atom: Atom, name: str, state: State) -> bool:
    """Whether a method may be the program's own, which costs something to follow."""
    if not isinstance(atom, Ref):
        return not isinstance(atom, External)
    klass = state.heap[atom.address].klass
    return isinstance(klass, ClassSymbol) and machine.program.method(klass, name) is not None


def method_of_thing(
    machine: Machine, address: Address, name: str, given: Arguments, expression: f.Call, state: State, base: Value
) -> Value:
    thing = state.heap[address]
    own = isinstance(thing.klass, External) and machine.apis.method(thing.klass.name, name) is not None
    if thing.kind == "wrapper" and thing.inner is not None and name not in attributes.METHODS and not own:
        return method_of_thing(machine, thing.inner, name, given, expression, state, base)
    held = thing.attributes.get(name)
    if held is None and thing.pending is not None and thing.kind == "module" and name not in attributes.METHODS:
        held = attributes.unbuilt(machine, address, name, state)
    if held is not None and thing.kind in ("module", "instance", "symbol", "frame"):
        return invoke(machine, held, given, expression, state)
    if isinstance(thing.klass, ClassSymbol):
        symbol = machine.program.method(thing.klass, name)
        if symbol is not None and name != "forward" and forwards.is_run_by(machine, address, symbol, state):
            return forwards.by_method(machine, address, symbol, given, expression, state)
        if symbol is not None and name != "forward":
            return call_function(machine, Callee(symbol, address), given, expression.span, state)
        if symbol is None:
            variable = attributes.class_variable(machine, thing.klass, name, state)
            if variable is not None:
                return invoke(machine, variable, given, expression, state)
    return library.method(machine, address, name, given, expression, state)


def method_of_class(
    machine: Machine, klass: ClassSymbol, name: str, given: Arguments, expression: f.Call, state: State
) -> Value:
    """`Class.name(…)`: a class or static method, or a plain one given its receiver."""
    program = machine.program
    symbol = program.method(klass, name)
    if symbol is None:
        for base in program.externals(klass):
            if machine.apis.of(f"{base}.{name}") is not None:
                return library.call(machine, f"{base}.{name}", given, expression, state, klass)
        return library.unknown(machine, f"{program.klass(klass).name}.{name}", given, expression, state)
    function = program.function(symbol)
    is_class = any(isinstance(decorator, f.Name) and decorator.id == "classmethod" for decorator in function.decorators)
    if is_class:
        given = Arguments((of(klass), *given.positional), given.keywords, given.spread, given.rest)
    return call_function(machine, Callee(symbol), given, expression.span, state)


def set_item(machine: Machine, address: Address, index: Value, value: Value, state: State) -> bool:
    """`object[index] = value` where the object's class says what that does."""
    klass = state.heap[address].klass
    symbol = machine.program.method(klass, "__setitem__") if isinstance(klass, ClassSymbol) else None
    if symbol is None:
        return False
    call_function(machine, Callee(symbol, address), Arguments((index, value)), machine.frame.span, state)
    return True


def iterate(machine: Machine, address: Address, state: State) -> Value:
    """An element of an instance that defines `__iter__` or `__getitem__`."""
    klass = state.heap[address].klass
    if not isinstance(klass, ClassSymbol):
        return UNKNOWN
    for name in ("__iter__", "__getitem__"):
        symbol = machine.program.method(klass, name)
        if symbol is None:
            continue
        value = call_function(machine, Callee(symbol, address), Arguments(), machine.frame.span, state)
        if name == "__getitem__":
            return value
        if Ref(address) not in value.atoms:
            return picking.element(machine, generators.generated(machine, value, state), state)
        following = machine.program.method(klass, "__next__")
        if following is None:
            return UNKNOWN
        return call_function(machine, Callee(following, address), Arguments(), machine.frame.span, state)
    return UNKNOWN


def never_returns(machine: Machine, expression: Expr) -> bool:
    """Whether a call ends the program."""
    if not isinstance(expression, f.Call):
        return False
    function = expression.function
    if isinstance(function, f.Name) and function.id in ("exit", "quit"):
        return True
    return isinstance(function, f.Attribute) and code(function) in EXITS
