"""The same with bytewax as the engine: its Kafka source and sink, a stateful step keyed by partition.

Tuned: the source hands over 2,000 messages at a time, and the step takes them as batches.
"""
import os
import threading
import time

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.testing import run_main

from half_space_trees import HalfSpaceScorer
from job import BATCH, Looks, decoder, read_job, risk_record

job = read_job()
decode = decoder(job.schema)
looks = Looks(job.events)


class Scoring(StatefulBatchLogic):
    def __init__(self, _resume):
        self.scorer = HalfSpaceScorer()

    def on_batch(self, values):
        risks = self.scorer([decode(message.value) for message in values])
        looks.add(len(values))
        return risks, StatefulBatchLogic.RETAIN

    def snapshot(self):
        # Asked for at the end of every epoch (10 s), though without a recovery store it goes nowhere.
        return None


def to_message(keyed):
    _partition, (event, score) = keyed
    return KafkaSinkMessage(key=event["card"].encode(), value=risk_record(event, score).encode())


flow = Dataflow("payments")
consumer_settings = {
    name: str(value)
    for name, value in job.consumer_settings().items()
    if name not in ("bootstrap.servers", "group.id", "enable.auto.commit", "enable.auto.offset.store")
}
source = KafkaSource([job.brokers], [job.topic], add_config=consumer_settings, batch_size=BATCH)
messages = op.input("payments", flow, source)
keyed = op.key_on("partition", messages, lambda message: str(message.partition))
risks = op.stateful_batch("score", keyed, Scoring)
records = op.map("record", risks, to_message)
producer_settings = {
    name: str(value) for name, value in job.producer_settings().items() if name != "bootstrap.servers"
}
op.output("risks", records, KafkaSink([job.brokers], job.risks, add_config=producer_settings))


def end_when_done():
    """A stream has no end; a measurement does."""
    while looks.done < job.events:
        time.sleep(0.2)
    os._exit(0)


threading.Thread(target=end_when_done, daemon=True).start()
run_main(flow)
