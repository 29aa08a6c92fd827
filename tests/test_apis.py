"""What the tables say of libraries: samples by name, and the form of every table."""

import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from evallint.apis import (
    FOLDER,
    REQUIRED,
    UNKNOWN,
    Apis,
    Chain,
    Data,
    Dataset,
    Draw,
    Export,
    Factory,
    Fit,
    FlaggedFunction,
    GradContext,
    Gradient,
    Hook,
    LibraryClass,
    Loader,
    Meaning,
    Measure,
    Metric,
    ModeContext,
    ModeSwitch,
    ModuleClass,
    Preset,
    Read,
    ReturnsSelf,
    Runs,
    Sampler,
    Split,
    TensorSource,
    TensorUse,
    Transform,
    Updates,
    Wrapper,
    load,
)
from evallint.apis.checking import problems

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

apis = load()


def module_class(name: str) -> ModuleClass:
    meaning = apis.of(name)
    assert isinstance(meaning, ModuleClass)
    return meaning


def factory(name: str) -> Factory:
    meaning = apis.of(name)
    assert isinstance(meaning, Factory)
    return meaning


# ---- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("torch.nn.modules.dropout.Dropout", "torch.nn.Dropout"),
        ("torch.nn.modules.module.Module.eval", "torch.nn.Module.eval"),
        ("torch.nn.parallel.distributed.DistributedDataParallel", "torch.nn.parallel.DistributedDataParallel"),
        ("torch.autograd.grad_mode.no_grad", "torch.no_grad"),
        ("torch.autograd.no_grad", "torch.no_grad"),
        ("torch.optim.adam.Adam", "torch.optim.Adam"),
        ("torchvision.models.resnet.resnet50", "torchvision.models.resnet50"),
        (
            "torchvision.models.detection.faster_rcnn.fasterrcnn_resnet50_fpn",
            "torchvision.models.detection.fasterrcnn_resnet50_fpn",
        ),
        ("timm.models.create_model", "timm.create_model"),
        ("timm.models.layers.DropPath", "timm.layers.DropPath"),
        ("timm.models.layers.drop.DropPath", "timm.layers.DropPath"),
        ("pytorch_lightning.LightningModule", "lightning.pytorch.LightningModule"),
        ("pytorch_lightning.core.lightning.LightningModule", "lightning.pytorch.LightningModule"),
        ("transformers.models.bert.modeling_bert.BertModel", "transformers.BertModel"),
        ("tensorflow.keras.layers.Dropout", "keras.layers.Dropout"),
        ("functorch.jacrev", "torch.func.jacrev"),
    ],
)
def test_a_name_resolves_through_re_exports(name: str, canonical: str) -> None:
    assert apis.canonical(name) == canonical


@pytest.mark.parametrize(
    "name",
    [
        "numpy.random.rand",
        "torch",
        "torch.nn",
        "torch.nn.dropout",
        "torch.nn.Dropout.p",
        "",
    ],
)
def test_an_unknown_name_means_nothing(name: str) -> None:
    assert apis.of(name) is None
    assert apis.canonical(name) == name


def test_a_function_is_not_taken_for_the_class_of_a_pattern() -> None:
    assert isinstance(apis.of("torchmetrics.classification.MulticlassAccuracy"), ModuleClass)
    assert apis.of("torchmetrics.functional.accuracy") is None


def test_a_tokenizer_is_not_taken_for_a_model() -> None:
    assert apis.of("transformers.AutoTokenizer.from_pretrained") is None
    assert not apis.is_module("transformers.BertTokenizer")
    assert not apis.is_module("transformers.DataCollatorForLanguageModeling")
    assert not apis.is_module("transformers.RoFormerConfig")


