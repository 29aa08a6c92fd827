"""Records how each outermost module is called: one file that needs Python 3.8, torch 2.1 and nothing else.

It runs inside the user's program, so it prints nothing, raises nothing, and works only while an outermost module is
entered and left: modules within it run without any hook of ours. Each process writes lines of JSON into its own file,
a call site as soon as it is first seen and its counts from time to time, so that a process that is killed has still
told what it did.
"""

from __future__ import annotations

import _thread
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

MOST_SITES = 5000
"""Call sites, each with its mode and the like, that one process tells apart."""
MOST_NAMES = 20
MOST_FRAMES = 40
MOST_MODULES = 50_000
MOST_BYTES_COMPARED = 64 << 20
"""Buffers that are larger altogether are not compared."""

OWN, LIBRARY, TORCH, GRAPH = "own", "library", "torch", "graph"
"""Whose code a frame runs; of a graph it is torch that wrote it."""


def watch(folder: str) -> None:
    """Starts recording into `folder` as soon as this process imports torch, or at once if it has."""
    if hasattr(sys.modules.get("torch"), "nn"):
        start(folder)
    else:
        _when_imported("torch", lambda torch: start(folder))


def start(folder: str) -> None:
    """Starts recording the modules that this process calls; a second time, goes on into another folder."""
    global _recorder
    if _recorder is not None:
        _recorder.go_on_in(folder)
        return
    try:
        _recorder = _Recorder(sys.modules["torch"], folder)
    except Exception as error:
        _Log(folder).write({"failed": _told(error)})


def flush() -> None:
    """Writes what was counted and not written yet."""
    if _recorder is not None:
        _recorder.flush()


def _when_imported(name: str, then: Callable[[Any], object]) -> None:
    finders: list[Any] = sys.meta_path
    finders.insert(0, _Waiting(name, then))


class _Waiting:
    """A finder that leaves finding to the others, and has something done when a module is loaded."""

    def __init__(self, name: str, then: Callable[[Any], object]) -> None:
        self._name = name
        self._then = then
        self._asks = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self._name or self._asks:
            return None
        self._asks = True
        try:
            specs = (finder.find_spec(name, path, target) for finder in sys.meta_path if hasattr(finder, "find_spec"))
            spec = next((spec for spec in specs if spec is not None), None)
        finally:
            self._asks = False
        if spec is not None and hasattr(spec.loader, "exec_module"):
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: Any) -> None:
        load = loader.exec_module

        def exec_module(module: Any) -> None:
            del loader.exec_module
            load(module)
            sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
            self._then(module)

        loader.exec_module = exec_module


class _Site:
    """One way in which a module is called: where, in which mode, with or without gradients. Counts its calls."""

    __slots__ = ("calls", "graphs", "is_new", "kept", "moved", "next_sample", "number", "raised", "said", "unmeasured")

    def __init__(self, number: int, said: dict[str, Any]) -> None:
        self.number = number
        self.said = said
        self.calls = 0
        self.graphs = 0
        self.raised = 0
        self.kept: int | None = None
        self.unmeasured = ""
        self.moved: dict[str, None] = {}
        self.next_sample = 0
        self.is_new = True

    def line(self) -> dict[str, Any]:
        counted = {"calls": self.calls, "graphs": self.graphs, "raised": self.raised, "moved": list(self.moved)}
        return {"site": self.number, **self.said, **counted, "kept": self.kept, "unmeasured": self.unmeasured}


class _Call:
    """The outermost call that runs now, and what is to be compared or undone when it ends."""

    __slots__ = ("before", "callers", "error", "hook", "hooks", "kept", "own", "site", "thread")

    def __init__(self, site: _Site, frame: Any) -> None:
        self.site = site
        self.callers = (id(frame), id(frame.f_back))
        self.thread = _thread.get_ident()
        self.error = sys.exc_info()[1]
        self.hook: Any = None
        self.hooks: Any = None
        self.kept: dict[int, int] = {}
        self.own: set[int] = set()
        self.before: list[tuple[str, Any, Any]] = []


