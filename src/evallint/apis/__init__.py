"""What the names of libraries mean for mode, gradients and state: tables, one or two files a library.

    apis = load()
    apis.of("torch.nn.modules.dropout.Dropout")   # ModuleClass(name="torch.nn.Dropout", …), or None where unknown
    apis.method("transformers.BertModel", "generate")      # looks through the bases the tables name
    apis.hook("lightning.pytorch.LightningModule", "training_step")
    apis.chosen(apis.of("timm.create_model"), "vit_base_patch16_224")   # the factory that a model's name picks
    meaning.dependence.on(positional, keywords)   # True, False, or None: does this very construction heed the mode?
    apis.data("torchvision.transforms.RandomCrop")   # Transform(…): what the name does to data; see `Data`
    apis.metric("torch.nn.functional.mse_loss")   # Measure(…): what the name makes of a batch, in numbers

A name is the qualified name by which code imports a thing; a method's is its class's name and its own
(`torch.Tensor.item`). Re-exports resolve. A table is read when a name of its library is first asked for:
`<package>.toml` is written by hand, `<package>.built.toml` by `scripts/build_apis.py` from the installed library; where
both know a name, the hand-written meaning holds. What a name does to data is another question, with tables of its own,
`<package>.data.toml`: one name may have both answers (`torch.nn.Sequential`, `clip.load`, `torch.rand`). So is what
numbers it makes of a batch, in `<package>.metric.toml` (`torch.nn.MSELoss` is a module and a mean). In a table the
string "None" is Python's None, as a default "unknown" is UNKNOWN, and among values "a number" is NUMBER and "equal
ends" EQUAL; a `*` in a name stands for any letters but a dot, beginning with a capital where it begins a part (names
without `*` go first, then the table's order decides); `absent` says why the library's version has no such name
("before 2", "subclasses define it").

Meanings are named tuples because eighteen dataclasses would take longer to define than the tables to read. Nothing may
compare meanings of unknown class: two of different classes with equal fields are equal.
"""

from evallint.apis.arguments import EQUAL, NUMBER, REQUIRED, UNKNOWN, Argument
from evallint.apis.data import (
    Chain,
    Constants,
    Data,
    Dataset,
    Draw,
    Fit,
    Loader,
    Preset,
    Read,
    Sampler,
    Split,
    Transform,
)
from evallint.apis.metric import Average, Measure, Meter, Metric
from evallint.apis.modules import (
    Dependence,
    Export,
    Factory,
    FlaggedFunction,
    GradContext,
    Gradient,
    Hook,
    LibraryClass,
    Meaning,
    ModeContext,
    ModeSwitch,
    ModuleClass,
    ReturnsSelf,
    Runs,
    TensorSource,
    TensorUse,
    Updates,
    Wrapper,
)
from evallint.apis.tables import FOLDER, Apis, load

__all__ = [
    "EQUAL",
    "FOLDER",
    "NUMBER",
    "REQUIRED",
    "UNKNOWN",
    "Apis",
    "Argument",
    "Average",
    "Chain",
    "Constants",
    "Data",
    "Dataset",
    "Dependence",
    "Draw",
    "Export",
    "Factory",
    "Fit",
    "FlaggedFunction",
    "GradContext",
    "Gradient",
    "Hook",
    "LibraryClass",
    "Loader",
    "Meaning",
    "Measure",
    "Meter",
    "Metric",
    "ModeContext",
    "ModeSwitch",
    "ModuleClass",
    "Preset",
    "Read",
    "ReturnsSelf",
    "Runs",
    "Sampler",
    "Split",
    "TensorSource",
    "TensorUse",
    "Transform",
    "Updates",
    "Wrapper",
    "load",
]
