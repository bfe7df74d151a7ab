"""Say whether two sections of one dataset share samples."""

from faceoff.plugins.options import DatasetConfig

# Options that do not change which samples are listed, and so where the parts are cut.
_NOT_SAMPLES = {
    *("type", "role", "validation", "space", "fps", "every", "jpeg", "audio", "part"),
    *("limit", "multiverse", "shards", "download"),
}
_PEOPLE = "kept_actors"  # of options that name the people whose samples they keep


def share_samples(learnt: DatasetConfig, scored: DatasetConfig) -> bool:
    """Return False if two sections of one dataset surely share no sample."""
    people = [set(getattr(section, _PEOPLE, ())) for section in (learnt, scored)]
    if all(people) and people[0].isdisjoint(people[1]):
        return False
    splits = (getattr(learnt, "split", None), getattr(scored, "split", None))
    # Pictures without a split are told apart by their folders.
    folders = (getattr(learnt, "path", None), getattr(scored, "path", None))
    first, second = folders if None in splits else splits
    if first != second:
        return False
    # Parts are cut from the samples that other options leave, so only the same options cut at the
    # same places.
    cut = [section.model_dump(exclude=_NOT_SAMPLES) for section in (learnt, scored)]
    apart = learnt.part and scored.part and learnt.part != scored.part and cut[0] == cut[1]
    return not apart
