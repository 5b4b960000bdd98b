-- What could not be taken in, with its original bytes. JSON carries no bytes, so key, value and header values
-- arrive in base64 through columns that exist only while inserting (EPHEMERAL).
-- Partitioned by arrival: a message's own time may be anything, that is often why it is here.
CREATE TABLE IF NOT EXISTS dead_letters
(
    pipeline             LowCardinality(String),
    kafka_topic          LowCardinality(String),
    message_time         DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    id                   String CODEC(ZSTD(1)),
    kafka_partition      Int32 CODEC(ZSTD(1)),
    kafka_offset         Int64 CODEC(Delta, ZSTD(1)),
    dead_at              DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    reason               LowCardinality(String),
    field                LowCardinality(String),
    detail               String CODEC(ZSTD(3)),
    key_base64           Nullable(String) EPHEMERAL NULL,
    key                  Nullable(String) DEFAULT base64Decode(key_base64) CODEC(ZSTD(3)),
    value_base64         Nullable(String) EPHEMERAL NULL,
    value                Nullable(String) DEFAULT base64Decode(value_base64) CODEC(ZSTD(3)),
    truncated            Bool,
    header_names         Array(LowCardinality(String)),
    header_values_base64 Array(Nullable(String)) EPHEMERAL [],
    header_values        Array(Nullable(String)) DEFAULT arrayMap(coded -> base64Decode(coded), header_values_base64) CODEC(ZSTD(3)),
    inserted_at          DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    INDEX dead_letters_by_id id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX dead_letters_by_time dead_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toYYYYMM(inserted_at)
ORDER BY (pipeline, kafka_topic, message_time, id)
TTL toDateTime(inserted_at) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;
