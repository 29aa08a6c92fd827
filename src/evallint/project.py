"""What the rules read: a training project in the field's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from evallint.findings import Place, Step
from evallint.program import Nature, Symbol


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Why a forward call is taken to evaluate: in words, and whether more than a name says so.

    `by`: the data it runs on, the function or file it is in, the missing gradients, weights loaded with no training, or
    the eval() that its function has called; "training data" where that runs on these: then it says nothing of the data.
    """

    because: str
    sure: bool
    by: Literal["data", "phase", "context", "weights", "mode", "training data"]


class Run(NamedTuple):
    """A module's run by a method of its own: the place, the method, and what is called there."""

    at: Place
    function: str
    model: str


@dataclass(frozen=True, slots=True)
class Forward:
    """One way in which a model is run: the call, the path that leads to it, and what holds on that path.

    `model` is what the code calls, `module` what it switches, `title` the name of its class ("" unknown). `mode`:
    the modes it may be in; "unknown" where someone out of sight decides. `graph`: whether the call records one.
    `evaluation` is None where the call trains, or where nothing says that it evaluates. `mode_set` and `way` are
    the trace: how the model got its mode, how the program gets here. `escapes`: its graph is returned to a caller
    out of sight. `deliberate`: whether training mode looks asked for on purpose. `switched_twin`: the eval() that
    went to another object. `chain`: the calls that lead here, outermost first, this one last, each with the
    function it stands in; `mode_at` and `graph_at`: the innermost of them that no call with the right mode, or
    without a graph, shares. `legacy`: the code is for torch before 0.4. `block`: equal for calls in one function
    that one statement before or around them all would reach. `own_run`: where the model's method runs it, if that is
    in sight and there for evaluation. `asked`: code in sight asked for training mode; a new model is in it by itself.
    """

    at: Place
    function: str
    model: str
    module: str
    title: str
    nature: Nature
    mode: frozenset[Literal["train", "eval", "unknown"]]
    mode_set: tuple[Step, ...]
    deliberate: Literal["no", "perhaps", "yes"]
    graph: Literal["recorded", "off", "unknown"]
    trains: bool
    evaluation: Evaluation | None
    way: tuple[Step, ...]
    escapes: bool
    frozen: bool
    switched_twin: Step | None
    chain: tuple[tuple[Place, str], ...]
    mode_at: tuple[Place, str] | None = None
    graph_at: tuple[Place, str] | None = None
    legacy: bool = False
    block: tuple[object, ...] = ()
    own_run: Run | None = None
    evaluates_from: tuple[Place, str] | None = None
    without_graph: tuple[Place, Place] | None = None
    asked: bool = False

    @property
    def surely_trains_mode(self) -> bool:
        """Is the model in training mode on every path that leads here?"""
        return self.mode == {"train"}

    @property
    def because(self) -> tuple[Step, ...]:
        return (*self.mode_set, *self.way)


@dataclass(frozen=True, slots=True)
class LostTraining:
    """Within a training loop a model is put into eval mode and not back before the next training forward.

    `resumes`: the statement before which it should be back, and what the model is called there; None where it has no
    name there. `at` is where it is left in eval mode, or, if `never_asked`, where a function is called that trains it
    and no more asks for training mode than anything else does.
    """

    at: Place
    function: str
    model: str
    nature: Nature
    because: tuple[Step, ...]
    resumes: tuple[Place, str] | None = None
    never_asked: bool = False


@dataclass(frozen=True, slots=True)
class Accumulated:
    """Values attached to a graph are kept over the passes of a loop.

    `number`: each is known to be a single number; `argument`: which of the call at the place it is.
    """

    at: Place
    function: str
    target: str
    how: str
    because: tuple[Step, ...]
    number: bool = False
    argument: int = 0