# ---- modules ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "positional", "keywords", "heeds"),
    [
        ("torch.nn.Dropout", (), {}, True),
        ("torch.nn.Dropout", (0,), {}, False),
        ("torch.nn.Dropout", (), {"p": 0.0}, False),
        ("torch.nn.Dropout", (UNKNOWN,), {}, None),
        ("torch.nn.BatchNorm2d", (64,), {}, True),
        ("torch.nn.BatchNorm2d", (64,), {"track_running_stats": False}, False),
        ("torch.nn.BatchNorm2d", (64, 1e-5, 0.1, True, False), {}, False),
        ("torch.nn.InstanceNorm2d", (64,), {}, False),
        ("torch.nn.InstanceNorm2d", (64,), {"track_running_stats": True}, True),
        ("torch.nn.LSTM", (8, 8), {}, False),
        ("torch.nn.LSTM", (8, 8, 2), {"dropout": 0.5}, True),
        ("torch.nn.LSTM", (8, 8), {"dropout": 0.5}, False),
        ("torch.nn.LSTM", (8, 8, UNKNOWN), {"dropout": 0.5}, None),
        ("torch.nn.MultiheadAttention", (8, 2), {}, False),
        ("torch.nn.MultiheadAttention", (8, 2, 0.1), {}, True),
        ("torch.nn.TransformerEncoderLayer", (8, 2), {}, True),
        ("torch.nn.TransformerEncoderLayer", (8, 2), {"dropout": 0}, False),
        ("torch.nn.TransformerEncoder", (UNKNOWN, 2), {}, None),
        ("torch.nn.Linear", (8, 8), {}, False),
        ("torch.nn.CrossEntropyLoss", (), {}, False),
        ("torch.nn.Sequential", (), {}, None),
        ("torchvision.ops.StochasticDepth", (0.1, "row"), {}, True),
        ("torchvision.models.vit_b_16", (), {}, False),
        ("torchvision.models.vit_b_16", (), {"dropout": 0.1}, True),
        ("torchvision.models.vgg16", (), {"dropout": 0.0}, False),
        ("torchvision.models.resnet18", (), {}, True),
        ("timm.layers.DropPath", (), {}, False),
        ("timm.layers.DropPath", (0.1,), {}, True),
        ("torch_geometric.nn.GATConv", (8, 8), {}, False),
        ("torch_geometric.nn.GATConv", (8, 8), {"dropout": 0.6}, True),
    ],
)
def test_what_a_construction_heeds(
    name: str, positional: tuple[object, ...], keywords: dict[str, object], heeds: bool | None
) -> None:
    meaning = apis.of(name)
    assert isinstance(meaning, ModuleClass | Factory)
    assert meaning.dependence.on(positional, keywords) is heeds


def test_true_is_not_the_number_one() -> None:
    assert module_class("torch.nn.LSTM").dependence.on((8, 8, True), {"dropout": 0.5}) is True


def test_what_a_module_holds() -> None:
    batch_norm = module_class("torch.nn.BatchNorm1d")
    assert (batch_norm.parameters, batch_norm.buffers, batch_norm.statistics) == (True, True, True)
    assert module_class("torch.nn.Linear").parameters
    assert not module_class("torch.nn.ReLU").parameters
    assert module_class("torch.nn.Sequential").container
    assert [argument.keyword for argument in module_class("torch.nn.TransformerEncoder").children] == [
        "encoder_layer",
        "norm",
    ]
    assert module_class("lpips.LPIPS").starts == "eval"


@pytest.mark.parametrize(
    ("name", "positional", "keywords", "weighs"),
    [
        ("torch.nn.LayerNorm", (8,), {}, True),
        ("torch.nn.LayerNorm", (8,), {"elementwise_affine": False}, False),
        ("torch.nn.GroupNorm", (4, 16, 1e-5, False), {}, False),
        ("torch.nn.InstanceNorm2d", (16,), {}, False),
        ("torch.nn.InstanceNorm2d", (16,), {"affine": True}, True),
        ("torch.nn.BatchNorm2d", (16,), {"affine": UNKNOWN}, True),
        ("torch.nn.ReLU", (), {}, False),
        ("torch.nn.Module", (), {}, None),
    ],
)
def test_which_constructions_have_parameters(
    name: str, positional: tuple[object, ...], keywords: dict[str, object], weighs: bool | None
) -> None:
    assert module_class(name).weighs(positional, keywords) is weighs


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torch.nn.Module", True),
        ("torch.nn.modules.linear.Linear", True),
        ("torch.nn.DataParallel", True),
        ("pytorch_lightning.LightningModule", True),
        ("transformers.BertForMaskedLM", True),
        ("segmentation_models_pytorch.Unet", True),
        ("torch.optim.Adam", False),
        ("transformers.Trainer", False),
        ("object", False),
    ],
)
def test_which_classes_are_modules(name: str, expected: bool) -> None:
    assert apis.is_module(name) is expected


