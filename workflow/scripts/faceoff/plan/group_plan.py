"""Plan the groups that a run's measurements divide samples into: their files and their jobs."""

from faceoff.plan.group_jobs import GroupMeasure, GroupsJob, detector_of, signal_of
from faceoff.plan.signal_plan import SignalPlan
from faceoff.plan.stage_jobs import code
from faceoff.scoring.measured_groups import MEASURES

_UNKNOWN = "unknown"


class GroupPlan(SignalPlan):
    """A run's matrix with the jobs of its signals and groups, too."""

    def group_files(self, dataset: str) -> list[str]:
        """Return the table of a dataset's measured groups, none where the run asks for none."""
        return [self.layout.groups(dataset)] if self.config.groups else []

    def group_inputs(self, dataset: str) -> tuple[list[str], list[str]]:
        """Return the tables of faces and of signals from which groups are made, each once."""
        asked = [each for each in self.group_measures() if not each.skip]
        faces = {self.layout.faces(dataset, each.detector) for each in asked if each.detector}
        signals = {
            self.layout.signals(dataset, each.detector, each.signal)
            for each in asked
            if each.signal is not None
        }
        return sorted(faces), sorted(signals)

    def group_measures(self) -> tuple[GroupMeasure, ...]:
        """Return what divides samples, in the order of the configuration."""
        found = []
        for name, section in self.config.groups.items():
            detector, signal = detector_of(self.config, name) or "", signal_of(self.config, name)
            plug_in = None if signal is None else self.signal(signal)[1]
            skip = None if signal is None else self.signal_skip(detector, signal)
            if MEASURES[name].of == "box" and detector not in self.runnable_detectors:
                skip = f"detector {detector}: none of its cells can run here"
            error = _UNKNOWN
            if plug_in is not None:
                stated = plug_in.card.get("error", {})
                error = str(stated.get(MEASURES[name].columns[0], _UNKNOWN))
            found.append(
                GroupMeasure(
                    measure=name,
                    detector=detector,
                    signal=signal,
                    edges=tuple(section.bins),
                    error=error,
                    skip=skip,
                )
            )
        return tuple(found)

    def groups_job(self, dataset: str) -> GroupsJob:
        """Tell `groups` what divides the samples of a dataset."""
        return GroupsJob(
            dataset=dataset,
            measures=self.group_measures(),
            policy=self.config.faces.policy,
            code=code("groups"),
        )
