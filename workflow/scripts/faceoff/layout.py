"""Say where every file of a run lies. The rules, the plan and all readers of a run ask here.

Names default to Snakemake's wildcards, so that a rule writes `layout.faces()` and the plan
`layout.faces("ferplus", "yunet")`.
"""

from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parent
# Of files and documents. Raise it when one moves or changes, so that older results are recognised.
VERSION = 3
RESULTS = "results"


def workflow_folder() -> Path:
    """Return the folder with the Snakefile: the checkout, or the copy in an installed package."""
    checkout = PACKAGE.parents[2]
    return checkout if (checkout / "Snakefile").is_file() else PACKAGE / "_workflow"


def scripts_folder() -> Path:
    """Return the folder with the rules' scripts."""
    return workflow_folder() / "workflow" / "scripts"


@dataclass(frozen=True)
class Layout:
    """The files of one run. folder: where its results lie, such as `results/demo`."""

    folder: str

    @classmethod
    def of_run(cls, run: str) -> "Layout":
        """Return the layout of the run of this name, relative to the working directory."""
        return cls(f"{RESULTS}/{run}")

    def existing(self, *patterns: str) -> list[Path]:
        """Return the files that are there, for paths of this layout with `*` for names, sorted."""
        folder = Path(self.folder)
        found = (folder.glob(str(Path(path).relative_to(folder))) for path in patterns)
        return sorted(path for paths in found for path in paths)

    # -- of a dataset ------------------------------------------------------------------------------

    def samples(self, dataset: str = "{dataset}") -> str:
        """Return the table of a dataset's samples."""
        return f"{self.folder}/samples/{dataset}.parquet"

    def groups(self, dataset: str = "{dataset}") -> str:
        """Return the table of the groups that the run measures of a dataset's samples."""
        return f"{self.folder}/groups/{dataset}.parquet"

    def frames(self, dataset: str = "{dataset}") -> str:
        """Return the table of a dataset's pictures and sampled frames."""
        return f"{self.folder}/frames/{dataset}.parquet"

    def audio(self, dataset: str = "{dataset}") -> str:
        """Return the table of the sound of a dataset's clips."""
        return f"{self.folder}/audio/{dataset}.parquet"

    def comparison(self, dataset: str = "{dataset}") -> str:
        """Return the comparisons of a dataset's cells and fusions."""
        return f"{self.folder}/comparisons/{dataset}.json"

    def multiverse(self, dataset: str = "{dataset}") -> str:
        """Return a dataset's scores under every label rule."""
        return f"{self.folder}/multiverse/{dataset}.json"

    def examples(self, dataset: str = "{dataset}") -> str:
        """Return the table of a dataset's example faces."""
        return f"{self.folder}/examples/{dataset}.parquet"

    def overlaps(self, dataset: str = "{dataset}") -> str:
        """Return the overlaps of the detectors' boxes on a dataset."""
        return f"{self.folder}/overlaps/{dataset}.json"

    def answers(self, dataset: str = "{dataset}") -> str:
        """Return the counts of each pipeline's answers, with some clips over time."""
        return f"{self.folder}/answers/{dataset}.json"

    # -- of a detector, a cell, a fusion -----------------------------------------------------------

    def detections(self, dataset: str = "{dataset}", detector: str = "{detector}") -> str:
        """Return the table of the faces that a detector found, before they are followed."""
        return f"{self.folder}/detections/{dataset}/{detector}.parquet"

    def faces(self, dataset: str = "{dataset}", detector: str = "{detector}") -> str:
        """Return the table of the faces that a detector found, followed where the run tracks."""
        return f"{self.folder}/faces/{dataset}/{detector}.parquet"

    def trained(self, detector: str = "{detector}", model: str = "{model}") -> str:
        """Return the parameters that a model learnt behind a detector."""
        return f"{self.folder}/trained/{detector}/{model}.npz"

    def training(self, file: str, training: str = "{training}") -> str:
        """Return a file of a network that the run trains."""
        return f"{self.folder}/training/{training}/{file}"

    def network(self, training: str = "{training}") -> str:
        """Return the network that a training ends with."""
        return self.training("model.onnx", training)

    def segments(self, dataset: str = "{dataset}", segmenter: str = "{segmenter}") -> str:
        """Return the table of the speech that a segmenter found."""
        return f"{self.folder}/segments/{dataset}/{segmenter}.parquet"

    def speech(
        self,
        dataset: str = "{dataset}",
        segmenter: str = "{segmenter}",
        model: str = "{speech_model}",
    ) -> str:
        """Return the table of what a speech model reads of a segmenter's segments."""
        return f"{self.folder}/speech/{dataset}/{segmenter}/{model}.parquet"

    def predictions(
        self, dataset: str = "{dataset}", detector: str = "{detector}", model: str = "{model}"
    ) -> str:
        """Return the table of a cell's predictions."""
        return f"{self.folder}/predictions/{dataset}/{detector}/{model}.parquet"

    def features(
        self, dataset: str = "{dataset}", detector: str = "{detector}", model: str = "{model}"
    ) -> str:
        """Return the table of the embeddings that a model has of a detector's faces."""
        return f"{self.folder}/features/{dataset}/{detector}/{model}.parquet"

    def fusion(self, dataset: str = "{dataset}", fusion: str = "{fusion}") -> str:
        """Return the table of a fusion's predictions."""
        return f"{self.folder}/fusion/{dataset}/{fusion}.parquet"

    def temporal(self, dataset: str = "{dataset}", temporal: str = "{temporal}") -> str:
        """Return the table of the states that a rule over time makes of a pipeline."""
        return f"{self.folder}/temporal/{dataset}/{temporal}.parquet"

    def over_time(self, dataset: str = "{dataset}") -> str:
        """Return the scores over time of a dataset's pipelines."""
        return f"{self.folder}/over_time/{dataset}.json"

    def signals(
        self, dataset: str = "{dataset}", detector: str = "{detector}", signal: str = "{signal}"
    ) -> str:
        """Return the table of what a signal measures of a detector's faces."""
        return f"{self.folder}/signals/{dataset}/{detector}/{signal}.parquet"

    def true_faces(self, dataset: str = "{dataset}") -> str:
        """Return the table of the true action units, poses and gazes of a dataset's faces."""
        return f"{self.folder}/true_faces/{dataset}.parquet"

    def signal_score(
        self, dataset: str = "{dataset}", detector: str = "{detector}", signal: str = "{signal}"
    ) -> str:
        """Return the scores of a signal behind a detector."""
        return f"{self.folder}/scores/{dataset}/signals/{detector}/{signal}.json"

    def corrupted_faces(
        self,
        dataset: str = "{dataset}",
        corruption: str = "{corruption}",
        detector: str = "{detector}",
    ) -> str:
        """Return the table of the faces that a detector found on pictures made worse."""
        return f"{self.folder}/corrupted/{dataset}/{corruption}/detect_again/{detector}.parquet"

    def corrupted(
        self,
        dataset: str = "{dataset}",
        corruption: str = "{corruption}",
        mode: str = "{mode}",
        detector: str = "{detector}",
        model: str = "{model}",
    ) -> str:
        """Return the table of a cell's predictions on pictures made worse."""
        folder = f"{self.folder}/corrupted/{dataset}/{corruption}/{mode}"
        return f"{folder}/{detector}/{model}.parquet"

    def robustness(self, dataset: str = "{dataset}", corruption: str = "{corruption}") -> str:
        """Return the scores of a dataset's cells on pictures made worse."""
        return f"{self.folder}/robustness/{dataset}/{corruption}.json"

    def corruption_strip(self, dataset: str = "{dataset}") -> str:
        """Return the table of one face of a dataset under every corruption."""
        return f"{self.folder}/examples/{dataset}.corruptions.parquet"

    def saliency(
        self, dataset: str = "{dataset}", detector: str = "{detector}", model: str = "{model}"
    ) -> str:
        """Return the table of a cell's explained faces."""
        return f"{self.folder}/saliency/{dataset}/{detector}/{model}.parquet"

    def saliency_score(
        self, dataset: str = "{dataset}", detector: str = "{detector}", model: str = "{model}"
    ) -> str:
        """Return the scores of a cell's maps."""
        return f"{self.folder}/scores/{dataset}/saliency/{detector}/{model}.json"

    def votes(self, dataset: str, cell: str) -> str:
        """Return the table of the predictions of a pipeline.

        cell: 'detector/model', 'fusion/name' or 'temporal/name'.
        """
        head, _, tail = cell.partition("/")
        if head == "fusion":
            return self.fusion(dataset, tail)
        if head == "temporal":
            return self.temporal(dataset, tail)
        return self.predictions(dataset, head, tail)

    def all_votes(self) -> list[Path]:
        """Return the tables of the predictions of every pipeline that are there, sorted."""
        return self.existing(
            self.predictions("*", "*", "*"), self.fusion("*", "*"), self.temporal("*", "*")
        )

    def score(
        self, dataset: str = "{dataset}", detector: str = "{detector}", model: str = "{model}"
    ) -> str:
        """Return the scores of a cell."""
        return f"{self.folder}/scores/{dataset}/{detector}/{model}.json"

    def fusion_score(self, dataset: str = "{dataset}", fusion: str = "{fusion}") -> str:
        """Return the scores of a fusion."""
        return f"{self.folder}/scores/{dataset}/fusion/{fusion}.json"

    def temporal_score(self, dataset: str = "{dataset}", temporal: str = "{temporal}") -> str:
        """Return the scores of a pipeline with a rule over time."""
        return f"{self.folder}/scores/{dataset}/temporal/{temporal}.json"

    def track_score(self, dataset: str = "{dataset}", detector: str = "{detector}") -> str:
        """Return the scores of a detector's tracks and identities."""
        return f"{self.folder}/scores/{dataset}/{detector}.tracks.json"

    def synchrony(
        self, dataset: str = "{dataset}", detector: str = "{detector}", signal: str = "{signal}"
    ) -> str:
        """Return the lag curves of a dataset by the lips that a signal measures."""
        return f"{self.folder}/scores/{dataset}/synchrony/{detector}/{signal}.json"

    def latency(
        self, dataset: str = "{dataset}", detector: str = "{detector}", model: str = ""
    ) -> str:
        """Return the latencies of a detector, or of a model behind it."""
        return f"{self.folder}/latency/{dataset}/{detector}{f'/{model}' if model else ''}.json"

    # -- of the whole run --------------------------------------------------------------------------

    def table(self, name: str, suffix: str) -> str:
        """Return a table of the results."""
        return f"{self.folder}/tables/{name}.{suffix}"

    def figure(self, file: str) -> str:
        """Return a file of a figure."""
        return f"{self.folder}/figures/{file}"

    @property
    def captions(self) -> str:
        """Return the captions of the figures and tables."""
        return self.figure("captions.md")

    @property
    def report(self) -> str:
        """Return the report page."""
        return f"{self.folder}/report.html"

    @property
    def speed(self) -> str:
        """Return the page of accuracy against speed."""
        return f"{self.folder}/speed.html"

    @property
    def manifest(self) -> str:
        """Return the record of the code, settings and machine that made the results."""
        return f"{self.folder}/manifest.json"

    @property
    def check(self) -> str:
        """Return the file that says that every cell succeeded."""
        return f"{self.folder}/check.ok"

    @property
    def failed(self) -> str:
        """Return the list of the cells and timings that failed; none after a good run."""
        return f"{self.folder}/failed.json"

    @property
    def unfinished(self) -> str:
        """Return the list of the jobs that a run is about to make; none after a good run."""
        return f"{self.folder}/unfinished.json"

    @property
    def checksums(self) -> str:
        """Return the checksums of the files of a run that ended well."""
        return f"{self.folder}/checksums.json"

    @property
    def lock(self) -> str:
        """Return the lock that a run holds."""
        return f"{self.folder}/.lock"

    def log(self, rule: str, *names: str) -> str:
        """Return the log of a job of a rule."""
        return f"{self.folder}/logs/{'/'.join((rule, *names))}.log"

    def benchmark(self, rule: str, *names: str) -> str:
        """Return Snakemake's own measurements of a job of a rule."""
        return f"{self.folder}/benchmarks/{'/'.join((rule, *names))}.tsv"


def timing_of(table: str) -> str:
    """Return the timings that lie beside a table of faces or predictions."""
    return table.removesuffix(".parquet") + ".timing.json"