# ---- factories ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("torchvision.models.resnet50", "train"),
        ("timm.create_model", "train"),
        ("transformers.AutoModelForSequenceClassification.from_pretrained", "eval"),
        ("transformers.AutoModel.from_config", "train"),
        ("efficientnet_pytorch.EfficientNet.from_pretrained", "train"),
        ("pytorch_pretrained_bert.BertModel.from_pretrained", "train"),
        ("open_clip.create_model_and_transforms", "train"),
        ("clip.load", "eval"),
        ("torch.hub.load", "unknown"),
    ],
)
def test_the_mode_of_what_a_factory_returns(name: str, mode: str) -> None:
    assert factory(name).mode == mode


def test_a_class_method_is_found_through_the_bases() -> None:
    meaning = apis.method("transformers.BertForSequenceClassification", "from_pretrained")
    assert isinstance(meaning, Factory)
    assert (meaning.mode, meaning.returns) == ("eval", "class")


@pytest.mark.parametrize(
    ("model", "heeds", "statistics"),
    [("resnet50", True, True), ("resnet50.a1_in1k", True, True), ("vit_base_patch16_224", False, False)],
)
def test_a_name_picks_the_architecture(model: str, heeds: bool, statistics: bool) -> None:
    chosen = apis.chosen(factory("timm.create_model"), model)
    assert chosen is not None
    assert chosen.dependence.on((model,)) is heeds
    assert chosen.statistics is statistics


def test_a_drop_rate_makes_an_architecture_heed_the_mode() -> None:
    chosen = apis.chosen(factory("timm.create_model"), "vit_base_patch16_224")
    assert chosen is not None
    assert chosen.dependence.on((), {"drop_path_rate": 0.1}) is True


def test_an_unknown_architecture_picks_nothing() -> None:
    assert apis.chosen(factory("timm.create_model"), "no_such_net") is None


def test_an_older_name_says_how_a_model_was_trained_in_its_last_words() -> None:
    found = apis.chosen(factory("timm.create_model"), "tf_efficientnet_b0_ns")
    assert found is not None and found.name.endswith(".tf_efficientnet_b0")
    assert apis.chosen(factory("torch.jit.load"), "resnet50") is None


# ---- wrappers, methods, contexts ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "inner", "shares", "result"),
    [
        ("torch.nn.DataParallel", "module", True, "one"),
        ("torch.compile", "_orig_mod", True, "one"),
        ("torch.jit.script", "", True, "one"),
        ("copy.deepcopy", "", False, "one"),
        ("accelerate.Accelerator.prepare", "module", True, "each"),
        ("deepspeed.initialize", "module", True, "first"),
        ("timm.utils.ModelEmaV2", "module", False, "one"),
    ],
)
def test_what_a_wrapper_does(name: str, inner: str, shares: bool, result: str) -> None:
    meaning = apis.of(name)
    assert isinstance(meaning, Wrapper)
    assert (meaning.inner, meaning.shares, meaning.result) == (inner, shares, result)


def test_methods_of_every_module() -> None:
    train = apis.method("torchvision.models.ResNet", "train")
    assert isinstance(train, ModeSwitch)
    assert train.to == "argument"
    assert train.argument is not None
    assert train.argument.default is True
    assert isinstance(apis.method("transformers.GPT2LMHeadModel", "half"), ReturnsSelf)
    assert apis.method("torch.nn.Linear", "no_such_method") is None


def test_a_class_may_mean_more_by_a_method_than_its_bases() -> None:
    freeze = apis.method("lightning.LightningModule", "freeze")
    assert isinstance(freeze, ModeSwitch)
    assert (freeze.to, freeze.freezes) == ("eval", True)


def test_generate_needs_no_no_grad_but_keeps_the_mode() -> None:
    generate = apis.method("transformers.LlamaForCausalLM", "generate")
    assert isinstance(generate, Runs)
    assert (generate.grad, generate.mode) == ("off", "keeps")


def test_encode_sees_to_both() -> None:
    encode = apis.method("sentence_transformers.SentenceTransformer", "encode")
    assert isinstance(encode, Runs)
    assert (encode.grad, encode.mode, encode.leaves) == ("off", "eval", "eval")


@pytest.mark.parametrize(
    ("name", "effect", "immediate"),
    [
        ("torch.no_grad", "off", False),
        ("torch.enable_grad", "on", False),
        ("torch.inference_mode", "negated", False),
        ("torch.set_grad_enabled", "argument", True),
    ],
)
def test_what_a_context_does_to_gradients(name: str, effect: str, immediate: bool) -> None:
    meaning = apis.of(name)
    assert isinstance(meaning, GradContext)
    assert (meaning.effect, meaning.immediate) == (effect, immediate)


