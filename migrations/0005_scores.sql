-- Sampled scores, one row an event; an event's id is its place in Kafka. The largest table and the shortest-lived:
-- its partitions are weeks, so that whole parts fall out soon after the thirty days instead of being rewritten.
CREATE TABLE IF NOT EXISTS scores
(
    pipeline        LowCardinality(String),
    domain          LowCardinality(String),
    entity          String CODEC(ZSTD(1)),
    event_time      DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    kafka_topic     LowCardinality(String),
    kafka_partition Int32 CODEC(ZSTD(1)),
    kafka_offset    Int64 CODEC(Delta, ZSTD(1)),
    score           Float32 CODEC(Gorilla, ZSTD(1)),
    sampling        Float64 CODEC(ZSTD(1)),
    model           LowCardinality(String),
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    INDEX scores_by_time event_time TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toMonday(event_time)
ORDER BY (pipeline, domain, entity, event_time, kafka_topic, kafka_partition, kafka_offset)
TTL toDateTime(inserted_at) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;