@dataclass(frozen=True, slots=True)
class Weighing:
    """How batches are made to count by their size. `additions`: the statements that add up, with what is to be added
    in place of `{}`; `division`: the statement in which `divisor` must become `samples` ("": it may stay).
    """

    additions: tuple[tuple[Place, str], ...]
    division: Place
    divisor: str
    samples: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How a meter is told how much a value counts: the call at a place gives `size` for a parameter."""

    at: Place
    parameter: str
    position: int | None
    size: str


@dataclass(frozen=True, slots=True)
class Averaged:
    """A number of an evaluation that is averaged over batches, and so not the average over the data.

    `how`: "batches" all count the same, or a meter is not told how much a value counts ("unweighted"); "nominal": the
    size by which a value is weighted is the same for all; "scaled": a value is divided by that size; "score": no mean
    over parts of the data gives the score of all; "samples": batch means are divided by the number of samples; "other
    loader": it is divided by the length of `other`, though it was added up over `loader`.
    """

    at: Place
    function: str
    what: str
    how: Literal["batches", "unweighted", "nominal", "scaled", "score", "samples", "other loader"]
    loader: str
    other: str
    because: tuple[Step, ...]
    weighing: Weighing | Counted | None = None


@dataclass(frozen=True, slots=True)
class TrainingFigure:
    """A figure that by its name is of an evaluation, and is computed from what `model` gives in training."""

    at: Place
    function: str
    name: str
    model: str
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class OtherPrecision:
    """A number format that evaluation has and training has not, or that a layer may not have.

    `how`: the model is cast before it "evaluates", or what its forward casts goes into a "layer".
    """

    at: Place
    function: str
    what: str
    how: Literal["evaluates", "layer"]
    layer: str
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class FittedOnTest:
    """Statistics, a vocabulary or a projection that `what` learns from `data` which an evaluation is made on.

    `of`: they are "test" data, training and test data "both", or "all" data, which are split only later.
    """

    at: Place
    function: str
    what: str
    data: str
    of: Literal["test", "both", "all"]
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class TypedConstants:
    """A mean and a deviation to normalise by, typed into the code, that contradict or repeat where they come from.

    `how`: one number is "near" the published one (`given` for `right`); both are "swapped" or the "same"; the orders of
    their channels are "crossed", or both have the "order" that the images have not; one of them is for 0 to 255
    ("scales-differ"), or both are, and the data go to 1 ("unscaled"); they are "foreign" to the data, which are
    `given`; the deviation was averaged over images ("wrong-deviation"); they are typed in "repeated"ly, or of "unknown"
    origin. `whose`: the data that they belong to.
    `mended`: the code at the place with the right number, "" where there is none.
    """

    at: Place
    function: str
    how: str
    whose: str
    given: str
    right: str
    because: tuple[Step, ...]
    mended: str = ""


@dataclass(frozen=True, slots=True)
class UnusedPipeline:
    """A pipeline `name`d for evaluation that nothing reads, where the `data` for evaluation come through `instead`.

    `call`: what gives them that pipeline, by this `keyword`; None where that can't be exchanged alone.
    """

    at: Place
    function: str
    name: str
    data: str
    instead: str
    because: tuple[Step, ...]
    call: Place | None
    keyword: str


@dataclass(frozen=True, slots=True)
class FrozenButLearning:
    """Parameters are frozen, but the batch norm among them still learns in the training forward."""

    at: Place
    function: str
    part: str
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """A model is exported in training mode. `unsure`: some versions of the exporter switch it to eval mode."""

    at: Place
    function: str
    exporter: str
    model: str
    nature: Nature
    unsure: bool
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Uncalled:
    """`model.eval` without parentheses."""

    at: Place
    function: str
    code: str
    switch: str


@dataclass(frozen=True, slots=True)
class FlaggedCall:
    """A function that drops out, or normalises, by its own flag, called in a module.

    `flag`: the keyword that ties it to the mode ("" where it has none); `value`: what it is given, "" if it is left
    out. `tied`: whether it hears the mode after all: by that flag, by a guard, or because it does nothing. `way`: how
    a module's run gets there. `rate`: the keyword that a flag, or else the value, is given by; `position`: where it may
    be given without.
    """

    at: Place
    function: str
    name: str
    flag: str
    value: str
    tied: bool
    fixable: bool
    way: tuple[Step, ...] = ()
    rate: str = ""
    position: int | None = None


@dataclass(frozen=True, slots=True)
class BuiltInForward:
    """A layer that is constructed each time the model runs. `way`: how a module's run gets there."""

    at: Place
    function: str
    layer: str
    why: Literal["parameters", "mode"]
    way: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class PlainlyHeld:
    """Modules in a list, tuple or dict attribute of a module, which PyTorch does not see.

    `nested`: they are in further containers within it.
    """

    at: Place
    function: str
    attribute: str
    container: Literal["list", "tuple", "dict"]
    used_at: Place | None
    nested: bool = False