def test_a_mode_context_may_turn_gradients_off_too() -> None:
    meaning = apis.of("monai.networks.eval_mode")
    assert isinstance(meaning, ModeContext)
    assert (meaning.to, meaning.grad) == ("eval", "off")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("torch.Tensor.backward", "backward"),
        ("torch.autograd.grad", "grad"),
        ("torch.func.jacrev", "transform"),
        ("accelerate.Accelerator.backward", "backward"),
        ("lightning.fabric.Fabric.backward", "backward"),
        ("captum.attr.IntegratedGradients.attribute", "explain"),
        ("torchattacks.PGD", "attack"),
    ],
)
def test_what_needs_gradients(name: str, kind: str) -> None:
    meaning = apis.of(name)
    assert isinstance(meaning, Gradient)
    assert meaning.kind == kind


# ---- functions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("torch.nn.functional.dropout", True),
        ("torch.nn.functional.dropout2d", True),
        ("torch.nn.functional.alpha_dropout", False),
        ("torch.nn.functional.feature_alpha_dropout", False),
        ("torch.nn.functional.batch_norm", False),
        ("torch.nn.functional.multi_head_attention_forward", True),
        ("torch.dropout", REQUIRED),
    ],
)
def test_the_default_of_a_training_flag(name: str, default: object) -> None:
    meaning = apis.of(name)
    assert isinstance(meaning, FlaggedFunction)
    assert meaning.training is not None
    assert meaning.training.given((), {}) is default


def test_attention_has_a_rate_and_no_flag() -> None:
    meaning = apis.of("torch.nn.functional.scaled_dot_product_attention")
    assert isinstance(meaning, FlaggedFunction)
    assert meaning.training is None
    assert meaning.rate is not None
    assert meaning.rate.given(("q", "k", "v", None, 0.1), {}) == 0.1


@pytest.mark.parametrize(
    ("name", "mode", "warns"),
    [
        ("torch.jit.trace", "keeps", False),
        ("torch.jit.freeze", "raises", False),
        ("torch.jit.optimize_for_inference", "eval", False),
        ("torch.export.export", "keeps", False),
        ("torch.onnx.export", "keeps", True),
        ("torch.onnx.utils.export", "eval", False),
    ],
)
def test_the_mode_of_what_is_exported(name: str, mode: str, warns: bool) -> None:
    meaning = apis.of(name)
    assert isinstance(meaning, Export)
    assert (meaning.mode, meaning.warns) == (mode, warns)


def test_the_older_onnx_exporter_switches_by_itself() -> None:
    meaning = apis.of("torch.onnx.export")
    assert isinstance(meaning, Export)
    assert meaning.switches is not None
    assert meaning.switches.given((), {"dynamo": False}) in meaning.switches.values


def test_what_tensors_keep_of_the_graph() -> None:
    uses = {name: apis.of(f"torch.Tensor.{name}") for name in ("item", "detach", "cpu", "numpy", "data", "mean")}
    kept = {name: use.graph for name, use in uses.items() if isinstance(use, TensorUse)}
    assert kept == {
        "item": "detaches",
        "detach": "detaches",
        "cpu": "keeps",
        "numpy": "raises",
        "data": "detaches",
        "mean": "keeps",
    }


def test_where_fresh_tensors_come_from() -> None:
    found = {name: apis.of(f"torch.{name}") for name in ("randn", "zeros", "tensor")}
    contents = {name: source.contents for name, source in found.items() if isinstance(source, TensorSource)}
    assert contents == {"randn": "random", "zeros": "constant", "tensor": "data"}


# ---- frameworks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "name", "hook"),
    [
        ("pytorch_lightning.LightningModule", "training_step", ("train", "keeps", "on", True)),
        ("pytorch_lightning.LightningModule", "validation_step", ("eval", "eval", "off", False)),
        ("pytorch_lightning.LightningModule", "validation_epoch_end", ("eval", "eval", "off", False)),
        ("transformers.Seq2SeqTrainer", "compute_loss", ("both", "managed", "managed", False)),
        ("transformers.Trainer", "prediction_step", ("eval", "eval", "on", False)),
        ("keras.Model", "test_step", ("eval", "eval", "off", False)),
        ("mmengine.model.BaseModel", "val_step", ("eval", "eval", "off", False)),
    ],
)
def test_who_manages_a_hook(owner: str, name: str, hook: tuple[str, str, str, bool]) -> None:
    found = apis.hook(owner, name)
    assert found is not None
    assert (found.phase, found.mode, found.grad, found.steps) == hook


