-- What people said of incidents and events. Labels are scarce and models learn from them: they don't expire.
CREATE TABLE IF NOT EXISTS feedback
(
    pipeline        LowCardinality(String),
    domain          LowCardinality(String),
    entity          String CODEC(ZSTD(1)),
    event_time      DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    id              String CODEC(ZSTD(1)),
    incident        String CODEC(ZSTD(1)),
    event_id        String CODEC(ZSTD(1)),
    label           Enum8('risk' = 1, 'falseAlarm' = 2),
    given_at        DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    given_by        LowCardinality(String),
    note            String CODEC(ZSTD(3)),
    kafka_partition Int32 CODEC(ZSTD(1)),
    kafka_offset    Int64 CODEC(Delta, ZSTD(1)),
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    INDEX feedback_by_incident incident TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toYYYYMM(event_time)
ORDER BY (pipeline, domain, entity, event_time, id)
SETTINGS non_replicated_deduplication_window = 1000;
