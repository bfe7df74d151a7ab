"""Every network that can be trained keeps the same promises; some have numbers of their own."""

import copy
import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceoff.training import net_list

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from faceoff.assets.asset import AssetError, hash_of  # noqa: E402
from faceoff.inference.checkpoints import fill_with  # noqa: E402
from faceoff.inference.networks.ddamfn import DDAMFN  # noqa: E402
from faceoff.inference.torch_runtimes import timm_architecture  # noqa: E402
from faceoff.training.net import Net  # noqa: E402

CLASSES = 8
# Options that keep tests fast; the architecture's own size where it takes no other.
FAST: Mapping[str, Mapping[str, Any]] = {
    "ddamfn": {},
    "hsemotion": {"size": [64, 64]},
    "mobile": {},
    "resnet_small": {},
    "vgg13": {},
    "timm:resnet10t": {"size": [64, 64]},
    "torchvision:squeezenet1_1": {"size": [64, 64]},
}
MILLIONS = {"ddamfn": 4.11, "mobile": 0.34, "resnet_small": 1.60, "vgg13": 8.76, "hsemotion": 4.02}
every_net = pytest.mark.parametrize("name", FAST)


def needs(name: str) -> None:
    """Skip the test where the net's library is not installed."""
    if name == "hsemotion" or name.startswith(("timm:", "torchvision:")):
        library = "torchvision" if name.startswith("torchvision") else "timm"
        if find_spec(library) is None:
            pytest.skip(f"{library} is not installed")


def new(name: str, seed: int = 1, **options: Any) -> nn.Module:
    needs(name)
    torch.manual_seed(seed)
    return net_list.build(name, {**FAST[name], **options}, CLASSES)


@cache
def _built(name: str) -> nn.Module:
    return new(name)


def built(name: str) -> nn.Module:
    """Return a network that the test may change, with running statistics of a real step."""
    return copy.deepcopy(_built(name))


def pictures(name: str, count: int = 2) -> torch.Tensor:
    read = net_list.input_of(name, FAST[name])
    generator = torch.Generator().manual_seed(5)
    return torch.randn(count, read["channels"], *read["size"], generator=generator)