def test_a_method_of_the_users_own_is_no_hook() -> None:
    assert apis.hook("pytorch_lightning.LightningModule", "my_step") is None
    assert apis.hook("torch.nn.Linear", "training_step") is None


def test_a_method_may_be_both_called_and_overridden() -> None:
    called = apis.method("transformers.Trainer", "evaluate")
    overridden = apis.hook("transformers.Trainer", "evaluate")
    assert isinstance(called, Runs)
    assert overridden is not None
    assert (called.leaves, overridden.phase) == ("eval", "eval")


def test_a_supervised_evaluator_sees_to_mode_and_gradients() -> None:
    meaning = apis.of("ignite.engine.create_supervised_evaluator")
    assert isinstance(meaning, Runs)
    assert (meaning.mode, meaning.grad, meaning.trains) == ("eval", "off", False)


def test_what_steps() -> None:
    step = apis.method("torch.optim.AdamW", "step")
    assert isinstance(step, Updates)
    assert step.what == "parameters"
    schedule = apis.method("torch.optim.lr_scheduler.StepLR", "step")
    assert isinstance(schedule, Updates)
    assert schedule.what == "schedule"
    scaler = apis.of("torch.cuda.amp.GradScaler")
    assert isinstance(scaler, LibraryClass)
    assert scaler.role == "scaler"


# ---- data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("torchvision.transforms.transforms.Normalize", "torchvision.transforms.Normalize"),
        ("torchvision.transforms.autoaugment.RandAugment", "torchvision.transforms.RandAugment"),
        ("torchvision.transforms.v2._geometry.Resize", "torchvision.transforms.v2.Resize"),
        ("torchvision.transforms.functional_tensor.resize", "torchvision.transforms.functional.resize"),
        ("torchvision.transforms._presets.ImageClassification", "torchvision.transforms.ImageClassification"),
        ("torchvision.datasets.cifar.CIFAR10", "torchvision.datasets.CIFAR10"),
        ("torch.utils.data.dataloader.DataLoader", "torch.utils.data.DataLoader"),
        ("torch.utils.data.dataset.random_split", "torch.utils.data.random_split"),
        ("torchvision.models.resnet.ResNet50_Weights.DEFAULT.transforms",) * 2,
        ("albumentations.pytorch.transforms.ToTensorV2", "albumentations.ToTensorV2"),
        ("albumentations.augmentations.transforms.Normalize", "albumentations.Normalize"),
        ("albumentations.core.composition.OneOf", "albumentations.OneOf"),
        ("kornia.augmentation._2d.intensity.normalize.Normalize", "kornia.augmentation.Normalize"),
        ("monai.transforms.croppad.dictionary.RandSpatialCropd", "monai.transforms.RandSpatialCropd"),
        ("timm.data.transforms_factory.create_transform", "timm.data.create_transform"),
        ("timm.data.random_erasing.RandomErasing", "timm.data.RandomErasing"),
        ("sklearn.preprocessing.data.StandardScaler.fit", "sklearn.preprocessing.StandardScaler.fit"),
        ("sklearn.model_selection._split.train_test_split", "sklearn.model_selection.train_test_split"),
        ("torch_geometric.data.DataLoader", "torch_geometric.loader.DataLoader"),
        ("tensorflow.keras.layers.Normalization.adapt", "keras.layers.Normalization.adapt"),
        ("numpy.random.mtrand.rand", "numpy.random.rand"),
    ],
)
def test_a_name_about_data_resolves_through_re_exports(name: str, canonical: str) -> None:
    found = apis.data(name)
    assert found is not None
    assert found.name == canonical.replace(".resnet.", ".")


def test_one_name_may_mean_something_for_modes_and_for_data() -> None:
    assert isinstance(apis.of("torch.nn.Sequential"), ModuleClass)
    assert isinstance(apis.data("torch.nn.Sequential"), Chain)
    assert isinstance(apis.of("torch.rand"), TensorSource)
    assert isinstance(apis.data("torch.rand"), Draw)
    assert apis.of("random.random") is None
    assert apis.data("torch.nn.Dropout") is None


