"""Which functions are worth following: those from whose code, or whose callees' code, a model could be touched."""

from __future__ import annotations

from evallint.program import ClassSymbol, FunctionSymbol, Program

WORDS = frozenset(
    "eval train training backward manual_backward step no_grad inference_mode set_grad_enabled enable_grad grad requires_grad "
    "requires_grad_ detach detach_ item data numpy tolist load_state_dict state_dict parameters named_parameters modules "
    "children named_children named_modules DataLoader Dataset Subset random_split DataParallel DistributedDataParallel "
    "prepare compile script trace export freeze unfreeze set_mode forward generate from_pretrained deepcopy "
    "reveal_mode reveal_grad dropout cuda to autocast apply".split()
)
"""Names of which a call or attribute changes, reads or hands on a model, its mode, its gradients or its data."""


class Relevance:
    """Judged by names, once for the program: a function that mentions one of `WORDS`, a class of modules, or the name of
    a function that is itself relevant. Too much is followed rather than too little."""

    def __init__(self, program: Program) -> None:
        names = set(WORDS)
        mentions: dict[str, list[tuple[str, ...]]] = {}
        for path, facts in program.files.items():
            for index, klass in enumerate(facts.classes):
                if program.is_module(ClassSymbol(path, index)):
                    names.add(klass.name)
            for function in facts.functions[1:]:
                name = function.name
                if name == "__init__" and function.owner >= 0:
                    name = facts.classes[function.owner].name
                mentions.setdefault(name, []).append(function.mentions)
        self._names = closure(names, mentions)
        self._program = program

    def matters(self, symbol: FunctionSymbol) -> bool:
        """Whether the function is to be followed."""
        return any(name in self._names for name in self._program.function(symbol).mentions)

    def mentions(self, symbol: FunctionSymbol, words: frozenset[str]) -> bool:
        """Whether the function's own code mentions one of these names."""
        return any(name in words for name in self._program.function(symbol).mentions)


def closure(names: set[str], mentions: dict[str, list[tuple[str, ...]]]) -> frozenset[str]:
    """The names, and those of every function that mentions one of them, and so on."""
    users: dict[str, set[str]] = {}
    for user, groups in mentions.items():
        for group in groups:
            for name in group:
                users.setdefault(name, set()).add(user)
    todo = list(names)
    while todo:
        for user in users.get(todo.pop(), ()):
            if user not in names:
                names.add(user)
                todo.append(user)
    return frozenset(names)