def answer(net: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits and the network's own loss, 0 where it has none."""
    given = net(x)
    return given if isinstance(given, tuple) else (given, torch.zeros(()))


# -- promises of all -------------------------------------------------------------------------------


def test_every_module_is_tried() -> None:
    modules = set(net_list.FOLDER.glob("[!_]*.py"))
    assert {net_list.file_of(name) for name in FAST} == modules
    assert set(net_list.names()) == {name for name in FAST if ":" not in name}


@every_net
def test_what_is_stated_is_what_is_built(name: str) -> None:
    stated, net = net_list.stated(name), net_list.get(name)
    assert isinstance(net, Net)
    assert stated["options"] == net.options
    assert stated["input"] == net.input
    assert (stated["about"], stated["head"]) == (net.about, net.head)
    assert {"size", "channels"} <= set(stated["input"])
    assert not {"size", "channels"} & set(net.options)


@every_net
def test_logits_are_the_head_of_the_features(name: str) -> None:
    net, x = built(name).eval(), pictures(name)
    head = net.get_submodule(net_list.get(name).head)
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        features, logits = net.embed(x), net(x)
        assert logits.shape == (2, CLASSES)
        assert logits.dtype == torch.float32
        assert features.shape == (2, head.in_features)
        torch.testing.assert_close(head(features), logits, rtol=1e-6, atol=1e-6)


@every_net
def test_every_parameter_learns(name: str) -> None:
    """DDP waits for the gradient of each parameter."""
    net = built(name).train()
    logits, own_loss = answer(net, pictures(name))
    assert logits.shape == (2, CLASSES)
    assert own_loss.shape == ()
    (logits.square().mean() + own_loss).backward()
    assert [key for key, value in net.named_parameters() if value.grad is None] == []
    assert all(torch.isfinite(value.grad).all() for value in net.parameters())
    assert all(value.requires_grad for value in net.parameters())


@every_net
def test_no_picture_changes_the_answer_of_another(name: str) -> None:
    net, x = built(name).eval(), pictures(name, 3)
    with torch.no_grad():
        torch.testing.assert_close(net(x)[1:2], net(x[1:2]), rtol=1e-4, atol=1e-5)


@every_net
def test_layout_in_memory_does_not_matter(name: str) -> None:
    net, x = built(name).eval(), pictures(name)
    with torch.no_grad():
        expected = net(x)
        found = net.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@every_net
def test_the_seed_gives_the_parameters(name: str) -> None:
    one, same, other = _built(name).state_dict(), new(name).state_dict(), new(name, 2).state_dict()
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@every_net
def test_it_trains_in_bfloat16(name: str) -> None:
    net = built(name).train().to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits, own_loss = answer(net, pictures(name))
    (logits.float().square().mean() + own_loss).backward()
    assert all(torch.isfinite(value.grad).all() for value in net.parameters())


@every_net
def test_it_reads_grey_and_coloured_pictures(name: str) -> None:
    for channels in (1, 3):
        net = new(name, channels=channels).eval()
        side = net_list.input_of(name, FAST[name])["size"]
        with torch.no_grad():
            assert net(torch.zeros(1, channels, *side)).shape == (1, CLASSES)


@pytest.mark.parametrize("name", MILLIONS)
def test_number_of_parameters(name: str) -> None:
    net = built(name)
    count = sum(value.numel() for value in net.parameters())
    assert count / 1e6 == pytest.approx(MILLIONS[name], abs=0.005)


# -- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet_smal", {}, "no net 'resnet_smal', did you mean 'resnet_small'?"),
        ("tim:resnet18", {}, r"no net 'tim:resnet18'; valid with a colon: timm:NAME, torchvision:"),
        ("timm:", {}, "no net 'timm:'"),
        ("resnet_small", {"widht": 16}, "no option 'widht', did you mean 'width'?"),
        ("resnet_small", {"width": "16"}, "option 'width' is '16'; it takes a whole number"),
        ("resnet_small", {"width": True}, "option 'width' is True; it takes a whole number"),
        ("resnet_small", {"width": 0}, "option 'width' is 0; allowed: at least 1"),
        ("resnet_small", {"stem_stride": 3}, "option 'stem_stride' is 3; valid: 1, 2"),
        ("resnet_small", {"blocks": []}, r"option 'blocks' is \[\]; it takes a list such as"),
        ("resnet_small", {"blocks": [1, 0]}, "1 to 6 stages of at least one block"),
        ("resnet_small", {"dropout": 1.5}, "option 'dropout' is 1.5; allowed: 0 to 0.95"),
        ("resnet_small", {"channels": 2}, r"option 'channels' is 2; valid: 1 \(grey\), 3"),
        ("resnet_small", {"size": [48]}, r"option 'size' is \[48\]; it takes \[height, width\]"),
        ("mobile", {"squeeze_excite": 1}, "it takes true or false"),
        ("mobile", {"width": 0.0}, "allowed: 0.1 to 10"),
        ("vgg13", {"size": [8, 64]}, "at least 16 x 16 pixels"),
        ("ddamfn", {"heads": 0}, "option 'heads' is 0; allowed: 1 to 16"),
        ("ddamfn", {"size": [48, 48]}, "it takes 112 x 112 pixels only"),
        ("hsemotion", {"variant": "b1"}, "option 'variant' is 'b1'; valid: b0, b2"),
        ("hsemotion", {"weights": 3}, "option 'weights' is 3; it takes text"),
        ("timm:resnet18", {"architecture": "resnet50"}, "has no option 'architecture'"),
        ("timm:resnet10x", {}, "'resnet10x' is not in timm .*, did you mean 'resnet10t'"),
        ("torchvision:resnet17", {}, "'resnet17' in torchvision, did you mean 'resnet1"),
    ],
)
def test_a_wrong_name_or_option_is_told(
    name: str, options: Mapping[str, Any], message: str
) -> None:
    needs(name)
    with pytest.raises(ValueError, match=message):
        net_list.build(name, options, CLASSES)


