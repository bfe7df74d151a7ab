# Faceoff answers three questions: which face detector x emotion model to trust, how sure that is,
# and whether a vote beats the best single one.
# config.yaml says what to run, profiles/ how to run it; workflow/ has the rules and their code.
import os
import sys

from snakemake.utils import min_version

min_version("9.20")
if sys.version_info < (3, 11, 4):
    sys.exit(f"faceoff: Python {sys.version.split()[0]} is too old, it needs 3.11.4 or newer")
sys.path.insert(0, os.path.join(workflow.basedir, "workflow", "scripts"))

if not workflow.overwrite_configfiles:

    configfile: "config.yaml" if os.path.exists("config.yaml") else os.path.join(workflow.basedir, "config.yaml")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/shards.smk"
include: "workflow/rules/detect.smk"
include: "workflow/rules/tracks.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/speech.smk"
include: "workflow/rules/signals.smk"
include: "workflow/rules/saliency.smk"
include: "workflow/rules/groups.smk"
include: "workflow/rules/latency.smk"
include: "workflow/rules/fuse.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/temporal.smk"
include: "workflow/rules/corruptions.smk"
include: "workflow/rules/report.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        products,


onstart:
    start_run()


onsuccess:
    end_run()


onerror:
    show_failures()
