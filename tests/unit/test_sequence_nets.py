"""Sequence networks see what they may see: no later frame, no absent frame, no other clip."""

from collections.abc import Mapping
from typing import Any

import pytest

from faceoff.training import sequence_list

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from faceoff.training import losses  # noqa: E402

CLASSES, FEATURES, LENGTH = 5, 6, 12
KINDS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "lstm": ("lstm", {}),
    "lstm of two layers": ("lstm", {"layers": 2}),
    "bilstm": ("lstm", {"bidirectional": True, "layers": 2}),
    "tcn": ("tcn", {}),
    "tcn, both sides": ("tcn", {"causal": False}),
    "transformer": ("transformer", {}),
    "transformer, both sides": ("transformer", {"causal": False}),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def new(kind: str, seed: int = 1, **options: Any) -> nn.Module:
    name, own = KINDS[kind]
    torch.manual_seed(seed)
    return sequence_list.build(name, {"width": 16, **own, **options}, CLASSES, FEATURES)


def clips(count: int = 3, length: int = LENGTH) -> torch.Tensor:
    return torch.randn(count, length, FEATURES, generator=torch.Generator().manual_seed(5))


def holes() -> torch.Tensor:
    """Return a mask with an absent first frame, holes, an absent end, and a full clip."""
    mask = torch.ones(3, LENGTH, dtype=torch.bool)
    mask[0, [0, 3, 4, 7]] = False
    mask[1, 8:] = False
    return mask


def assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


# -- promises of all -------------------------------------------------------------------------------


def test_every_module_is_tried() -> None:
    assert {name for name, _ in KINDS.values()} == set(sequence_list.names())


@every_kind
def test_logits_are_the_head_of_the_states(kind: str) -> None:
    net, x, mask = new(kind).eval(), clips(), holes()
    head = net.get_submodule(sequence_list.get(KINDS[kind][0]).head)
    with torch.no_grad():
        logits = net(x, mask)
        assert logits.shape == (3, LENGTH, CLASSES)
        assert_close(head(net.embed(x, mask))[mask], logits[mask])
        assert (logits[~mask] == 0).all()
        assert torch.equal(net(x), net(x, torch.ones_like(mask)))


@every_kind
def test_a_causal_state_does_not_change_with_later_frames(kind: str) -> None:
    net, x = new(kind).eval(), clips()
    later = x.clone()
    later[:, 7:] = 100 * torch.randn_like(later[:, 7:])
    with torch.no_grad():
        before, after = net(x)[:, :7], net(later)[:, :7]
    if net.causal:
        assert_close(after, before)
    else:
        assert ((after - before).abs() > 1e-3).any(dim=2).any(dim=0).sum() >= 2
    assert net.causal == ("both" not in kind and "bi" not in kind)


@every_kind
def test_every_frame_sees_the_ones_before(kind: str) -> None:
    net, x = new(kind).eval(), clips()
    earlier = x.clone()
    earlier[:, 7] += 3
    with torch.no_grad():
        changed = (net(earlier) - net(x)).abs().amax(dim=(0, 2)) > 1e-5
    assert changed[7:].all()


@every_kind
def test_what_follows_a_clip_has_no_say(kind: str) -> None:
    """Clips of other lengths in a batch pad it."""
    net, x = new(kind).eval(), clips()
    padded = torch.cat((x, torch.full((3, 9, FEATURES), torch.nan)), dim=1)
    mask = torch.arange(LENGTH + 9).expand(3, -1) < LENGTH
    with torch.no_grad():
        found = net(padded, mask)
        assert_close(found[:, :LENGTH], net(x))
        assert (found[:, LENGTH:] == 0).all()


@every_kind
def test_an_absent_frame_counts_as_if_it_were_not_in_the_clip(kind: str) -> None:
    net, x, mask = new(kind, time_steps=True).eval(), clips(), holes()
    times = torch.arange(LENGTH).expand(3, -1) / 5
    given = torch.where(mask[..., None], x, torch.nan)
    with torch.no_grad():
        found = net(given, mask, times)
        for row in range(3):
            there = mask[row]
            alone = net(x[row, there][None], times=times[row, there][None])
            assert_close(found[row, there][None], alone)


@every_kind
def test_every_parameter_learns_from_present_frames_alone(kind: str) -> None:
    net, mask = new(kind).train(), holes()
    x = torch.where(mask[..., None], clips(), torch.nan).requires_grad_()
    net(x, mask)[mask].square().mean().backward()
    assert [key for key, value in net.named_parameters() if value.grad is None] == []
    assert all(torch.isfinite(value.grad).all() for value in net.parameters())
    assert (x.grad[~mask] == 0).all()


@every_kind
def test_a_clip_without_frames_does_no_harm(kind: str) -> None:
    net, mask = new(kind).train(), holes()
    mask[2] = False
    logits = net(clips(), mask)
    logits.square().mean().backward()
    assert (logits[2] == 0).all()
    assert all(torch.isfinite(value.grad).all() for value in net.parameters())