def transform(name: str) -> Transform:
    meaning = apis.data(name)
    assert isinstance(meaning, Transform), name
    return meaning


V1, V2 = "torchvision.transforms", "torchvision.transforms.v2"


@pytest.mark.parametrize(
    ("name", "positional", "keywords", "varies"),
    [
        (f"{V1}.Resize", (32,), {}, False),
        (f"{V1}.RandomCrop", (32,), {}, True),
        (f"{V1}.RandomHorizontalFlip", (), {}, True),
        (f"{V1}.RandomHorizontalFlip", (0,), {}, False),
        (f"{V1}.RandomHorizontalFlip", (), {"p": 1.0}, False),
        (f"{V1}.RandomHorizontalFlip", (UNKNOWN,), {}, None),
        (f"{V1}.RandomErasing", (), {"p": 1}, True),
        (f"{V1}.RandomErasing", (), {"p": 0.0}, False),
        (f"{V1}.ColorJitter", (), {}, False),
        (f"{V1}.ColorJitter", (0, 0, 0, 0.1), {}, True),
        (f"{V1}.ColorJitter", (UNKNOWN,), {}, None),
        (f"{V1}.ColorJitter", (UNKNOWN,), {"hue": 0.1}, True),
        (f"{V1}.ColorJitter", ((1, 1),), {}, False),
        (f"{V2}.ColorJitter", (), {}, False),
        (f"{V1}.RandomRotation", (0,), {}, False),
        (f"{V1}.RandomRotation", ((0, 90),), {}, True),
        (f"{V1}.RandomAffine", (0,), {}, False),
        (f"{V1}.RandomAffine", (0,), {"translate": (0.1, 0.1)}, True),
        (f"{V1}.RandomResizedCrop", (224,), {"scale": (1.0, 1.0), "ratio": (1.0, 1.0)}, False),
        (f"{V1}.RandomResizedCrop", (224,), {"scale": (1.0, 1.0)}, True),
        (f"{V1}.GaussianBlur", (5,), {}, True),
        (f"{V1}.GaussianBlur", (5, 1.5), {}, False),
        ("albumentations.HorizontalFlip", (), {}, True),
        ("albumentations.HorizontalFlip", (), {"p": 1}, False),
        ("albumentations.RandomBrightnessContrast", (), {"p": 1}, True),
        ("albumentations.Resize", (224, 224), {}, False),
        ("albumentations.Resize", (224, 224), {"p": 0.5}, True),
        ("albumentations.Cutout", (), {}, True),
        ("kornia.augmentation.RandomAffine", (0,), {}, False),
        ("monai.transforms.RandFlipd", (UNKNOWN,), {"prob": 0.5}, True),
        ("monai.transforms.RandFlipd", (UNKNOWN,), {"prob": 0}, False),
        ("monai.transforms.Resized", (UNKNOWN, 96), {}, False),
        ("timm.data.RandomErasing", (), {"probability": 0}, False),
        ("cv2.resize", (UNKNOWN,), {}, False),
        (f"{V1}.functional.hflip", (UNKNOWN,), {}, False),
        (f"{V2}.functional.gaussian_noise", (UNKNOWN,), {}, True),
    ],
)
def test_which_transforms_treat_equal_images_unequally(
    name: str, positional: tuple[object, ...], keywords: dict[str, object], varies: bool | None
) -> None:
    assert transform(name).varies(positional, keywords) is varies


@pytest.mark.parametrize(
    ("name", "does", "takes", "gives"),
    [
        (f"{V1}.ToTensor", ("tensor", "scale"), ("pil", "array"), "tensor"),
        (f"{V1}.PILToTensor", ("tensor",), ("pil",), "tensor"),
        (f"{V1}.Normalize", ("normalize",), ("tensor",), "tensor"),
        (f"{V1}.ToPILImage", ("pil",), ("tensor", "array"), "pil"),
        (f"{V1}.RandomErasing", ("erase",), ("tensor",), "same"),
        (f"{V1}.TenCrop", ("crop", "flip"), ("pil", "tensor"), "several"),
        (f"{V2}.ToImage", ("tensor",), ("any",), "tensor"),
        (f"{V2}.ToDtype", ("dtype",), ("any",), "same"),
        ("albumentations.Normalize", ("scale", "normalize"), ("array",), "array"),
        ("albumentations.pytorch.ToTensorV2", ("tensor",), ("array",), "tensor"),
        ("cv2.cvtColor", ("channels",), ("array",), "array"),
        ("PIL.Image.Image.resize", ("resize",), ("pil",), "pil"),
    ],
)
def test_what_transforms_take_do_and_give(name: str, does: tuple[str, ...], takes: tuple[str, ...], gives: str) -> None:
    found = transform(name)
    assert (found.does, found.takes, found.gives) == (does, takes, gives)