@dataclass(frozen=True, slots=True)
class IneffectiveContext:
    """A way of turning gradients off that does not do so.

    `run`: the statement that it should be around. `whole`: what should stand for its code, contexts with commas.
    """

    at: Place
    function: str
    kind: Literal["statement", "uncalled", "and", "around nothing", "volatile", "generator"]
    code: str
    because: tuple[Step, ...]
    legacy: bool = False
    run: Place | None = None
    whole: str = ""


@dataclass(frozen=True, slots=True)
class CutTraining:
    """Something that is to be trained is computed without a graph."""

    at: Place
    function: str
    what: str
    kind: Literal["loss", "layer"]
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class TrainingFlag:
    """A Keras model is called with `training=True`."""

    at: Place
    function: str
    model: str
    because: tuple[Step, ...]


# ---- data ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PipelineStep:
    """One step of a transform pipeline.

    `does`: what it does to an image, in the words of the tables. `random`: whether it treats equal images unequally,
    None where that is not known. `sure`: whether every sample gets it, `some`: or those of a certain
    kind. `known`: whether it is known what it does.
    `in_code`: it stands in the code of a data set or transform of the program, or `in_object`, in an object that this
    code applies. `within`: where its code stands, which is called from `at`. `own`: such a class that does nothing that
    the tables know, or a call out of sight. `exact`: other arguments that must agree for two such steps to do the same.
    """

    name: str
    at: Place | None
    does: tuple[str, ...]
    random: bool | None
    sure: bool = True
    some: bool = True
    known: bool = True
    size: tuple[int, ...] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    exact: tuple[tuple[str, object], ...] = ()
    takes: tuple[str, ...] = ("any",)
    gives: str = "same"
    in_code: bool = False
    in_object: bool = False
    within: Place | None = None
    own: bool = False
    preset: bool = False


@dataclass(frozen=True, slots=True)
class DataSource:
    """One way in which a loader gets its samples: a data set, and the steps each sample goes through.

    `title`: the data set's class; `at`: where it is made. `base`: equal for parts of one and the same object, `half`
    where it is only part of it, `split` where that was parted. `part`: which part of the published data it reads, as
    its arguments say, `part_because` in their words. `size`: of its images, where a table knows it.
    `pipeline`: equal for one and the same transform object, which these `builders` made, the innermost first: each
    function with the place that it was called at. `own`: a class of the program, which `repeats` each sample where it
    lists it several times. `evaluating`: the argument that would pick the part for evaluation instead: its keyword, its
    position, and its value in code. `reads`: false where a class of the program takes its samples from somewhere else
    than image files, so that they may be anything. `told`: equal where a class of the program, or something out of
    sight, is given the same to choose samples by, whatever part it is asked for.
    """

    title: str
    at: Place
    base: object
    half: bool
    split: Place | None
    part: Literal["training", "evaluation"] | None
    part_because: str
    size: tuple[int, ...]
    steps: tuple[PipelineStep, ...]
    pipeline: object
    pipeline_at: Place | None
    own: bool
    builders: tuple[tuple[str, Place | None], ...] = ()
    repeats: bool = False
    evaluating: tuple[str, int | None, str] | None = None
    reads: bool = True
    told: object = None


@dataclass(frozen=True, slots=True)
class LoaderUse:
    """A loader, or a transform that a script applies itself, and what its batches are for.

    `use`: training or evaluation, None where it serves both or nothing tells. `by`: what tells, the strongest first:
    the loop that runs a model on it, its arguments, or mere names; `because` in words. `sources`: each way in which it
    may get its samples. `drops`: None where that is not known. `collates`: a function of its own makes
    its batches. `run`: equal for what one entry of the program runs; `models`: what is run on it, by class.
    `named`: its names say that it evaluates. `dropping`: the argument that says whether it drops, `drops_by` the place
    and function in which a variable or dict says so; `shuffles`, `shuffling` and `shuffles_by` alike. `applied`: it is
    a transform; `hand`: code around the model may normalise. `scored`: data or functions named so say that a model is
    evaluated on it. `trains`: a model is trained on it, whatever else it serves. `files`: those that its program
    saves models to, where it trains, or else reads them from, by their names, each with the place. `repeats`: it is
    applied to each sample again and again. `gone_over`: False where its data set alone is read.
    """

    at: Place
    function: str
    label: str
    use: Literal["train", "eval"] | None
    by: Literal["loop", "arguments", "names"]
    because: str
    way: tuple[Step, ...]
    sources: tuple[DataSource, ...]
    drops: bool | None
    batch_size: int | None
    sampled: bool
    collates: bool
    run: str
    models: frozenset[object]
    named: bool = False
    applied: bool = False
    hand: bool = False
    dropping: tuple[str, int | None] = ("", None)
    drops_by: tuple[Place, str] | None = None
    scored: bool = False
    shuffles: bool = False
    shuffling: tuple[str, int | None] = ("", None)
    shuffles_by: tuple[Place, str] | None = None
    trains: bool = False
    files: tuple[tuple[str, Place], ...] = ()
    repeats: bool = False
    gone_over: bool = True