class _Log:
    """The file of this process, to which whole lines are added."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, f"{os.getpid()}-{time.time_ns()}.jsonl")

    def write(self, *values: dict[str, Any]) -> None:
        import json

        text = "".join(json.dumps(value, default=str) + "\n" for value in values)
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                os.write(file, text.encode("utf-8", "backslashreplace"))
            finally:
                os.close(file)
        except OSError:
            return  # a full disk, a folder that is gone: the program goes on


class _Recorder:
    def __init__(self, torch: Any, folder: str) -> None:
        global _is_compiling
        self.torch = torch
        self.api = torch.nn.modules.module
        self.active: _Call | None = None
        self._lock = _thread.allocate_lock()  # held while a call is active: of calls that overlap, one is recorded
        self._folder = folder
        self._codes: dict[int, tuple[Any, str]] = {}
        self._stdlib = tuple(_stdlib_folders())
        self._torch = os.path.dirname(torch.__file__) + os.sep
        self._top_hooks = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None)
        self._leftover: list[Any] = []
        _is_compiling = getattr(torch.compiler, "is_compiling", bool)
        self._begin()
        self._attend_ends()
        self._attend_compilation()
        self._listen()

    # ---- files and processes ----

    def _begin(self) -> None:
        """Begins a file, with what is known of this process."""
        self.sites: dict[Any, _Site] = {}
        self._started = time.monotonic()
        self._next_flush = self._started + 1
        self._log = _Log(self._folder)
        self._log.write(
            {
                "process": os.getpid(),
                "parent": os.getppid(),
                "command": getattr(sys, "orig_argv", sys.argv),
                "folder": os.getcwd(),
                "rank": os.environ.get("RANK"),
                "python": ".".join(map(str, sys.version_info[:3])),
                "torch": self.torch.__version__,
            }
        )

    def go_on_in(self, folder: str) -> None:
        self.flush()
        self._folder = folder
        self._begin()

    def _attend_ends(self) -> None:
        import atexit

        atexit.register(self.flush)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._go_on_in_child)
        # Workers that multiprocessing forks leave by `os._exit`, after these.
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            util.register_after_fork(self, lambda self: util.Finalize(None, self.flush, exitpriority=0))

    def _go_on_in_child(self) -> None:
        self.active = None
        self._lock = _thread.allocate_lock()
        try:
            self._begin()
        except Exception as error:
            self._give_up(error)
        self._listen()

    def flush(self) -> None:
        """Writes the sites whose counts have changed."""
        now = time.monotonic()
        self._next_flush = now + max(1.0, (now - self._started) / 20)
        lines = [site.line() for site in list(self.sites.values()) if site.is_new]
        for site in list(self.sites.values()):
            site.is_new = False
        if lines:
            self._log.write(*lines)

    def _give_up(self, error: BaseException) -> None:
        """Records nothing more: a failure of ours must not become one of the program."""
        global _recorder
        _recorder = None
        self._ignore()
        self._log.write({"failed": _told(error)})

    # ---- hooks ----

    def _listen(self) -> None:
        self._ignore()
        self._handle = self.api.register_module_forward_pre_hook(_before)

    def _ignore(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle is not None:
            handle.remove()

    def _attend_compilation(self) -> None:
        """`module.compile()` makes `_call_impl` itself compiled, so such a module is entered around that.

        And compiled modules ask whether there are global hooks, only to warn: ours is not what they ask about.
        """
        compile_module = getattr(self.torch.nn.Module, "compile", None)
        if compile_module is not None:

            def compile(module: Any, *args: Any, **kwargs: Any) -> None:
                compile_module(module, *args, **kwargs)
                if module._compiled_call_impl is not None:
                    module._compiled_call_impl = _Compiled(module, module._compiled_call_impl)

            compile.__doc__ = compile_module.__doc__
            self.torch.nn.Module.compile = compile
        has_hooks = getattr(self.api, "_has_any_global_hook", None)
        if has_hooks is not None:

            def has_other_hooks() -> Any:
                if _is_compiling() or self.active is not None:
                    return has_hooks()
                self._ignore()
                try:
                    return has_hooks()
                finally:
                    self._listen()

            self.api._has_any_global_hook = has_other_hooks
        if not hasattr(self.torch.compiler, "is_compiling"):
            self.torch.compile = self._silencing(self.torch.compile)

    def _silencing(self, compile: Callable[..., Any]) -> Callable[..., Any]:
        """The `torch.compile` of torch 2.1: a hook cannot ask there whether it is compiled, so it must be gone."""
        import functools

        def compiled(model: Any = None, **options: Any) -> Any:
            if model is None:
                return lambda model: compiled(model, **options)
            made = compile(model, **options)
            if isinstance(model, self.torch.nn.Module):
                return made

            @functools.wraps(made)
            def run(*args: Any, **kwargs: Any) -> Any:
                self._ignore()
                try:
                    return made(*args, **kwargs)
                finally:
                    if self.active is None:
                        self._listen()

            return run

        return functools.wraps(compile)(compiled)

    def enter(self, module: Any, args: Any, frame: Any, hooked: bool) -> _Call | None:
        """Begins an outermost call; `frame` runs it. `hooked`: a hook on the module is to end it."""
        if self.torch._C._current_graph_task_id() != -1:
            return None  # a backward pass computes something once more
        if not self._lock.acquire(False):
            return None  # within another
        try:
            self.active = self._begun(module, args, frame, hooked)
        except Exception as error:
            self._give_up(error)
        if self.active is None:
            self._lock.release()
        return self.active

    def _begun(self, module: Any, args: Any, frame: Any, hooked: bool) -> _Call | None:
        while self._leftover:
            self._leftover.pop().remove()
        site = self._site_of(module, args, frame)
        if site is None:
            return None
        if hooked and isinstance(module, self.torch.jit.ScriptModule):
            site.unmeasured = "TorchScript takes no hooks"
            self._count(site, None, False)
            return None
        call = _Call(site, frame)
        if hooked:
            call.hook = module.register_forward_hook(_after, always_call=True)
        self._ignore()
        if site.calls >= site.next_sample:
            site.next_sample = site.next_sample * 10 + 9
            self._begin_sample(call, module)
        return call

    def leave(self, output: Any) -> None:
        """Ends the outermost call."""
        call = self.active
        if call is None:
            return
        try:
            raised = sys.exc_info()[1] is not call.error
            self._end_sample(call)
            if call.hook is not None and raised:
                self._leftover.append(call.hook)  # torch walks through the hooks themselves then
            elif call.hook is not None:
                call.hook.remove()
            self._count(call.site, output, raised)
            self._listen()
        except Exception as error:
            self._give_up(error)
        self.active = None
        self._lock.release()

    def _count(self, site: _Site, output: Any, raised: bool) -> None:
        site.calls += 1
        site.raised += raised
        for tensor in _tensors(output, self.torch.Tensor):
            if tensor.requires_grad:
                site.graphs += 1
                break
        is_first = site.calls == 1
        site.is_new = True
        if is_first or time.monotonic() > self._next_flush:
            self.flush()

    def was_left(self, call: _Call, frame: Any) -> bool:
        """Is what runs the call gone, though no hook ended it, as an interrupt makes it? `frame` runs another."""
        while frame is not None:
            if id(frame) == call.callers[0]:
                return False
            frame = frame.f_back
        return True

    def forget(self, call: _Call) -> None:
        """Drops a call that was left by an interrupt."""
        if call.hooks is not None:
            call.hooks.__exit__(None, None, None)
        if call.hook is not None:
            call.hook.remove()
        self._listen()
        self.active = None
        self._lock.release()

    # ---- sites ----

    def _site_of(self, module: Any, args: Any, frame: Any) -> _Site | None:
        torch = self.torch
        whose, caller, own = self._stack(frame)
        if whose is GRAPH:
            return None  # a part of what torch.compile made
        flags, parameter = _walk(module)
        tensor = next(_tensors(args, torch.Tensor), parameter)
        key = (
            type(module),
            caller,
            own,
            flags,
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            getattr(parameter, "dtype", None),
            getattr(parameter, "device", None),
            getattr(tensor, "dtype", None),
            getattr(tensor, "device", None),
        )
        site = self.sites.get(key)
        if site is None and len(self.sites) < MOST_SITES:
            said = {**self._place(frame), **_module(module, torch), **self._context(key, tensor)}
            site = self.sites[key] = _Site(len(self.sites), said)
        return site

    def _stack(self, frame: Any) -> tuple[str, Any, tuple[int, ...]]:
        """The innermost code outside of torch, and all own code, by numbers that are equal for equal stacks."""
        caller: Any = None
        whose = TORCH
        own: list[int] = []
        codes = self._codes
        while frame is not None:
            code = frame.f_code
            known = codes.get(id(code))
            if known is None:
                known = codes[id(code)] = (code, self._whose(code))  # kept, so that the number is not given again
            if known[1] is not TORCH and caller is None:
                whose, caller = known[1], (id(code), frame.f_lasti)
            if known[1] is OWN and len(own) < 2 * MOST_FRAMES:
                own += (id(code), frame.f_lasti)
            frame = frame.f_back
        return whose, caller, tuple(own)

    def _whose(self, code: Any) -> str:
        path = code.co_filename
        if path.startswith(self._torch) or path == __file__:
            return TORCH
        if path.startswith("<eval_with_key>"):
            return GRAPH
        if path.startswith(("<frozen", "<string>", "<attrs")):
            return LIBRARY
        if f"{os.sep}site-packages{os.sep}" in path or f"{os.sep}dist-packages{os.sep}" in path:
            return LIBRARY
        return LIBRARY if path.startswith(self._stdlib) else OWN

    def _place(self, frame: Any) -> dict[str, Any]:
        """The innermost place outside of torch, and the own places that lead to it, the innermost first."""
        caller: Any = None
        own: list[dict[str, Any]] = []
        while frame is not None:
            whose = self._codes[id(frame.f_code)][1]
            if whose is not TORCH and caller is None:
                caller = _place(frame)
            if whose is OWN and len(own) < MOST_FRAMES:
                own.append(_place(frame))
            frame = frame.f_back
        return {"caller": caller, "stack": own}

    def _context(self, key: tuple[Any, ...], tensor: Any) -> dict[str, Any]:
        grad, inference, dtype, device, input_dtype, input_device = key[4:]
        return {
            "gradients": "inference" if inference else "on" if grad else "off",
            "device": _short(device if device is not None else input_device),
            "dtype": _short(dtype),
            "autocast": self._autocast(device if device is not None else input_device),
            "input": None
            if tensor is None
            else {"shape": list(tensor.shape), "dtype": _short(input_dtype), "device": _short(input_device)},
        }

    def _autocast(self, device: Any) -> str | None:
        """The number format that autocast is on with, if it is."""
        torch = self.torch
        kind = getattr(device, "type", "cpu")
        try:
            return _short(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else None
        except (AttributeError, TypeError, RuntimeError):  # before torch 2.4, or a device without autocast
            pass
        if kind == "cuda":
            return _short(torch.get_autocast_gpu_dtype()) if torch.is_autocast_enabled() else None
        is_on = kind == "cpu" and hasattr(torch, "is_autocast_cpu_enabled") and torch.is_autocast_cpu_enabled()
        return _short(torch.get_autocast_cpu_dtype()) if is_on else None

    # ---- samples: at the first call of a site, the tenth, the hundredth and so on ----

    def _begin_sample(self, call: _Call, module: Any) -> None:
        torch = self.torch
        if torch._C._get_tracing_state() is not None or torch._C._len_torch_dispatch_stack():
            call.site.unmeasured = "another tool traces the call"
            return
        if torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing():
            call.site.unmeasured = "a CUDA graph is captured"
            return
        with torch._C.DisableTorchFunction():
            call.before = _buffers(module, torch)
        if not torch.is_grad_enabled() or torch.is_inference_mode_enabled():
            call.site.kept = call.site.kept or 0
        elif self._compiles(module):
            call.site.unmeasured = "torch.compile is in use"
        else:
            self._watch_saved_tensors(call, module)

    def _compiles(self, module: Any) -> bool:
        """Is anything compiled? Hooks for saved tensors would have it compiled once more."""
        frames = sys.modules.get("torch._dynamo.eval_frame")
        backends = getattr(frames, "cached_backends", {}).values()
        return type(module).__name__ == "OptimizedModule" or any(callable(backend) for backend in list(backends))

    def _watch_saved_tensors(self, call: _Call, module: Any) -> None:
        if self._top_hooks is not None and self._top_hooks(False) is not None:
            call.site.unmeasured = "the program has hooks for saved tensors of its own"
            return
        kept = call.kept

        def pack(tensor: Any) -> Any:
            kept.update([_extent(tensor)])
            return tensor, tensor._version

        own = (*module.parameters(), *module.buffers())
        call.own = {_extent(tensor)[0] for tensor in own}
        hooks = self.torch.autograd.graph.saved_tensors_hooks(pack, _unpack)
        try:
            hooks.__enter__()
            call.hooks = hooks
        except RuntimeError:  # forbidden here, by torch.func for one
            call.site.unmeasured = "hooks for saved tensors are forbidden here"

    def _end_sample(self, call: _Call) -> None:
        if call.hooks is not None:
            call.hooks.__exit__(None, None, None)
            kept = sum(size for number, size in call.kept.items() if number not in call.own)
            call.site.kept = max(kept, call.site.kept or 0)
        with self.torch._C.DisableTorchFunction():
            for name, buffer, before in call.before:
                if len(call.site.moved) < MOST_NAMES and not _equal(buffer, before, self.torch):
                    call.site.moved[name] = None


class _Compiled:
    """What `module.compile()` makes, as an outermost call."""

    def __init__(self, module: Any, run: Callable[..., Any]) -> None:
        self._module = module
        self._run = run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        recorder = None if _is_compiling() else _recorder
        call = recorder and recorder.enter(self._module, args, sys._getframe(0), hooked=False)
        if not recorder or not call:
            return self._run(*args, **kwargs)
        output = None
        try:
            output = self._run(*args, **kwargs)
            return output
        finally:
            recorder.leave(output)


_recorder: _Recorder | None = None


_is_compiling: Callable[[], Any] = bool
"""torch's own, as soon as there is one."""


