"""Prosody of voices whose pitch is known, and the models that learn from features of a voice."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from faceoff.inference.logistic import Logistic
from faceoff.media.sound import RATE
from faceoff.plugins import registry
from faceoff.speech import prosody
from voices import silence, voice

pytest.importorskip("kaldi_native_fbank")


@pytest.mark.parametrize("hertz", [70.0, 110.0, 220.0, 330.0, 460.0])
def test_pitch_of_harmonics(hertz: float) -> None:
    found = prosody.pitch(voice(2, hertz))
    middle = np.arange(len(found)) * 0.01 + prosody._WINDOW / 2 / RATE
    true = hertz * (1 + 0.05 * np.sin(4 * np.pi * middle))
    assert np.isfinite(found).mean() > 0.98
    assert np.nanmedian(np.abs(found / true - 1)) < 2e-3
    assert np.nanmean(np.abs(found / true - 1) > 0.1) < 0.01, "no octave is missed"


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(1).standard_normal(RATE).astype(np.float32) * 0.1
    assert np.isnan(prosody.pitch(noise)).mean() > 0.95
    assert np.isnan(prosody.pitch(silence(1))).all()
    assert len(prosody.pitch(silence(0.02))) == 0


def test_the_gain_changes_nothing() -> None:
    sound = np.concatenate([voice(1, 180), silence(0.3), voice(0.7, 220)])
    loud, quiet = prosody.features(sound), prosody.features(sound / 4)
    assert loud == pytest.approx(quiet, abs=0.15)


def test_rate_and_pitch_are_what_was_put() -> None:
    sound = np.concatenate([np.concatenate([voice(0.2, 200), silence(0.1)]) for _ in range(10)])
    found = dict(zip(prosody.NAMES, prosody.features(sound), strict=True))
    assert found["syllables_per_s"] == pytest.approx(10 / 3, abs=0.35)
    assert found["f0_mean"] == pytest.approx(12 * np.log2(200 / 27.5), abs=0.8)


def test_logistic_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(90, 4)), ["anger", "sadness", "happiness"] * 30
    x[:, 0] += np.tile([0, 1, 2], 30)
    fitted = Logistic.fit(x, labels, 0.5, "test")
    assert fitted.emotions == ("happiness", "sadness", "anger")
    own = LogisticRegression(C=0.5, max_iter=2000).fit((x - x.mean(0)) / x.std(0), labels)
    order = [list(own.classes_).index(name) for name in fitted.emotions]
    expected = own.predict_proba((x - x.mean(0)) / x.std(0))[:, order]
    assert np.allclose(Logistic.of(fitted.arrays()).posterior(x), expected, atol=1e-4)
    with pytest.raises(ValueError, match="test: the training data show 1 classes"):
        Logistic.fit(x, ["anger"] * 90, 0.5, "test")


@pytest.fixture(scope="module", params=["prosody", "egemaps"])
def trained(request, tmp_path_factory: pytest.TempPathFactory):
    """A model that learns, taught that high voices are happy and low ones sad."""
    plugin = registry.get("speech_model", request.param)
    if reason := plugin.skip():
        pytest.skip(reason)
    loaded = registry.load(plugin.source, plugin.class_name)
    pitches = [300, 110, 320, 120] * 4
    waves = [voice(0.8 + n / 40, hertz, seed=n) for n, hertz in enumerate(pitches)]
    labels = ["happiness", "sadness"] * 8
    path = tmp_path_factory.mktemp("trained") / "p.npz"
    np.savez(
        path,
        **loaded(plugin.job().card, {}).fit([(waves[:8], labels[:8]), (waves[8:], labels[8:])]),
    )
    return loaded(plugin.job().card, {"trained": path})


def test_the_model_reads_what_it_learnt(trained) -> None:
    found = trained.hear([voice(1, 310, seed=99), voice(1, 115, seed=98)])
    assert trained.emotions == ("happiness", "sadness")
    assert found.posterior.argmax(axis=1).tolist() == [0, 1]
    assert np.allclose(found.posterior.sum(axis=1), 1)


def test_short_silent_and_no_segments(trained) -> None:
    found = trained.hear([voice(0.05, 200), silence(1), voice(1, 300)])
    assert found.evaluable.tolist() == [False, False, True]
    assert trained.hear([]).posterior.shape == (0, 2)


def test_a_segment_reads_the_same_alone_and_among_others(trained) -> None:
    waves = [voice(1, hertz, seed=int(hertz)) for hertz in (100, 150, 200, 250)]
    among = trained.hear(waves).posterior
    alone = np.concatenate([trained.hear([wave]).posterior for wave in waves])
    assert (among == alone).all()