def test_every_unknown_option_has_its_message() -> None:
    given = {"dropot": 0.1, "heads": 2, "attention": 0.1}
    assert net_list.unknown_options("ddamfn", given) == [
        "net 'ddamfn' has no option 'dropot'; valid: attention_weight, channels, heads, size",
        "net 'ddamfn' has no option 'attention', did you mean 'attention_weight'?",
    ]


def test_what_a_net_reads_follows_its_options() -> None:
    assert net_list.input_of("resnet_small", {"size": [64, 48]})["size"] == [64, 48]
    assert net_list.input_of("hsemotion", {})["size"] == [224, 224]
    assert net_list.input_of("hsemotion", {"variant": "b2"})["size"] == [260, 260]
    assert net_list.input_of("hsemotion", {"variant": "b2", "size": [96, 96]})["size"] == [96, 96]
    grey = net_list.input_of("ddamfn", {"channels": 1})
    assert grey["mean"] == pytest.approx(0.299 * 0.485 + 0.587 * 0.456 + 0.114 * 0.406)
    assert grey["std"] == pytest.approx(0.299 * 0.229 + 0.587 * 0.224 + 0.114 * 0.225)
    assert net_list.stated("ddamfn")["input"]["mean"] == [0.485, 0.456, 0.406]


def test_a_prefix_sets_the_architecture() -> None:
    assert net_list.stated("timm:resnet18")["options"]["architecture"] == "resnet18"
    assert net_list.get("torchvision:resnet18").options["architecture"] == "resnet18"
    assert net_list.file_of("timm:resnet18").stem == "timm_net"


def test_names_and_options_need_no_torch() -> None:
    """The plan of a run reads them before any framework is there."""
    import subprocess

    program = (
        "import sys; from faceoff.training import net_list; "
        "[net_list.stated(name) for name in net_list.names()]; "
        "net_list.input_of('ddamfn', {}); net_list.wrong_options('mobile', {'width': 1}); "
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    "name",
    [
        "timm:vit_tiny_patch16_224",
        "timm:mobilenetv3_small_050",
        "torchvision:googlenet",
        "torchvision:mobilenet_v3_small",
        "torchvision:shufflenet_v2_x0_5",
    ],
)
def test_architectures_of_other_kinds(name: str) -> None:
    """A picture of fixed size, features behind the pool, a second classifier in training."""
    needs(name)
    net = net_list.build(name, {"size": [96, 96]}, CLASSES).train()
    logits = net(torch.zeros(2, 3, 96, 96))
    logits.sum().backward()
    assert logits.shape == (2, CLASSES)
    assert [key for key, value in net.named_parameters() if value.grad is None] == []


# -- resnet_small ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "parameters"), [(16, 308_280), (24, 691_664), (32, 1_227_880)])
def test_one_block_per_stage(width: int, parameters: int) -> None:
    """Convolutions 3 x 3, two normalisations of each, shortcuts 1 x 1, one dense layer."""
    widths = [width * 2**stage for stage in range(4)]
    expected = 9 * width + 2 * width + 9 * width**2 * 2 + 4 * width
    for inputs, outputs in pairwise(widths):
        expected += 9 * (inputs * outputs + outputs**2) + inputs * outputs + 6 * outputs
    expected += (widths[-1] + 1) * CLASSES
    net = new("resnet_small", width=width, blocks=[1, 1, 1, 1], stem_stride=1)
    assert sum(value.numel() for value in net.parameters()) == expected == parameters


def test_a_shortcut_averages_an_odd_side_to_the_same_size() -> None:
    net = new("resnet_small", size=[45, 50], stem_stride=1).eval()
    with torch.no_grad():
        assert net.features(torch.zeros(1, 1, 45, 50)).shape == (1, 256, 6, 7)


# -- DDAMFN ----------------------------------------------------------------------------------------


def test_attention_loss_by_hand() -> None:
    """Three heads that differ by 1, 2 and 3 everywhere: 3 / (1 + 4 + 9)."""
    from faceoff.training.nets.ddamfn import attention_loss

    maps = [torch.full((2, 3, 4, 4), value) for value in (0.0, 1.0, 3.0)]
    assert attention_loss(maps).item() == pytest.approx(3 / 14)
    assert attention_loss(maps[:2]).item() == pytest.approx(1)
    assert attention_loss(maps[:1]).item() == 0


