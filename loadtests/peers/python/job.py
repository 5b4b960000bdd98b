"""What the Python peers share: what they are told, how they read, how they write, and how they say how far they are.

Tuned: fetches of 4 MiB a partition, messages taken 2,000 at a time, logical types left off the Avro schema (fastavro
would make a datetime of every timestamp), risks batched for 50 ms, offsets committed every 5 s after a flush.
"""
import json
import sys
import time
from dataclasses import dataclass
from io import BytesIO

from confluent_kafka import Consumer, Producer
from fastavro import parse_schema, schemaless_reader

BATCH = 2000
COMMIT_SECONDS = 5.0
LOOK_SECONDS = 0.1
SINGLE_OBJECT_HEADER = 10
"""share of the events that become risks"""
RISK_SHARE = 0.001


@dataclass(frozen=True)
class Job:
    brokers: str
    topic: str
    risks: str
    group: str
    events: int
    schema: str

    def consumer_settings(self):
        return {
            "bootstrap.servers": self.brokers,
            "group.id": self.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "fetch.message.max.bytes": 4 << 20,
            "fetch.max.bytes": 32 << 20,
            "queued.max.messages.kbytes": 64 << 10,
        }

    def producer_settings(self):
        return {"bootstrap.servers": self.brokers, "acks": "all", "linger.ms": 50, "batch.size": 1 << 20}


def read_job():
    return Job(**json.loads(sys.argv[1]))


def plain_schema(path):
    """The schema with timestamps as plain longs."""
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    for field in schema["fields"]:
        if isinstance(field["type"], dict) and "logicalType" in field["type"]:
            field["type"] = field["type"]["type"]
    return parse_schema(schema)


def decoder(path):
    schema = plain_schema(path)

    def decode(value):
        stream = BytesIO(value)
        stream.seek(SINGLE_OBJECT_HEADER)
        return schemaless_reader(stream, schema, None)

    return decode


class Looks:
    """Says on stdout how many events are done and when: the load test makes the rate of it, for every contender alike."""

    def __init__(self, events):
        self.events = events
        self.done = 0
        self.last = 0.0

    def add(self, count):
        self.done += count
        now = time.time()
        if now - self.last >= LOOK_SECONDS or self.done >= self.events:
            self.last = now
            sys.stdout.write('{"done":%d,"at":%.1f}\n' % (self.done, now * 1000))
            sys.stdout.flush()


class Threshold:
    """Follows the quantile of the scores above which RISK_SHARE of them lie (Robbins and Monro's recursion)."""

    def __init__(self):
        self.value = None

    def passed(self, score):
        if self.value is None:
            self.value = score
            return False
        above = score > self.value
        step = 0.05 * abs(self.value) + 1e-6
        self.value += step * ((1 - RISK_SHARE) if above else -RISK_SHARE)
        return above


def risk_record(event, score):
    return json.dumps({"event": event["id"], "card": event["card"], "time": event["time"], "score": score})


def run(job, score_batch):
    """Reads, scores with `score_batch(events) -> [(event, score)]` of the risks, writes them and commits."""
    consumer = Consumer(job.consumer_settings())
    producer = Producer(job.producer_settings())
    decode = decoder(job.schema)
    looks = Looks(job.events)
    consumer.subscribe([job.topic])
    committed = time.monotonic()
    try:
        while looks.done < job.events:
            messages = consumer.consume(BATCH, timeout=0.5)
            if not messages:
                continue
            for message in messages:
                if message.error():
                    raise RuntimeError(message.error())
            events = [decode(message.value()) for message in messages]
            for event, score in score_batch(events):
                producer.produce(job.risks, risk_record(event, score), key=event["card"])
            producer.poll(0)
            consumer.store_offsets(messages[-1])
            looks.add(len(messages))
            if time.monotonic() - committed >= COMMIT_SECONDS:
                producer.flush(30)
                consumer.commit(asynchronous=False)
                committed = time.monotonic()
        producer.flush(30)
    finally:
        consumer.close()
