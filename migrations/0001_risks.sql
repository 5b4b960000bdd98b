-- Every risk, one row an id. A risk's id is derived from its event's place in Kafka, so a redelivery writes the
-- same key again and merges (or FINAL) keep one row, the newest.
-- Time to live counts from arrival, not from the event: a replayed stretch of an old stream must stay readable.
CREATE TABLE IF NOT EXISTS risks
(
    pipeline        LowCardinality(String),
    domain          LowCardinality(String),
    entity          String CODEC(ZSTD(1)),
    event_time      DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    id              String CODEC(ZSTD(1)),
    event_id        String CODEC(ZSTD(1)),
    time_zone       LowCardinality(String),
    scored_at       DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    score           Float64 CODEC(Gorilla, ZSTD(1)),
    p_value         Float64 CODEC(Gorilla, ZSTD(1)),
    threshold       Float64 CODEC(Gorilla, ZSTD(1)),
    severity        Enum8('low' = 1, 'medium' = 2, 'high' = 3, 'critical' = 4),
    detectors       Map(LowCardinality(String), Float64),
    reasons         Nested
    (
        feature     LowCardinality(String),
        field       LowCardinality(String),
        detector    LowCardinality(String),
        observed    Nullable(Float64),
        expected    Nullable(Float64),
        unit        LowCardinality(String),
        direction   LowCardinality(String),
        share       Float64
    ),
    sentences       Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    context         Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    model           LowCardinality(String),
    degraded        Bool,
    kafka_topic     LowCardinality(String),
    kafka_partition Int32 CODEC(ZSTD(1)),
    kafka_offset    Int64 CODEC(Delta, ZSTD(1)),
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    INDEX risks_by_id id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX risks_by_time event_time TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toYYYYMM(event_time)
ORDER BY (pipeline, domain, entity, event_time, id)
TTL toDateTime(inserted_at) + INTERVAL 2 YEAR
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;
