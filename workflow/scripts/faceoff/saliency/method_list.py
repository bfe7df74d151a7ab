"""List the methods that explain an answer, each with what a page says of it."""

from dataclasses import dataclass

from faceoff.spelling import suggestion


@dataclass(frozen=True)
class Method:
    """A method by its name.

    modules: packages that it needs; without any it works on whatever gives answers.
    """

    name: str
    title: str
    about: str
    modules: tuple[str, ...] = ()


METHODS = {
    method.name: method
    for method in (
        Method(
            "occlusion",
            "Occlusion",
            "how far the probability falls where a patch covers the face",
        ),
        Method(
            "rise",
            "RISE",
            "how probable the class is, on average, where random masks leave the face open",
        ),
        Method(
            "gradcam",
            "Grad-CAM",
            "where the last convolution's activations raise the class",
            modules=("captum", "torch"),
        ),
    )
}


def get(name: str) -> Method:
    """Return a method. Raises ValueError that suggests the nearest name."""
    if name not in METHODS:
        raise ValueError(f"no method {name!r}{suggestion(name, METHODS)}")
    return METHODS[name]
