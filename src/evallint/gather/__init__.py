"""What the interpreter saw and what the code says, in the field's own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple, TypeVar

from evallint.gather.code.eras import makes_plain_variables, written_for_old_torch
from evallint.gather.code.running import Running
from evallint.gather.code.substance import Substances
from evallint.gather.data import differences
from evallint.gather.data.constants import Fed, fed_in, typed_constants
from evallint.gather.data.fits import fitted_on_test
from evallint.gather.data.fits.learning import scalers_in
from evallint.gather.data.halves import replaced_transforms
from evallint.gather.data.learnt import learnt_from
from evallint.gather.data.loaders import Loaders
from evallint.gather.data.named import Named, named_in, side_by_side
from evallint.gather.data.order import pipeline_faults
from evallint.gather.data.unused import unused_pipelines
from evallint.gather.metric.averages import Averages
from evallint.gather.metric.figures import of_training
from evallint.gather.metric.hooks import averaged_by_hooks
from evallint.gather.metric.passes import Loops, evaluating_passes, loops_in, loops_of
from evallint.gather.metric.positions import matched_by_position
from evallint.gather.metric.precisions import cast_for_evaluation, cast_in_forward
from evallint.gather.modes import blame, forwards, training
from evallint.gather.modes.built import built_in_forward, module_titles
from evallint.gather.modes.contexts import ineffective_contexts
from evallint.gather.modes.flagged import flagged_calls, flagged_titles
from evallint.gather.modes.held import plainly_held
from evallint.gather.modes.hidden import hidden_methods
from evallint.gather.modes.keras import training_flags
from evallint.gather.modes.predicting import Predicting
from evallint.gather.modes.unlearned import cut_layers
from evallint.gather.state import kept, loads, resume, saves
from evallint.gather.state.registered import lost_buffers, plain_tensors
from evallint.gather.state.sent import sent_parameters
from evallint.gather.state.unsafe import unsafe_loads
from evallint.interpret.events import Events
from evallint.memory import Latest, Memo
from evallint.program import Program
from evallint.project import (
    Accumulated,
    BareParameters,
    CutTraining,
    Evaluation,
    Exported,
    Forward,
    FrozenButLearning,
    HiddenKeys,
    IneffectiveContext,
    LearntFrom,
    LoaderUse,
    LostTraining,
    OtherPrecision,
    PipelineFault,
    Project,
    ReplacedLayer,
    StaleState,
    TrainingFigure,
    Uncalled,
    UnmappedLoad,
    WholePickle,
)

T = TypeVar("T")


class OfRun(NamedTuple):
    """What one run of an entry shows by itself."""

    evaluations: Mapping[int, Evaluation]
    loops: Loops
    forwards: tuple[Forward, ...]
    loaders: tuple[LoaderUse, ...]
    named: tuple[Named, ...]
    fed: tuple[Fed, ...]
    lost_training: tuple[LostTraining, ...]
    accumulated: tuple[Accumulated, ...]
    training_figures: tuple[TrainingFigure, ...]
    other_precisions: tuple[OtherPrecision, ...]
    frozen_but_learning: tuple[FrozenButLearning, ...]
    exported: tuple[Exported, ...]
    uncalled: tuple[Uncalled, ...]
    cut_training: tuple[CutTraining, ...]
    learnt_from: tuple[LearntFrom, ...]
    pipeline_faults: tuple[PipelineFault, ...]
    stale_states: tuple[StaleState, ...]
    whole_pickles: tuple[WholePickle, ...]
    bare_parameters: tuple[BareParameters, ...]
    averaged_parameters: tuple[BareParameters, ...]
    hidden_keys: tuple[HiddenKeys, ...]
    replaced_layers: tuple[ReplacedLayer, ...]
    unmapped_loads: tuple[UnmappedLoad, ...]

    def tells(self) -> bool:
        """Whether the run shows anything: most do not."""
        return any(self.loops) or any(part for part in self if part is not self.loops)


class Gatherer:
    """Puts what the interpreter saw, and what the code says, into the field's own words.

    What one run shows, and what one file says, is kept for as long as nothing changes that it stands on.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._running = Running(program)
        self._substances = Substances(program)
        self._known = forwards.Known(self._substances, Predicting(program))
        self._loaders = Loaders(program)
        self._averages = Averages(program)
        self._flagged, self._layers = flagged_titles(program.apis), module_titles(program.apis)
        self._contexts_known: Memo[str, tuple[list[Forward], tuple[IneffectiveContext, ...]]] = program.memory.memo()
        self._latest = Latest(program.memory)
        self._of_runs: Memo[int, tuple[Events, OfRun | None]] = program.memory.memo()

    def renew(self) -> None:
        """Take in what files say now, and forget what stands on anything that is otherwise by that."""
        self._program.index.renew()
        self._running.renew()

    def project(self, runs: Iterable[Events]) -> Project:
        """The project that the program and the runs of its entries make."""
        program, running, substances = self._program, self._running, self._substances
        complete = [run for run in runs if run.complete]
        shown = [(run, found) for run in complete if (found := self._of_run(run)) is not None]
        self._of_runs.drop_others([id(run) for run in complete])
        every = [found for _, found in shown]
        real = [(run, found) for run, found in shown if not run.supposed]
        seen = [found for _, found in real]
        old = tuple(sorted(written_for_old_torch(program)))
        used = self._latest.of(placed, program, tuple(one for found in seen for one in found.forwards), old)
        loaders = tuple(one for found in seen for one in found.loaders)
        passes = {
            id(one.loop.statement): one
            for one in self._latest.of(
                evaluating_passes,
                tuple(program.each(loops_in)),
                tuple(run for run, _ in real),
                tuple(one.evaluations for one in seen),
                tuple(one.loops for one in seen),
            )
        }
        named = self._latest.of(side_by_side, tuple(one.named for one in seen), loaders)
        states = tuple(run for run in complete if run.states)
        partly_saved = loads.partly_saved(states)
        return Project(
            forwards=used,
            lost_training=first_each(one for found in seen for one in found.lost_training),
            accumulated=first_each(one for found in seen for one in found.accumulated),
            averaged=first_each((*self._averages.wrong(passes), *program.each(averaged_by_hooks))),
            training_figures=first_each(one for found in seen for one in found.training_figures),
            other_precisions=first_each(
                (*(one for found in seen for one in found.other_precisions), *cast_in_forward(program))
            ),
            frozen_but_learning=first_each(
                (*(one for found in seen for one in found.frozen_but_learning), *program.each(hidden_methods))
            ),
            exported=first_each(one for found in seen for one in found.exported),
            uncalled=first_each(one for found in seen for one in found.uncalled),
            flagged_calls=tuple(program.each(flagged_calls, running, self._flagged)),
            built_in_forward=tuple(program.each(built_in_forward, running, substances, self._layers)),
            plainly_held=tuple(program.each(plainly_held, running, substances)),
            ineffective_contexts=tuple(self._contexts(used)),
            cut_training=first_each(
                (*(one for found in seen for one in found.cut_training), *program.each(cut_layers, running))
            ),
            training_flags=tuple(training_flags(program)),
            typed_constants=first_each(typed_constants(program, [fed for one in seen for fed in one.fed])),
            unused_pipelines=first_each(program.each(unused_pipelines)),
            fitted_on_test=first_each(program.each(fitted_on_test, frozenset(program.each(scalers_in)))),
            loaders=self._latest.of(dict.fromkeys, loaders),
            matched_by_position=first_each(matched_by_position(program, passes, loaders)),
            learnt_from=first_each(one for found in seen for one in found.learnt_from),
            pipeline_faults=first_each(one for found in seen for one in found.pipeline_faults),
            pipelines_differ=first_each(self._latest.of(differences.differing, program, loaders, named)),
            random_in_evaluation=first_each(self._latest.of(differences.random_in_evaluation, program, loaders, named)),
            replaced_transforms=tuple(program.each(replaced_transforms)),
            stale_states=first_each(
                (*(one for found in every for one in found.stale_states), *program.each(kept.kept_by_objects))
            ),
            whole_pickles=first_each(one for found in every for one in found.whole_pickles),
            bare_parameters=first_each(
                (
                    *(one for found in every for one in found.bare_parameters),
                    *(one for found in every for one in found.averaged_parameters),
                    *sent_parameters(program),
                )
            ),
            prefixed=first_each(self._latest.of(saves.prefixed, program, states)),
            unmapped_loads=first_each(
                () if loads.is_kept_on_cpu(complete) else (one for found in every for one in found.unmapped_loads)
            ),
            unsafe_loads=tuple(program.each(unsafe_loads)),
            hidden_keys=first_each(
                one for found in every for one in found.hidden_keys if one.klass not in partly_saved
            ),
            replaced_layers=first_each(one for found in every for one in found.replaced_layers),
            lost_progress=self._latest.of(resume.lost_progress, program, states),
            lost_buffers=tuple(program.each(lost_buffers, running)),
            plain_tensors=tuple(program.each(plain_tensors, running)),
        )

    def _of_run(self, run: Events) -> OfRun | None:
        """What a run shows, None where that is nothing."""
        if not self._program.memory.records:
            return self._find_of_run(run)[1]
        # The events are kept along, so that no others can have their identity.
        return self._of_runs.of(id(run), self._find_of_run, run)[1]

    def _find_of_run(self, run: Events) -> tuple[Events, OfRun | None]:
        program = self._program
        evaluates = forwards.evaluations(program, run)
        found = OfRun(
            evaluations=evaluates,
            loops=loops_of(run),
            forwards=tuple(forwards.of_run(program, run, evaluates, self._known)),
            loaders=tuple(self._loaders.of_run(run)),
            named=tuple(named_in(program, run)),
            fed=tuple(fed_in(program, run)),
            lost_training=tuple(training.lost(program, run)),
            accumulated=tuple(training.accumulated(program, run, self._substances)),
            training_figures=tuple(of_training(run)),
            other_precisions=tuple(cast_for_evaluation(program, run)),
            frozen_but_learning=tuple(training.frozen(program, run)),
            exported=tuple(training.exported(program, run)),
            uncalled=tuple(training.uncalled(run)),
            cut_training=tuple(training.cut(program, run)),
            learnt_from=tuple(learnt_from(program, run)),
            pipeline_faults=tuple(pipeline_faults(program, run)),
            stale_states=(*kept.stale_states(program, run), *kept.stale_models(program, run)),
            whole_pickles=tuple(saves.whole_pickles(program, run)),
            bare_parameters=tuple(saves.bare_parameters(program, run)),
            averaged_parameters=tuple(saves.averaged_parameters(program, run)),
            hidden_keys=tuple(loads.hidden_keys(program, run)),
            replaced_layers=tuple(loads.replaced_layers(program, run)),
            unmapped_loads=tuple(loads.unmapped_in(program, run)),
        )
        return run, found if found.tells() else None

    def _contexts(self, used: Iterable[Forward]) -> Iterator[IneffectiveContext]:
        """Ways of turning gradients off that do not, file by file."""
        runs: dict[str, list[Forward]] = {}
        for one in used:
            runs.setdefault(one.at.path, []).append(one)
        for path in self._program.linted:
            yield from self._contexts_in(path, runs.get(path, []))

    def _contexts_in(self, path: str, seen: list[Forward]) -> tuple[IneffectiveContext, ...]:
        if path in self._contexts_known and self._contexts_known[path][0] != seen:
            self._contexts_known.drop(path)
        return self._contexts_known.of(path, self._find_contexts, path, seen)[1]

    def _find_contexts(self, path: str, seen: list[Forward]) -> tuple[list[Forward], tuple[IneffectiveContext, ...]]:
        return seen, tuple(ineffective_contexts(self._program, path, seen))


def placed(program: Program, found: tuple[Forward, ...], old: tuple[str, ...]) -> tuple[Forward, ...]:
    """The forwards with where they go wrong, those marked that stand in `old` files, written for torch before 0.4, and
    may be given what is volatile."""
    files = frozenset(old)
    dated = tuple(
        replace(one, legacy=True) if one.at.path in files and not makes_plain_variables(program, one.at) else one
        for one in found
    )
    return blame.placed(program, dated)


def gather(program: Program, runs: Iterable[Events]) -> Project:
    """The project that a program and the runs of its entries make."""
    return Gatherer(program).project(runs)


def first_each(found: Iterable[T]) -> tuple[T, ...]:
    """The first at each place: other paths to it tell nothing new."""
    return tuple(_first_each(found))


def _first_each(found: Iterable[T]) -> Iterator[T]:
    seen = set()
    for one in found:
        place = one.at  # type: ignore[attr-defined]
        if place not in seen:
            seen.add(place)
            yield one