@dataclass(frozen=True, slots=True)
class LearntFrom:
    """An evaluation that "trains" the model on its `data`, or "goes over" training `data` in place of the `other`."""

    at: Place
    function: str
    how: Literal["trains", "goes over"]
    model: str
    data: str
    other: str
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class MatchedByPosition:
    """The `outputs` of an evaluation, in the order of a `loader` that shuffles, beside what is in the data's order."""

    at: Place
    function: str
    loader: LoaderUse
    outputs: str
    other: str
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class PipelineFault:
    """A step that can't take, or spoils, what the steps before it give; `other` is the step that it does not fit."""

    at: Place
    function: str
    step: str
    why: str
    because: tuple[Step, ...]
    other: Place | None = None


@dataclass(frozen=True, slots=True)
class PipelinesDiffer:
    """Training and evaluation prepare their samples differently: in what, and how each does it.

    `kind`: normalisation with other constants or in one of them only, values to 1 or to 255, or another step.
    `trained`: where the training data are normalised, `scaled`: the step behind which the evaluation data would be;
    `numbers`: their mean and deviation; `code`: the normalisation of the training data as it would be written at the
    place, or behind that step.
    """

    at: Place
    function: str
    kind: Literal["constants", "missing in evaluation", "missing in training", "scale", "step"]
    loader: str
    train: str
    eval: str
    because: tuple[Step, ...]
    trained: Place | None = None
    scaled: Place | None = None
    numbers: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    code: str = ""


@dataclass(frozen=True, slots=True)
class RandomInEvaluation:
    """A random step in what feeds an evaluation. `shared`: the training loader's pipeline was given to it; `halves`:
    both loaders read parts of one data set, whose transform is random. `removable`: the step, where the evaluation has
    a pipeline of its own that gives the same without it."""

    at: Place
    function: str
    loader: str
    step: str
    shared: bool
    halves: bool
    because: tuple[Step, ...]
    removable: Place | None = None


@dataclass(frozen=True, slots=True)
class ReplacedTransform:
    """The transform that is set through one `half` of a split replaces that of the `other`: they read one data set."""

    at: Place
    function: str
    half: str
    other: str
    name: str
    because: tuple[Step, ...]


# ---- state ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StaleState:
    """A state dict that shares the tensors of its model is used after these have changed. `how`: what for; "kept" for
    code out of sight.

    `code` is what is kept. `whole`: it is the model itself, at the assignment that gives it another name.
    """

    at: Place
    function: str
    code: str
    how: Literal["restored", "saved", "returned", "kept"]
    because: tuple[Step, ...]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class WholePickle:
    """A module itself is written to a file, or read from one, instead of its state."""

    at: Place
    function: str
    model: str
    side: Literal["saved", "loaded"]
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class BareParameters:
    """The parameters of a model are saved, averaged or sent, its buffers are not.

    `sure`: it is known to have some. `whose`: the model in code, where a call is given a dict of its parameters.
    """

    at: Place
    function: str
    model: str
    how: Literal["saved", "averaged", "sent"]
    sure: bool
    because: tuple[Step, ...]
    whose: str = ""


@dataclass(frozen=True, slots=True)
class Prefixed:
    """A state saved with a wrapper's prefix is loaded without it, or the other way about.

    `always`: the model that is saved is wrapped on every path. `kept`: where its state is taken.
    """

    at: Place
    function: str
    model: str
    prefix: str
    side: Literal["saved", "loaded"]
    always: bool
    kept: Place | None
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class UnmappedLoad:
    """A checkpoint is read without `map_location` where the program may run without a GPU."""

    at: Place
    function: str
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class UnsafeLoad:
    """A file is read that may run code, by request. `comes_from`: what fetches it, "" where that is out of sight."""

    at: Place
    function: str
    comes_from: str
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class HiddenKeys:
    """Weights are loaded with `strict=False`, and nobody looks at which of them were missing. `klass`: the model's."""

    at: Place
    function: str
    model: str
    why: Literal["evaluates", "resumes"]
    because: tuple[Step, ...]
    klass: Symbol | None = None


