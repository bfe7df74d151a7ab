"""Test that the container recipes name files that are there and cover every environment.

No test builds them: no container engine runs here.
"""

import json
import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from faceoff.cli import app

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
    # What another stage of the recipe made is no file of the checkout.
    lines = re.findall(r"^COPY (?!--from)(.*)$", text, re.M)
    return [word for line in lines for word in line.split()[:-1]]


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


LIVE = ROOT / "containers" / "live.Dockerfile"


def instruction(name):
    """Return the words of an instruction of the live recipe that is a list."""
    text = re.sub(r"\\\n\s*", "", LIVE.read_text(encoding="utf-8"))
    return json.loads(re.search(rf"^{name}\b.*?(\[.*\])$", text, re.M)[1])


def test_what_the_live_recipe_copies_and_makes_is_there():
    names = copied(LIVE)
    assert {"Makefile", "requirements", "workflow"} <= set(names)
    assert [name for name in names if not (ROOT / name).exists()] == []
    (target,) = re.findall(r"make (\S+)/\.ready", LIVE.read_text(encoding="utf-8"))
    assert f"LIVE := {target}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert (ROOT / "requirements" / "live.txt").is_file()


def test_the_live_container_serves_others_only_with_a_token(monkeypatch, tmp_path):
    """Its user is not root; its command is one of `faceoff`, which ends without a token."""
    for name in ("FACEOFF_TOKEN", "FACEOFF_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    user = re.findall(r"^USER (\S+)$", LIVE.read_text(encoding="utf-8"), re.M)
    assert user == ["faceoff"]
    assert instruction("ENTRYPOINT") == ["faceoff"]
    name, *options = instruction("CMD")
    command = get_command(app).commands[name]
    context = command.make_context(name, list(options))  # parses, runs nothing
    assert context.params["host"] == "0.0.0.0"
    done = CliRunner().invoke(app, [name, *options])
    assert done.exit_code == 1
    assert "open to other machines: give --token" in done.stderr


def test_the_compose_file_runs_the_live_recipe_with_little_power():
    compose = yaml.safe_load((ROOT / "containers/live.compose.yaml").read_text(encoding="utf-8"))
    (service,) = compose["services"].values()
    build = service["build"]
    folder = ROOT / "containers" / build["context"]
    assert folder.resolve() == ROOT
    assert (folder / build["dockerfile"]).resolve() == LIVE
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    (published,) = service["ports"]
    assert published.startswith("127.0.0.1:")
    assert published.endswith(f":{re.findall(r'^EXPOSE (.*)$', LIVE.read_text(), re.M)[0]}")
    (secret,) = service["secrets"]
    assert service["environment"] == {"FACEOFF_TOKEN_FILE": f"/run/secrets/{secret}"}
    assert compose["secrets"][secret]["file"].startswith("${FACEOFF_TOKEN_FILE:?")
    (volume,) = service["volumes"]
    weights, at = volume.split(":")
    assert weights in compose["volumes"]
    assert f"FACEOFF_CACHE={at} " in LIVE.read_text(encoding="utf-8")
