"""Define the section `saliency` of the configuration."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from faceoff.plugins.options import Name, Section
from faceoff.saliency import method_list

if TYPE_CHECKING:
    MethodName = str
else:
    MethodName = Literal[tuple(method_list.METHODS)]


class SaliencyConfig(Section):
    method: MethodName = Field("occlusion", description="how maps are made")
    samples: int = Field(
        64,
        ge=2,
        le=100_000,
        description="number of faces of a cell that are explained, drawn by the seed and spread "
        "over right and wrong answers and over the classes",
    )
    of: list[str] = Field(
        default_factory=lambda: ["*/*"],
        min_length=1,
        description="cells that are explained, as detector/model globs",
    )
    datasets: list[str] = Field(
        default_factory=lambda: ["*"],
        min_length=1,
        description="test datasets on which they are explained (globs)",
    )
    sanity: bool = Field(
        True, description="also make the maps of shuffled weights, and compare with them"
    )
    layers: dict[Name, str] = Field(
        default_factory=dict,
        description="model -> convolution at which Grad-CAM looks; default: the last one",
    )
