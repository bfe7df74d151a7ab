"""The features of `egemaps` are openSMILE's, and its pitch is that of a known voice."""

import numpy as np
import pytest

from faceoff.media.sound import RATE
from faceoff.plugins import registry
from voices import voice

opensmile = pytest.importorskip("opensmile")


def test_features_are_opensmiles() -> None:
    plugin = registry.get("speech_model", "egemaps")
    model = registry.load(plugin.source, plugin.class_name)(plugin.job().card, {})
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    for hertz in (110.0, 220.0):
        wave = voice(2, hertz)
        found = model.features(wave)
        table = smile.process_signal(wave, RATE)
        assert found.shape == (88,)
        assert np.array_equal(found, table.to_numpy()[0].astype(float))
        pitch = dict(zip(table.columns, found, strict=True))["F0semitoneFrom27.5Hz_sma3nz_amean"]
        assert pitch == pytest.approx(12 * np.log2(hertz / 27.5), abs=0.1)