@pytest.mark.parametrize("heads", [2, 4])
def test_attention_loss_is_pairs_over_the_sum_of_distances(heads: int) -> None:
    net = new("ddamfn", heads=heads, attention_weight=0.3).train()
    with torch.no_grad():
        _, loss = net(pictures("ddamfn"))
        maps = [part.numpy() for part in net.attend(pictures("ddamfn"))[1]]
    pairs = [(i, j) for i in range(heads) for j in range(i)]
    expected = 0.3 * len(pairs) / sum(np.square(maps[i] - maps[j]).mean() for i, j in pairs)
    assert len(maps) == heads
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_without_weight_there_is_no_attention_loss() -> None:
    net = new("ddamfn", attention_weight=0.0).train()
    assert isinstance(net(pictures("ddamfn")), torch.Tensor)


@pytest.mark.parametrize("heads", [2, 4])
def test_a_published_checkpoint_fits(heads: int) -> None:
    """The names are those of the authors, as the conformance tests of the network pin them."""
    torch.manual_seed(3)
    published = DDAMFN(CLASSES, heads).eval()
    net = new("ddamfn", heads=heads).eval()
    shapes = {key: value.shape for key, value in net.state_dict().items()}
    assert shapes == {key: value.shape for key, value in published.state_dict().items()}
    fill_with(net, published.state_dict(), Path("published.pth"))
    with torch.no_grad():
        assert torch.equal(net(pictures("ddamfn")), published(pictures("ddamfn")))


def test_no_logit_depends_on_what_is_unused() -> None:
    net, x = built("ddamfn").eval(), pictures("ddamfn")
    state = net.state_dict()
    # of 34 mixed convolutions, 2 heads and the logits; a normalisation has 5 entries
    assert len(net.unused) == 34 * (5 + 1) + 2 * (1 + 5) + 5
    assert not {name for name, _ in net.named_parameters()} & net.unused
    with torch.no_grad():
        expected = net(x)
        for name in net.unused:
            state[name].fill_(3)
        assert torch.equal(net(x), expected)


# -- HSEmotion -------------------------------------------------------------------------------------


class Foreign(nn.Module):
    """A layer of neither PyTorch nor timm."""


@pytest.fixture(scope="module")
def backbone() -> nn.Module:
    needs("hsemotion")
    torch.manual_seed(7)
    return timm_architecture("tf_efficientnet_b0", num_classes=CLASSES)


def hsemotion(path: Path, **options: Any) -> nn.Module:
    given = {"weights": str(path), "sha256": hash_of(path, "sha256"), **options}
    return new("hsemotion", **given).eval()


def test_hsemotion_takes_the_backbone_of_a_file(backbone: nn.Module, tmp_path: Path) -> None:
    """A pickled network, as HSEmotion publishes it, and its weights alone."""
    whole, weights = tmp_path / "enet_b0_8.pt", tmp_path / "weights.pt"
    torch.save(backbone, whole)
    torch.save(backbone.state_dict(), weights)
    x = pictures("hsemotion")
    with torch.no_grad():
        features = backbone.eval().forward_head(backbone.forward_features(x), pre_logits=True)
        for path in (whole, weights):
            torch.testing.assert_close(hsemotion(path).embed(x), features)
        assert not torch.allclose(built("hsemotion").eval().embed(x), features)


def test_hsemotion_opens_nothing_without_its_hash(backbone: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "enet_b0_8.pt"
    torch.save(backbone.state_dict(), path)
    with pytest.raises(AssetError, match="give its sha256 too"):
        hsemotion(path, sha256=None)
    with pytest.raises(AssetError, match="sha256"):
        hsemotion(path, sha256="0" * 64)
    with pytest.raises(ValueError, match=r"'hsemotion': .*not the weights of this Efficient"):
        hsemotion(path, variant="b2")


def test_hsemotion_makes_only_layers_of_timm_and_torch(backbone: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "enet_b0_8.pt"
    torch.save(nn.Sequential(backbone, Foreign()), path)
    with pytest.raises(ValueError, match="refused: it holds pickled Python objects"):
        hsemotion(path)
