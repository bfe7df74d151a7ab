"""Test that the container recipes name files that are there and cover every environment.

No test builds them: no container engine runs here.
"""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ENVS = sorted(path.stem for path in (ROOT / "envs").glob("*.yaml"))


def copied(recipe: Path) -> list[str]:
    """Return the sources that a recipe copies from the checkout."""
    text = recipe.read_text()
    if recipe.suffix == ".def":
        section = re.search(r"^%files\n(.*?)(?=^%)", text, re.M | re.S)
        return [
            line.split(maxsplit=1)[0] if "{{" not in line else line.rsplit(maxsplit=1)[0].strip()
            for line in section[1].splitlines()
            if line.strip()
        ]
    return [word for line in re.findall(r"^COPY (.*)$", text, re.M) for word in line.split()[:-1]]


@pytest.mark.parametrize("recipe", ["full.Dockerfile", "full.def"])
def test_what_the_full_recipe_copies_is_there(recipe):
    names = copied(ROOT / "containers" / recipe)
    assert {"Snakefile", "workflow", "requirements", "profiles", "envs"} <= set(names)
    assert [name for name in names if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("env", ENVS)
@pytest.mark.parametrize(
    ("recipe", "argument"), [("env.Dockerfile", "${ENV}"), ("env.def", "{{ ENV }}")]
)
def test_every_environment_has_its_recipe(recipe, argument, env):
    sources = [name.replace(argument, env) for name in copied(ROOT / "containers" / recipe)]
    assert sources == [f"envs/{env}.yaml"]
    assert (ROOT / sources[0]).is_file()


def test_both_full_recipes_copy_the_same():
    assert sorted(copied(ROOT / "containers/full.Dockerfile")) == sorted(
        copied(ROOT / "containers/full.def")
    )


def test_the_pod_runs_the_image_with_what_it_was_given():
    job = yaml.safe_load((ROOT / "containers/kubernetes_job.yaml").read_text())
    pod = job["spec"]["template"]["spec"]
    container = pod["containers"][0]
    cores = container["args"][container["args"].index("--cores") + 1]
    assert cores == container["resources"]["requests"]["cpu"]
    assert container["volumeMounts"][0]["name"] == pod["volumes"][0]["name"]
