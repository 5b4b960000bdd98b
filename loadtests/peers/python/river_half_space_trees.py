"""confluent-kafka, fastavro and river: the loop that one would write."""
from half_space_trees import HalfSpaceScorer
from job import read_job, run

run(read_job(), HalfSpaceScorer())
