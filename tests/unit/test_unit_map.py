"""The heat map of action units over time."""

import numpy as np

from faceoff.figures import canvas, unit_map


def test_each_unit_has_a_row_and_each_moment_its_width(tmp_path):
    seconds = np.array([0.0, 1.0, 3.0])
    intensities = np.array([[0.0, 5.0], [np.nan, 2.0], [1.0, 0.0]])
    figure = unit_map.draw("clip <b>", ["AU06", "AU12"], seconds, intensities)
    axes = figure.axes[0]
    (mesh,) = axes.collections
    drawn = mesh.get_array()
    assert drawn.shape == (2, 3)
    assert drawn[1].tolist() == [5.0, 2.0, 0.0]
    assert np.ma.getmaskarray(drawn)[0].tolist() == [False, True, False]
    assert axes.get_xlim() == (0.0, 5.0)  # the last moment lasts as long as the one before
    assert [text.get_text() for text in axes.get_yticklabels()] == ["AU06", "AU12"]
    again = unit_map.draw("clip <b>", ["AU06", "AU12"], seconds, intensities)
    files = [
        canvas.save(each, tmp_path / name, ["svg"])[0].read_bytes()
        for each, name in ((figure, "a"), (again, "b"))
    ]
    assert files[0] == files[1]


def test_nothing_measured_is_said():
    figure = unit_map.draw("clip", [], np.empty(0), np.empty((0, 0)))
    assert "no action unit" in figure.axes[0].texts[0].get_text()
