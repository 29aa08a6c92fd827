"""What the interpreter saw and what the code says, in the field's own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from evallint.gather.code.eras import written_for_old_torch
from evallint.gather.code.running import Running
from evallint.gather.code.substance import Substances
from evallint.gather.data import differences
from evallint.gather.data.constants import typed_constants
from evallint.gather.data.fits import fitted_on_test
from evallint.gather.data.learnt import learnt_from
from evallint.gather.data.loaders import Loaders
from evallint.gather.data.named import side_by_side
from evallint.gather.data.order import pipeline_faults
from evallint.gather.data.unused import unused_pipelines
from evallint.gather.metric.averages import averaged
from evallint.gather.metric.figures import of_training
from evallint.gather.metric.positions import matched_by_position
from evallint.gather.metric.precisions import cast_for_evaluation, cast_in_forward
from evallint.gather.modes import forwards, training
from evallint.gather.modes.built import built_in_forward
from evallint.gather.modes.contexts import ineffective_contexts
from evallint.gather.modes.flagged import flagged_calls
from evallint.gather.modes.held import plainly_held
from evallint.gather.modes.hidden import hidden_methods
from evallint.gather.modes.keras import training_flags
from evallint.gather.modes.predicting import Predicting
from evallint.gather.modes.unlearned import cut_layers
from evallint.gather.state import loads, resume, saves
from evallint.gather.state.registered import lost_buffers, plain_tensors
from evallint.gather.state.sent import sent_parameters
from evallint.gather.state.unsafe import unsafe_loads
from evallint.interpret.events import Events
from evallint.program import Program
from evallint.project import Project

T = TypeVar("T")


def gather(program: Program, runs: Iterable[Events]) -> Project:
    """The project that a program and the runs of its entries make."""
    complete = [run for run in runs if run.complete]
    events = [run for run in complete if not run.supposed]
    old = written_for_old_torch(program)
    substances = Substances(program)
    known = forwards.Known(substances, Predicting(program))
    used = forwards.placed(
        program, tuple(forward for run in events for forward in forwards.of_run(program, run, old, known))
    )
    finder = Loaders(program)
    loaders = tuple(loader for run in events for loader in finder.of_run(run))
    named = tuple(side_by_side(program, events, loaders))
    running = Running(program)
    return Project(
        forwards=used,
        lost_training=first_each(found for run in events for found in training.lost(program, run)),
        accumulated=first_each(found for run in events for found in training.accumulated(program, run)),
        averaged=first_each(averaged(program, events)),
        training_figures=first_each(found for run in events for found in of_training(run)),
        other_precisions=first_each(
            (*(found for run in events for found in cast_for_evaluation(program, run)), *cast_in_forward(program))
        ),
        frozen_but_learning=first_each(
            (*(found for run in events for found in training.frozen(program, run)), *hidden_methods(program))
        ),
        exported=first_each(found for run in events for found in training.exported(program, run)),
        uncalled=first_each(found for run in events for found in training.uncalled(run)),
        flagged_calls=tuple(flagged_calls(program, running)),
        built_in_forward=tuple(built_in_forward(program, running, substances)),
        plainly_held=tuple(plainly_held(program, running, substances)),
        ineffective_contexts=tuple(ineffective_contexts(program, used)),
        cut_training=first_each(
            (*(found for run in events for found in training.cut(program, run)), *cut_layers(program, running))
        ),
        training_flags=tuple(training_flags(program)),
        typed_constants=first_each(typed_constants(program, events)),
        unused_pipelines=first_each(unused_pipelines(program)),
        fitted_on_test=first_each(fitted_on_test(program)),
        loaders=tuple(dict.fromkeys(loaders)),
        matched_by_position=first_each(matched_by_position(program, events, loaders)),
        learnt_from=first_each(found for run in events for found in learnt_from(program, run)),
        pipeline_faults=first_each(found for run in events for found in pipeline_faults(program, run)),
        pipelines_differ=first_each(differences.differing(program, loaders, named)),
        random_in_evaluation=first_each(differences.random_in_evaluation(loaders, named)),
        stale_states=first_each(
            (*(found for run in complete for found in saves.stale_states(run)), *saves.kept_by_objects(program))
        ),
        whole_pickles=first_each(found for run in complete for found in saves.whole_pickles(program, run)),
        bare_parameters=first_each(
            (
                *(found for run in complete for found in saves.bare_parameters(program, run)),
                *(found for run in complete for found in saves.averaged_parameters(program, run)),
                *sent_parameters(program),
            )
        ),
        prefixed=first_each(saves.prefixed(program, complete)),
        unmapped_loads=first_each(loads.unmapped_loads(program, complete)),
        unsafe_loads=tuple(unsafe_loads(program)),
        hidden_keys=first_each(found for run in complete for found in loads.hidden_keys(program, run)),
        replaced_layers=first_each(found for run in complete for found in loads.replaced_layers(program, run)),
        lost_progress=tuple(resume.lost_progress(program, complete)),
        lost_buffers=tuple(lost_buffers(program, running)),
        plain_tensors=tuple(plain_tensors(program, running)),
    )


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