def test_a_function_names_the_argument_that_is_the_image() -> None:
    resize = transform(f"{V1}.functional.resize")
    assert resize.image is not None
    assert resize.size is not None
    assert (resize.image.position, resize.size.position) == (0, 1)
    assert transform(f"{V1}.Resize").image is None


def test_a_normalisation_may_have_constants_by_default() -> None:
    normalize = transform("albumentations.Normalize")
    assert normalize.mean is not None
    assert normalize.mean.given((), {}) == (0.485, 0.456, 0.406)


@pytest.mark.parametrize(
    ("name", "training", "items"),
    [
        ("timm.data.create_transform", False, (None, None)),
        ("timm.data.transforms_factory.transforms_imagenet_train", True, (None, None)),
        ("transformers.AutoImageProcessor.from_pretrained", False, (None, None)),
        ("transformers.ViTImageProcessor.from_pretrained", False, (None, None)),
        ("open_clip.create_model_and_transforms", False, (1, 2)),
        ("clip.load", False, (None, 1)),
    ],
)
def test_presets(name: str, training: bool, items: tuple[int | None, int | None]) -> None:
    preset = apis.data(name)
    assert isinstance(preset, Preset)
    assert (preset.training, (preset.train_item, preset.eval_item)) == (training, items)


def test_what_is_fitted() -> None:
    for name in ("sklearn.preprocessing.StandardScaler.fit_transform", "keras.layers.TextVectorization.adapt"):
        fit = apis.data(name)
        assert isinstance(fit, Fit)
        assert fit.data.position == 0
    assert apis.data("sklearn.preprocessing.LabelEncoder.fit") is None


@pytest.mark.parametrize(
    ("name", "gives", "order"),
    [
        ("cv2.imread", "array", "bgr"),
        ("PIL.Image.open", "pil", "rgb"),
        ("imageio.v2.imread", "array", "rgb"),
        ("torchvision.io.read_image", "tensor", "rgb"),
    ],
)
def test_how_images_are_read(name: str, gives: str, order: str) -> None:
    read = apis.data(name)
    assert isinstance(read, Read)
    assert (read.gives, read.order) == (gives, order)


def test_a_data_set_put_together_names_its_parts() -> None:
    whole = apis.data("torch.utils.data.dataset.ConcatDataset")
    assert isinstance(whole, Dataset)
    assert whole.parts is not None
    assert whole.split is None


def test_a_split_of_several_arguments() -> None:
    split = apis.data("sklearn.model_selection.train_test_split")
    assert isinstance(split, Split)
    assert split.each


def test_a_preset_has_its_weights_constants() -> None:
    mean = transform("torchvision.transforms._presets.ImageClassification").mean
    assert mean is not None
    assert mean.given((), {"crop_size": 224}) == (0.485, 0.456, 0.406)
    assert isinstance(apis.data("torchvision.models.ResNet50_Weights.DEFAULT.transforms"), Preset)


@pytest.mark.parametrize(
    ("name", "positional", "keywords", "part"),
    [
        ("torchvision.datasets.CIFAR10", ("data",), {}, "training"),
        ("torchvision.datasets.CIFAR10", ("data", False), {}, "evaluation"),
        ("torchvision.datasets.CIFAR10", ("data",), {"train": UNKNOWN}, None),
        ("torchvision.datasets.SVHN", ("data",), {"split": "test"}, "evaluation"),
        ("torchvision.datasets.EMNIST", ("data", "letters"), {"train": False}, "evaluation"),
        ("torchvision.datasets.VOCSegmentation", ("data",), {"image_set": "trainval"}, "training"),
        ("torchvision.datasets.ImageFolder", ("data",), {}, None),
        ("torch.utils.data.TensorDataset", (UNKNOWN,), {}, None),
    ],
)
def test_which_part_of_the_data_is_read(
    name: str, positional: tuple[object, ...], keywords: dict[str, object], part: str | None
) -> None:
    found = apis.data(name)
    assert isinstance(found, Dataset)
    assert found.part(positional, keywords) == part


