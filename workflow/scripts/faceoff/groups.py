"""Names in a sample's `groups` by which a dataset tells the scores more than one label says. Standard library only: datasets and scores share them."""

# The sample has no label of the task, and a pipeline had better not be sure of one; the value says of what kind it is ("unknown", "NF" …).
OUTLIER = "outlier"
# "votes_<answer>": how many taggers gave an answer that is no emotion, beside the sample's `votes`.
VOTES = "votes_"
