"""Say where a module lies now that a plug-in from outside imports by its old path."""

import ast
from pathlib import Path

from faceoff.plugins.plugin import PACKAGE

# Old module -> new ones, both without "faceoff.". The old version had no sub-packages.
MOVED = {
    "acquisition": "assets.dataset_archives",
    "across": "results.across_datasets",
    "affect": "scoring.affect",
    "agreement": "statistics.agreement",
    "annotation": "datasets._raters",
    "archives": "assets.archives",
    "asset_listing": "commands.asset_listing",
    "assets": "assets.asset assets.fetch",
    "audit": "commands.audit",
    "audit_terminal": "commands.audit",
    "boxes": "faces.boxes",
    "calibration": "faces.calibration",
    "card_page": "commands.card_page",
    "cards": "inference.card_network",
    "checkpoints": "inference.checkpoints",
    "class_order": "fusion.class_order",
    "codehash": "plugins.code_hash",
    "conditions": "fusion.face_conditions",
    "config": "plan.config plan.config_files plan.sections plugins.options",
    "crops": "faces.crops",
    "data_files": "datasets._files",
    "decomposition": "statistics.variance_components",
    "devices": "inference.torch_devices",
    "downloads": "assets.downloads",
    "drawn_calibration": "commands.calibrate",
    "emfacs": "faces.emfacs",
    "energy": "inference.energy",
    "ensembles": "fusion.ensembles",
    "evaluation": "scoring.task",
    "exports": "results.exports",
    "faces": "faces.choice",
    "fer2013_pictures": "datasets._fer2013_pictures",
    "figure_names": "plan.figure_list",
    "folds": "statistics.folds",
    "fusion": "fusion.rule fusion.rule_list",
    "gpus": "inference.gpus",
    "groups": "plugins.protocols",
    "human": "scoring.human",
    "image_sequences": "datasets._image_sequences",
    "intervals": "statistics.intervals",
    "keras_h5": "inference.keras_h5",
    "latency": "results.latency",
    "latex": "results.latex",
    "leaderboard": "results.leaderboard",
    "limits": "statistics.limits",
    "matrix": "plan.matrix",
    "media": "media.frame_rate media.images media.videos",
    "members": "fusion.members",
    "mesh": "faces.mesh",
    "metrics": "scoring.metrics",
    "model_index": "results.model_index",
    "networks.blazeface": "inference.networks.blazeface",
    "networks.ddamfn": "inference.networks.ddamfn",
    "networks.emonet": "inference.networks.emonet",
    "networks.retinaface": "inference.networks.retinaface",
    "omissions": "plugins.omissions",
    "omnibus": "statistics.omnibus",
    "openface": "faces.openface_csv",
    "own_labels": "datasets._own_labels",
    "plugin_listing": "commands.plugin_listing",
    "posteriors": "fusion.posteriors",
    "power": "statistics.power",
    "preflight": "plan.preflight",
    "printed_tables": "results.tables.printing",
    "protocols": "plugins.protocols",
    "provenance": "inference.versions",
    "ranking": "statistics.ranking",
    "reference_page": "commands.reference_page",
    "registry": "plugins.headers plugins.model_cards plugins.plugin plugins.registry",
    "rejection": "scoring.rejection",
    "reliability": "scoring.calibration",
    "resampling": "statistics.bootstrap",
    "results": "results.dataset_results",
    "run_comparison": "results.run_comparison.compare",
    "run_comparison_page": "results.run_comparison.page",
    "run_comparison_terminal": "results.run_comparison.terminal",
    "run_comparison_words": "results.run_comparison.words",
    "runtimes": "inference.hardware inference.runtimes",
    "sampling": "plugins.subsets",
    "score_file_terminal": "commands.score_file",
    "score_files": "results.run_folder",
    "sharding": "plan.shards",
    "sound": "media.sound",
    "stages.batches": "inference.clock inference.plugin_job media.images storage.files",
    "stages.score_file": "commands.score_file",
    "stages.trust": "scoring.trust",
    "stats": "statistics.paired_tests",
    "subgroups": "scoring.subgroups",
    "tables": "storage.columns storage.files storage.parquet",
    "temperature": "statistics.temperature",
    "throughput": "results.throughput",
    "timelines": "results.timelines",
    "torch_runtimes": "inference.torch_runtimes",
    "trained_fusion": "fusion.rules.class_weighted fusion.rules.dempster_shafer "
    "fusion.rules.naive_bayes fusion.rules.stacking fusion.rules.switcher fusion.rules.temperature "
    "fusion.rules.weighted",
    "universes": "plugins.label_rules scoring.multiverse",
    "untrained_fusion": "fusion.means fusion.votes fusion.rules.borda fusion.rules.majority "
    "fusion.rules.product fusion.rules.soft_max fusion.rules.soft_median",
    "variants": "scoring.variants",
    "words": "results.words",
    "workflow": "plan.job_specs plan.stage_jobs",
    "zenodo": "assets.zenodo",
}


def new_paths(source: Path, error: ImportError) -> list[str]:
    """Return a line for each old path that this file imports, or that the error names."""
    imports = [
        node
        for node in ast.walk(ast.parse(source.read_bytes()))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    pairs = [
        (getattr(node, "module", None), alias.name)
        for node in imports
        for alias in node.names
        if not getattr(node, "level", 0)
    ]
    asked = [_old(*pair) for pair in pairs] + [(error.name or "").removeprefix("faceoff.")]
    return [
        f"faceoff.{old} is now {' and '.join(f'faceoff.{new}' for new in MOVED[old].split())}"
        for old in dict.fromkeys(asked)
        if old in MOVED
    ]


def _old(module: str | None, name: str) -> str | None:
    """Return the key of MOVED for `from module import name`; None if the path exists today.

    module: None stands for `import name`.
    """
    path = f"{module}.{name}" if module else name
    if not path.startswith("faceoff."):
        return None
    path = path.removeprefix("faceoff.")
    if path in MOVED:
        return path
    return None if _exists(path) else path.rpartition(".")[0]


def _exists(path: str) -> bool:
    place = PACKAGE.joinpath(*path.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()