def _before(module: Any, args: Any) -> None:
    """The hook on all modules. Where torch.compile follows it, it does nothing that would break the graph."""
    if _is_compiling():
        return
    if _recorder is not None:
        _recorder.enter(module, args, sys._getframe(1), hooked=True)


def _after(module: Any, args: Any, output: Any) -> None:
    """The hook on the outermost module, until its call ends."""
    recorder, frame = _recorder, sys._getframe(1)
    call = recorder and recorder.active
    if recorder is None or not call or call.thread != _thread.get_ident():
        return
    if id(frame) in call.callers:
        recorder.leave(output)
    elif recorder.was_left(call, frame):
        recorder.forget(call)


def _unpack(packed: Any) -> Any:
    """What torch checks itself where no hooks are: that nobody has written into what backward needs."""
    tensor, version = packed
    if tensor._version != version:
        raise RuntimeError(
            "one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"[{tensor.type()} {list(tensor.shape)}] is at version {tensor._version}; expected version {version} "
            "instead. Hint: enable anomaly detection to find the operation that failed to compute its gradient, with "
            "torch.autograd.set_detect_anomaly(True)."
        )
    return tensor


# ---- what is said of modules, places and tensors -------------------------------------------------


def _walk(module: Any) -> tuple[bytes, Any]:
    """The mode of a module and of all within it, in an order that stays, and the first parameter."""
    flags = bytearray()
    parameter: Any = None
    rest = [module]
    while rest and len(flags) < MOST_MODULES:
        one = rest.pop()
        if one is None:
            continue
        flags.append(one.training)
        if parameter is None:
            parameter = next((value for value in one._parameters.values() if value is not None), None)
        rest += one._modules.values()
    return bytes(flags), parameter


