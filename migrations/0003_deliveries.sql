-- Every state that a delivery went through, one row an attempt or decision; the newest is in deliveries_current.
-- The body isn't copied: it is the incident change, and stays in Kafka.
CREATE TABLE IF NOT EXISTS deliveries
(
    pipeline        LowCardinality(String),
    domain          LowCardinality(String),
    endpoint        LowCardinality(String),
    incident        String CODEC(ZSTD(1)),
    change          Int32 CODEC(ZSTD(1)),
    id              String CODEC(ZSTD(1)),
    updated_at      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    state           Enum8('pending' = 1, 'succeeded' = 2, 'parked' = 3, 'dropped' = 4),
    attempts        Int32 CODEC(ZSTD(1)),
    created_at      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    next_attempt_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    last_status     Int32 CODEC(ZSTD(1)),
    last_error      String CODEC(ZSTD(3)),
    duration_ms     Float64 CODEC(Gorilla, ZSTD(1)),
    body_bytes      UInt32 CODEC(ZSTD(1)),
    kafka_partition Int32 CODEC(ZSTD(1)),
    kafka_offset    Int64 CODEC(Delta, ZSTD(1)),
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    INDEX deliveries_by_id id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX deliveries_by_time updated_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toYYYYMM(created_at)
ORDER BY (pipeline, domain, endpoint, incident, id, updated_at, state)
TTL toDateTime(inserted_at) + INTERVAL 1 YEAR
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW deliveries_current AS
SELECT
    pipeline,
    domain,
    endpoint,
    incident,
    id,
    any(deliveries.change) AS change,
    max(deliveries.updated_at) AS updated_at,
    argMax(deliveries.state, (deliveries.updated_at, deliveries.attempts, deliveries.inserted_at)) AS state,
    argMax(deliveries.attempts, (deliveries.updated_at, deliveries.attempts, deliveries.inserted_at)) AS attempts,
    min(deliveries.created_at) AS created_at,
    argMax(deliveries.next_attempt_at, (deliveries.updated_at, deliveries.attempts, deliveries.inserted_at)) AS next_attempt_at,
    argMax(deliveries.last_status, (deliveries.updated_at, deliveries.attempts, deliveries.inserted_at)) AS last_status,
    argMax(deliveries.last_error, (deliveries.updated_at, deliveries.attempts, deliveries.inserted_at)) AS last_error,
    argMax(deliveries.duration_ms, (deliveries.updated_at, deliveries.attempts, deliveries.inserted_at)) AS duration_ms
FROM deliveries
GROUP BY pipeline, domain, endpoint, incident, id;