@every_kind
def test_the_seed_gives_the_parameters(kind: str) -> None:
    one, same, other = (new(kind, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@every_kind
def test_it_trains_in_bfloat16(kind: str) -> None:
    net, mask = new(kind, time_steps=True).train(), holes()
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(clips(), mask, torch.arange(LENGTH).expand(3, -1) / 5)
    losses.cross_entropy(logits[mask], torch.eye(CLASSES)[[0] * int(mask.sum())]).backward()
    assert all(torch.isfinite(value.grad).all() for value in net.parameters())


@every_kind
def test_true_times_are_seen_as_steps(kind: str) -> None:
    net, x = new(kind, time_steps=True).eval(), clips()
    times = torch.arange(LENGTH, dtype=torch.float64).expand(3, -1) / 4
    with torch.no_grad():
        even = net(x, times=times)
        assert_close(net(x, times=times + 1.8e9), even)  # when a clip begins does not matter
        assert not torch.allclose(net(x, times=2 * times), even, atol=1e-4)
    with pytest.raises(ValueError, match="option 'time_steps' needs the times of the frames"):
        net(x)


@every_kind
def test_it_learns_what_no_mean_of_frames_holds(kind: str) -> None:
    """A rise against a fall: the same frames in another order."""
    torch.manual_seed(0)
    values = torch.rand(64, 8).sort(dim=1).values
    rises = torch.arange(64) % 2 == 0
    x = torch.where(rises[:, None], values, values.flip(1))[..., None]
    name, own = KINDS[kind]
    net = sequence_list.build(name, {"width": 16, "dropout": 0.0, **own}, 2, 1)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(60):
        loss = losses.cross_entropy(net(x)[:, -1], torch.eye(2)[rises.long()])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        right = net.eval()(x)[:, -1].argmax(dim=1) == rises
    assert right.float().mean() > 0.95


def test_valence_is_learnt_by_its_concordance() -> None:
    torch.manual_seed(0)
    x = torch.randn(8, 20, 3)
    truth = x[..., 0].cumsum(dim=1).tanh()
    mask = torch.rand(8, 20) < 0.9
    net = sequence_list.build("lstm", {"width": 16, "dropout": 0.0}, 1, 3)
    optimiser = torch.optim.Adam(net.parameters(), 2e-2)
    course = []
    for _ in range(60):
        loss = losses.ccc(net(x)[..., 0], truth, mask)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        course.append(loss.item())
    assert course[0] > 0.7
    assert course[-1] < 0.15


# -- against other code ----------------------------------------------------------------------------


@pytest.mark.parametrize("bidirectional", [False, True])
def test_lstm_is_pytorchs_on_packed_clips(bidirectional: bool) -> None:
    """PyTorch runs clips of several lengths packed, both directions and layers in one call."""
    lengths = torch.tensor([LENGTH, 8, 1])
    mask = torch.arange(LENGTH) < lengths[:, None]
    options = {"width": 16, "layers": 2, "bidirectional": bidirectional}
    torch.manual_seed(1)
    net = sequence_list.build("lstm", options, CLASSES, FEATURES).eval()
    other = nn.LSTM(FEATURES, 16, 2, batch_first=True, bidirectional=bidirectional)
    for layer in range(2):
        for cells, end in ((net.ahead, ""), (net.back, "_reverse")):
            for name, value in cells[layer].named_parameters() if len(cells) else ():
                getattr(other, name.replace("l0", f"l{layer}") + end).data = value.data
    packed = nn.utils.rnn.pack_padded_sequence(clips(), lengths, batch_first=True)
    with torch.no_grad():
        expected, _ = nn.utils.rnn.pad_packed_sequence(other(packed)[0], batch_first=True)
        assert_close(net.embed(clips(), mask), expected)


@pytest.mark.parametrize("causal", [True, False])
def test_temporal_convolutions_reach_60_frames(causal: bool) -> None:
    torch.manual_seed(1)
    net = sequence_list.build("tcn", {"width": 16, "causal": causal}, CLASSES, FEATURES).eval()
    x = clips(1, 141).requires_grad_()
    net(x)[0, 70].sum().backward()
    seen = x.grad[0].abs().amax(dim=1).nonzero()[:, 0]
    reach = (10, 70) if causal else (40, 100)
    assert (int(seen.min()), int(seen.max())) == reach


# -- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lsmt", {}, "no sequence net 'lsmt', did you mean 'lstm'?"),
        ("timm:lstm", {}, "no sequence net 'timm:lstm', did you mean 'lstm'?"),
        ("lstm", {"causal": True}, "sequence net 'lstm' has no option 'causal'; valid: bidirec"),
        ("lstm", {"bidirectionl": True}, "did you mean 'bidirectional'?"),
        ("lstm", {"layers": 0}, "option 'layers' is 0; allowed: 1 to 16"),
        ("lstm", {"size": [48, 48]}, "no option 'size'"),
        ("tcn", {"kernel": 1}, "option 'kernel' is 1; allowed: 2 to 64"),
        ("tcn", {"causal": "yes"}, "it takes true or false"),
        ("transformer", {"width": 100}, "it takes a multiple of 2 x heads = 8"),
        ("transformer", {"dropout": 1.0}, "option 'dropout' is 1.0; allowed: 0 to 0.95"),
    ],
)
def test_a_wrong_name_or_option_is_told(
    name: str, options: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sequence_list.build(name, options, CLASSES, FEATURES)


def test_a_network_needs_classes_and_features() -> None:
    with pytest.raises(ValueError, match="'lstm': 5 classes, 0 features; at least 1 is needed"):
        sequence_list.build("lstm", {}, CLASSES, 0)


@pytest.mark.parametrize("name", sequence_list.names())
def test_what_is_stated_is_what_is_built(name: str) -> None:
    stated, net = sequence_list.stated(name), sequence_list.get(name)
    assert (stated["options"], stated["about"]) == (net.options, net.about)
    assert net.input == {}