def _module(module: Any, torch: Any) -> dict[str, Any]:
    """What is called: its class, what wraps it, its modes, and what in it heeds them."""
    wrappers = []
    inner = module
    while type(inner).__module__.startswith("torch.") and len(inner._modules) == 1:
        name, within = next(iter(inner._modules.items()))
        if name not in ("module", "_orig_mod", "_fsdp_wrapped_module") or within is None:
            break
        wrappers.append(type(inner).__name__)
        inner = within
    module = inner
    differing: list[str] = []
    heeds: dict[str, list[int]] = {}
    modes = {True: 0, False: 0}
    for name, one in module.named_modules():
        modes[bool(one.training)] += 1
        kind = _heeds_mode(one, torch.nn)
        if kind:
            counts = heeds.setdefault(kind, [0, 0])
            counts[0] += 1
            counts[1] += bool(one.training)
        if one.training != module.training and not any(name.startswith(f"{above}.") for above in differing):
            differing.append(name)
    parameters = list(module.parameters())
    return {
        "module": type(inner).__qualname__,
        "defined_in": type(inner).__module__,
        "wrapped_in": wrappers,
        "mode": "mixed" if all(modes.values()) else "train" if module.training else "eval",
        "own_mode": "train" if module.training else "eval",
        "in_training": modes[True],
        "modules": sum(modes.values()),
        "differing": differing[:MOST_NAMES],
        "heeds_mode": {kind: {"all": counts[0], "in_training": counts[1]} for kind, counts in heeds.items()},
        "parameters": sum(parameter.numel() for parameter in parameters if type(parameter).__name__ == "Parameter"),
        "trainable": any(parameter.requires_grad for parameter in parameters),
        "buffers": sum(1 for _ in module.buffers()),
    }


