-- Rollups that stay right when rows come again. A materialized view sees every inserted block, redelivered ones
-- too, so nothing here adds: risks are counted as a set of ids, scores as a bitmap of offsets, and the rest are
-- maxima. Putting the same rows in twice, in other blocks and in any order, changes nothing.
CREATE TABLE IF NOT EXISTS risks_hourly
(
    pipeline         LowCardinality(String),
    domain           LowCardinality(String),
    entity           String CODEC(ZSTD(1)),
    hour             DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    risk_ids         AggregateFunction(uniqExact, String),
    severe_ids       AggregateFunction(uniqExactIf, String, UInt8),
    max_score        SimpleAggregateFunction(max, Float64),
    max_severity     SimpleAggregateFunction(max, Int8),
    last_event_time  SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    last_inserted_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (pipeline, domain, entity, hour)
TTL toDateTime(last_inserted_at) + INTERVAL 2 YEAR
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS risks_hourly_fill TO risks_hourly AS
SELECT
    pipeline,
    domain,
    entity,
    toStartOfHour(toDateTime(event_time, 'UTC')) AS hour,
    uniqExactState(id) AS risk_ids,
    uniqExactIfState(id, toUInt8(severity >= 'high')) AS severe_ids,
    max(score) AS max_score,
    max(CAST(severity, 'Int8')) AS max_severity,
    max(event_time) AS last_event_time,
    max(inserted_at) AS last_inserted_at
FROM risks
GROUP BY pipeline, domain, entity, hour;

-- An offset says which event it is only together with its topic and partition, so these are part of the key.
CREATE TABLE IF NOT EXISTS scores_hourly
(
    pipeline         LowCardinality(String),
    domain           LowCardinality(String),
    entity           String CODEC(ZSTD(1)),
    hour             DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    kafka_topic      LowCardinality(String),
    kafka_partition  Int32 CODEC(ZSTD(1)),
    offsets          AggregateFunction(groupBitmap, UInt64),
    max_score        SimpleAggregateFunction(max, Float32),
    last_inserted_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (pipeline, domain, entity, hour, kafka_topic, kafka_partition)
TTL toDateTime(last_inserted_at) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS scores_hourly_fill TO scores_hourly AS
SELECT
    pipeline,
    domain,
    entity,
    toStartOfHour(toDateTime(event_time, 'UTC')) AS hour,
    kafka_topic,
    kafka_partition,
    groupBitmapState(toUInt64(kafka_offset)) AS offsets,
    max(score) AS max_score,
    max(inserted_at) AS last_inserted_at
FROM scores
GROUP BY pipeline, domain, entity, hour, kafka_topic, kafka_partition;

-- The distribution of scores: buckets of 0.1 up to 25.5. Mean and quantiles come from these, since neither can
-- be kept as a running aggregate without counting a redelivered row twice.
CREATE TABLE IF NOT EXISTS scores_hourly_distribution
(
    pipeline         LowCardinality(String),
    domain           LowCardinality(String),
    hour             DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    bucket           UInt8 CODEC(ZSTD(1)),
    kafka_topic      LowCardinality(String),
    kafka_partition  Int32 CODEC(ZSTD(1)),
    offsets          AggregateFunction(groupBitmap, UInt64),
    last_inserted_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (pipeline, domain, hour, bucket, kafka_topic, kafka_partition)
TTL toDateTime(last_inserted_at) + INTERVAL 1 YEAR
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS scores_hourly_distribution_fill TO scores_hourly_distribution AS
SELECT
    pipeline,
    domain,
    toStartOfHour(toDateTime(event_time, 'UTC')) AS hour,
    toUInt8(least(255, greatest(0, floor(score * 10)))) AS bucket,
    kafka_topic,
    kafka_partition,
    groupBitmapState(toUInt64(kafka_offset)) AS offsets,
    max(inserted_at) AS last_inserted_at
FROM scores
WHERE isFinite(score)
GROUP BY pipeline, domain, hour, bucket, kafka_topic, kafka_partition;

-- The rollups as plain numbers.
CREATE OR REPLACE VIEW risks_by_hour AS
SELECT
    pipeline,
    domain,
    entity,
    hour,
    uniqExactMerge(risk_ids) AS risks,
    uniqExactIfMerge(severe_ids) AS severe_risks,
    max(risks_hourly.max_score) AS max_score,
    CAST(max(risks_hourly.max_severity), 'Enum8(\'low\' = 1, \'medium\' = 2, \'high\' = 3, \'critical\' = 4)') AS max_severity,
    max(risks_hourly.last_event_time) AS last_event_time
FROM risks_hourly
GROUP BY pipeline, domain, entity, hour;

CREATE OR REPLACE VIEW scores_by_hour AS
SELECT pipeline, domain, entity, hour, sum(sampled) AS sampled, max(top) AS max_score
FROM
(
    SELECT pipeline, domain, entity, hour, groupBitmapMerge(offsets) AS sampled, max(scores_hourly.max_score) AS top
    FROM scores_hourly
    GROUP BY pipeline, domain, entity, hour, kafka_topic, kafka_partition
)
GROUP BY pipeline, domain, entity, hour;

CREATE OR REPLACE VIEW score_distribution_by_hour AS
SELECT pipeline, domain, hour, bucket / 10 AS score_from, sum(sampled) AS sampled
FROM
(
    SELECT pipeline, domain, hour, bucket, groupBitmapMerge(offsets) AS sampled
    FROM scores_hourly_distribution
    GROUP BY pipeline, domain, hour, bucket, kafka_topic, kafka_partition
)
GROUP BY pipeline, domain, hour, bucket;