def test_loaders_samplers_and_splits() -> None:
    loader = apis.data("torch.utils.data.DataLoader")
    assert isinstance(loader, Loader)
    assert loader.drop_last is not None
    assert loader.drop_last.given((UNKNOWN,), {}) is False
    split = apis.data("torch.utils.data.random_split")
    assert isinstance(split, Split)
    assert (split.result, split.holds) == ("parts", "dataset")
    sampler = apis.data("torch.utils.data.SubsetRandomSampler")
    assert isinstance(sampler, Sampler)
    assert (sampler.random, sampler.subset) == (True, True)


# ---- the tables themselves ----------------------------------------------------------------------


def kinds_and_names(path: Path) -> Iterator[str]:
    """Each name of a table; a hook is not the same thing as what calling the method means."""
    for kind, groups in tomllib.loads(path.read_text("utf-8")).items():
        for group in groups if isinstance(groups, list) and kind != "flat" else ():
            for name in group["names"].split():
                yield f"{'hook ' if kind == 'hook' else ''}{group['within']}.{name}"


def every_meaning() -> Iterator[tuple[str, Meaning | None]]:
    for package in apis.packages():
        for name in apis.names(package):
            sample = name.replace("*", "X")
            yield sample, apis.of(sample)


def every_data() -> Iterator[tuple[str, Data | None]]:
    for package in apis.packages():
        for name in apis.data_names(package):
            sample = name.replace("*", "X")
            yield sample, apis.data(sample)


def every_metric() -> Iterator[tuple[str, Metric | None]]:
    for package in apis.packages():
        for name in apis.metric_names(package):
            yield name, apis.metric(name)


def test_every_name_means_something_under_that_very_name() -> None:
    every = (*every_meaning(), *every_data(), *every_metric())
    wrong = [name for name, meaning in every if meaning is None or meaning.name != name]
    assert wrong == []


def test_every_table_says_only_what_tables_can() -> None:
    for path in sorted(FOLDER.glob("*.toml")):
        assert list(problems(tomllib.loads(path.read_text("utf-8")))) == [], path.name


def test_a_loss_gives_the_mean_unless_it_is_told_otherwise() -> None:
    for name in ("torch.nn.CrossEntropyLoss", "torch.nn.modules.loss.MSELoss", "torch.nn.functional.mse_loss"):
        measure = apis.metric(name)
        assert isinstance(measure, Measure) and measure.reduction is not None
        assert (measure.gives, measure.reduction.given([], {"reduction": "sum"})) == ("mean", "sum")
    assert apis.metric("torch.nn.Linear") is None


def test_every_base_is_known() -> None:
    bases = {base for _, meaning in every_meaning() for base in getattr(meaning, "bases", ())}
    assert [base for base in sorted(bases) if apis.of(base) is None] == []


def test_every_factory_returns_a_class_of_modules() -> None:
    returned = {meaning.returns for _, meaning in every_meaning() if isinstance(meaning, Factory)} - {"class"}
    assert [name for name in sorted(returned) if not apis.is_module(name)] == []


def test_every_hook_stands_in_a_known_class() -> None:
    owners = {name.rpartition(".")[0] for name, meaning in every_meaning() if isinstance(meaning, Hook)}
    assert [owner for owner in sorted(owners) if apis.of(owner) is None] == []


def test_every_table_names_its_version_and_source() -> None:
    for package in apis.packages():
        origin = apis.library(package)
        assert origin is not None
        assert origin["library"] == package
        assert re.match(r"\d", origin["version"])
        assert origin["source"].endswith(".") or origin["source"].startswith("scripts/")
    assert apis.library("tensorboard") is None


def test_no_name_is_in_one_table_twice() -> None:
    for path in sorted(FOLDER.glob("*.toml")):
        names = Counter(kinds_and_names(path))
        assert [name for name, times in names.items() if times > 1] == [], path.name


def test_the_tables_of_torch_and_torchvision_are_read_in_no_time() -> None:
    def seconds() -> float:
        fresh = Apis(FOLDER)
        start = time.process_time()
        fresh.of("torch.nn.Linear")
        fresh.of("torchvision.models.resnet50")
        return time.process_time() - start

    assert min(seconds() for _ in range(5)) < 0.05