def _heeds_mode(module: Any, nn: Any) -> str:
    """What a module does in training mode only, as far as its class tells; "" for nothing known."""
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return "dropout" if module.p > 0 else ""
    if isinstance(module, nn.modules.batchnorm._NormBase):
        return "batch norm" if module.track_running_stats else ""
    if isinstance(module, (nn.RNNBase, nn.MultiheadAttention)):
        return "dropout" if module.dropout > 0 else ""
    return "random slope" if isinstance(module, nn.RReLU) else ""


def _place(frame: Any) -> dict[str, Any]:
    code = frame.f_code
    span = (frame.f_lineno, frame.f_lineno, None)
    positions = getattr(code, "co_positions", None)
    if positions is not None:  # since Python 3.11
        import itertools

        line, end_line, column, _ = next(itertools.islice(positions(), frame.f_lasti // 2, None))
        span = (line or span[0], end_line or span[0], column if column is None else column + 1)
    path = code.co_filename
    if not path.startswith("<"):
        path = os.path.abspath(path)
    return {"path": path, "line": span[0], "end_line": span[1], "column": span[2], "function": code.co_name}


def _stdlib_folders() -> Iterator[str]:
    import sysconfig

    for name in ("stdlib", "platstdlib"):
        folder = sysconfig.get_path(name)
        if folder:
            yield os.path.realpath(folder) + os.sep
            yield folder + os.sep


def _tensors(value: Any, tensor: type, depth: int = 0) -> Iterator[Any]:
    """The tensors among the first things that a value holds."""
    if isinstance(value, tensor):
        yield value
    elif depth < 3 and isinstance(value, (tuple, list)):
        for item in value[:8]:
            yield from _tensors(item, tensor, depth + 1)
    elif depth < 3 and isinstance(value, dict):
        for item in list(value.values())[:8]:
            yield from _tensors(item, tensor, depth + 1)


def _extent(tensor: Any) -> tuple[int, int]:
    """A number for the memory that a tensor stands in, and its size in bytes."""
    try:
        storage = tensor.untyped_storage()
        return storage._cdata, storage.nbytes()
    except (RuntimeError, NotImplementedError, AttributeError):  # sparse, or of a class of its own
        return id(tensor), tensor.numel() * tensor.element_size()


def _buffers(module: Any, torch: Any) -> list[tuple[str, Any, Any]]:
    """Each buffer with its name and a copy of it, unless there is too much to copy."""
    plain = (torch.Tensor, getattr(torch.nn, "Buffer", torch.Tensor))
    buffers = [(name, one) for name, one in module.named_buffers() if type(one) in plain and not one.is_meta]
    if sum(one.numel() * one.element_size() for _, one in buffers) > MOST_BYTES_COMPARED:
        return []
    return [(name, one, one.detach().clone()) for name, one in buffers]


def _equal(now: Any, before: Any, torch: Any) -> bool:
    if now.shape != before.shape or now.dtype != before.dtype or now.device != before.device:
        return False
    return bool(((now == before) | ((now != now) & (before != before))).all())


def _short(value: Any) -> str | None:
    return None if value is None else str(value).replace("torch.", "")


def _told(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(type(error), error, error.__traceback__)[-3:])
