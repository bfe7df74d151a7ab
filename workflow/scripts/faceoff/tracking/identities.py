"""Join the tracks of one person into an identity, by one embedding per track."""

import numpy as np
from scipy.spatial.distance import cdist

from faceoff.statistics.arrays import Bools, Floats, Ints

# Euclidean distance of face-api's embeddings at which clusters are no longer joined. It is the
# distance that dlib's authors use, 0.6 for two faces, lowered for the medians of tracks.
CUT = 0.5
FACES_OF_TRACK = 8  # faces of which a track's embedding is the median


def best_faces(quality: Floats, count: int) -> Ints:
    """Return the places of at most `count` faces of a track, spread over its time.

    The track is cut into `count` parts of equal length; each gives its best face, the first where
    several are as good.

    Parameters
    ----------
    quality
        (n,) of each face of the track in order of time, larger is better.
    """
    parts = np.array_split(np.arange(len(quality)), min(count, len(quality)))
    return np.array([part[quality[part].argmax()] for part in parts], dtype=np.int64)


def embedding_of(faces: Floats) -> Floats:
    """Return the embedding (d,) of a track: the median of its faces' (n, d), without NaN ones.

    It is NaN if no face has one.
    """
    known = faces[np.isfinite(faces).all(axis=1)]
    return np.median(known, axis=0) if len(known) else np.full(faces.shape[1], np.nan)


def join(embeddings: Floats, apart: Bools, cut: float = CUT) -> Ints:
    """Return the identity of each track (n,), numbered from 0 by the first track of each.

    Average linkage of Euclidean distances: the two nearest clusters are joined until the nearest
    are `cut` apart (Sokal and Michener 1958). Clusters that hold two tracks which must be apart are
    never joined. A track without an embedding is an identity of its own.

    Parameters
    ----------
    embeddings
        (n, d), NaN for a track without one.
    apart
        (n, n) symmetric: whether two tracks cannot be one person, as a moment shows both.
    cut
        A distance.
    """
    count = len(embeddings)
    distance = cdist(embeddings, embeddings)
    distance[apart | ~np.isfinite(distance) | np.eye(count, dtype=bool)] = np.inf
    members = [[track] for track in range(count)]
    while count and distance.min() < cut:
        one, other = sorted(divmod(int(distance.argmin()), count))
        sizes = len(members[one]), len(members[other])
        mean = (sizes[0] * distance[one] + sizes[1] * distance[other]) / sum(sizes)
        distance[one], distance[:, one] = mean, mean
        distance[one, one] = np.inf
        distance[other], distance[:, other] = np.inf, np.inf
        members[one] += members[other]
        members[other] = []
    labels = np.empty(count, np.int64)
    for number, cluster in enumerate(cluster for cluster in members if cluster):
        labels[cluster] = number
    return labels


def named(
    embeddings: Floats, apart: Bools, references: Floats, people: Ints, cut: float = CUT
) -> Ints:
    """Return the person of each identity (n,), -1 for one that is near no reference.

    The nearest identity and person of all come first. An identity gets a person below `cut` of it
    whom no identity has that must be apart from it, so that a moment shows nobody twice.

    Parameters
    ----------
    embeddings
        (n, d), NaN for an identity without one.
    apart
        (n, n) symmetric: whether two identities cannot be one person, as a moment shows both.
    references
        (m, d) of pictures whose person is known.
    people
        (m,) the person of each reference.
    cut
        A distance, to the nearest reference of a person.
    """
    found = np.full(len(embeddings), -1)
    distance = cdist(embeddings, references)
    distance[~np.isfinite(distance)] = np.inf
    for place in np.argsort(distance, axis=None, kind="stable"):
        identity, reference = divmod(int(place), len(references))
        if distance[identity, reference] >= cut:
            break
        if found[identity] < 0 and people[reference] not in found[apart[identity]]:
            found[identity] = people[reference]
    return found


def seen_together(tracks: list[Ints]) -> Bools:
    """Return for each two tracks whether a moment shows both, (n, n).

    Parameters
    ----------
    tracks
        For each moment, the tracks of its faces, as `association.follow` returns them.
    """
    count = 1 + max((int(numbers.max()) for numbers in tracks if len(numbers)), default=-1)
    together = np.zeros((count, count), bool)
    for numbers in tracks:
        together[np.ix_(numbers, numbers)] = True
    np.fill_diagonal(together, False)
    return together