@dataclass(frozen=True, slots=True)
class ReplacedLayer:
    """A layer is exchanged for a new one after its weights were loaded.

    `how`: the model "evaluates" untrained, or its class does so "by default", whoever builds it.
    """

    at: Place
    function: str
    model: str
    how: Literal["evaluates", "by default"]
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class LostProgress:
    """Training goes on from a checkpoint without the state of a part of it: an optimizer, scheduler or scaler.

    `where`: the checkpoint lacks it ("saved"), it is not restored ("loaded"), or lost as a new one is made ("remade").
    """

    at: Place
    function: str
    what: str
    role: Literal["optimizer", "scheduler", "scaler"]
    where: Literal["saved", "loaded", "remade"]
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class LostBuffer:
    """What a module learns as it runs is not in its `state_dict()`.

    `kind`: a buffer that is not persistent, one that is registered late, or a plain flag of what was done once.
    """

    at: Place
    function: str
    name: str
    kind: Literal["transient", "late", "flag"]
    because: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class PlainTensor:
    """A tensor attribute of a module that is neither parameter nor buffer.

    `harm`: it stays behind when the module is moved, or its random or changing contents are not saved.
    """

    at: Place
    function: str
    name: str
    harm: Literal["stays", "random", "changes"]
    because: tuple[Step, ...]


# ---- the whole ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Project:
    """Everything the rules read, in the order of the files."""

    forwards: tuple[Forward, ...] = ()
    lost_training: tuple[LostTraining, ...] = ()
    accumulated: tuple[Accumulated, ...] = ()
    averaged: tuple[Averaged, ...] = ()
    training_figures: tuple[TrainingFigure, ...] = ()
    other_precisions: tuple[OtherPrecision, ...] = ()
    frozen_but_learning: tuple[FrozenButLearning, ...] = ()
    exported: tuple[Exported, ...] = ()
    uncalled: tuple[Uncalled, ...] = ()
    flagged_calls: tuple[FlaggedCall, ...] = ()
    built_in_forward: tuple[BuiltInForward, ...] = ()
    plainly_held: tuple[PlainlyHeld, ...] = ()
    ineffective_contexts: tuple[IneffectiveContext, ...] = ()
    cut_training: tuple[CutTraining, ...] = ()
    training_flags: tuple[TrainingFlag, ...] = ()
    fitted_on_test: tuple[FittedOnTest, ...] = ()
    typed_constants: tuple[TypedConstants, ...] = ()
    unused_pipelines: tuple[UnusedPipeline, ...] = ()
    loaders: tuple[LoaderUse, ...] = ()
    matched_by_position: tuple[MatchedByPosition, ...] = ()
    learnt_from: tuple[LearntFrom, ...] = ()
    pipeline_faults: tuple[PipelineFault, ...] = ()
    pipelines_differ: tuple[PipelinesDiffer, ...] = ()
    random_in_evaluation: tuple[RandomInEvaluation, ...] = ()
    replaced_transforms: tuple[ReplacedTransform, ...] = ()
    stale_states: tuple[StaleState, ...] = ()
    whole_pickles: tuple[WholePickle, ...] = ()
    bare_parameters: tuple[BareParameters, ...] = ()
    prefixed: tuple[Prefixed, ...] = ()
    unmapped_loads: tuple[UnmappedLoad, ...] = ()
    unsafe_loads: tuple[UnsafeLoad, ...] = ()
    hidden_keys: tuple[HiddenKeys, ...] = ()
    replaced_layers: tuple[ReplacedLayer, ...] = ()
    lost_progress: tuple[LostProgress, ...] = ()
    lost_buffers: tuple[LostBuffer, ...] = ()
    plain_tensors: tuple[PlainTensor, ...] = ()

    def is_shared(self, loader: LoaderUse) -> bool:
        """Whether what builds a loader builds one that does not evaluate, too."""
        return any(other.at == loader.at and other.use != "eval" for other in self.loaders)
