-- Every change of every incident: the history. The newest change of each is in the view incidents_current.
CREATE TABLE IF NOT EXISTS incidents
(
    pipeline         LowCardinality(String),
    domain           LowCardinality(String),
    entity           String CODEC(ZSTD(1)),
    id               String CODEC(ZSTD(1)),
    change           Int32 CODEC(ZSTD(1)),
    change_kind      LowCardinality(String),
    changed_at       DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    changed_by       LowCardinality(String),
    note             String CODEC(ZSTD(3)),
    state            Enum8('open' = 1, 'acknowledged' = 2, 'closed' = 3, 'falseAlarm' = 4),
    severity         Enum8('low' = 1, 'medium' = 2, 'high' = 3, 'critical' = 4),
    opened_at        DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    last_risk_at     DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    time_zone        LowCardinality(String),
    risks            Int32 CODEC(ZSTD(1)),
    max_score        Float64 CODEC(Gorilla, ZSTD(1)),
    first_risk_id    String CODEC(ZSTD(1)),
    last_risk_id     String CODEC(ZSTD(1)),
    reasons          Nested
    (
        feature      LowCardinality(String),
        field        LowCardinality(String),
        detector     LowCardinality(String),
        observed     Nullable(Float64),
        expected     Nullable(Float64),
        unit         LowCardinality(String),
        direction    LowCardinality(String),
        share        Float64
    ),
    sentences        Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    context          Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    model            LowCardinality(String),
    kafka_partition  Int32 CODEC(ZSTD(1)),
    kafka_offset     Int64 CODEC(Delta, ZSTD(1)),
    inserted_at      DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    INDEX incidents_by_id id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX incidents_by_time opened_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toYYYYMM(opened_at)
ORDER BY (pipeline, domain, entity, id, change)
TTL toDateTime(inserted_at) + INTERVAL 2 YEAR
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;

-- One row an incident. pipeline, domain, entity and id are grouping keys, so a filter on them reaches the table's
-- sorting key. A change that was written twice with different content counts as its newest writing.
CREATE OR REPLACE VIEW incidents_current AS
SELECT
    pipeline,
    domain,
    entity,
    id,
    max(incidents.change) AS change,
    argMax(incidents.change_kind, (incidents.change, incidents.inserted_at)) AS change_kind,
    argMax(incidents.changed_at, (incidents.change, incidents.inserted_at)) AS changed_at,
    argMax(incidents.changed_by, (incidents.change, incidents.inserted_at)) AS changed_by,
    argMax(incidents.note, (incidents.change, incidents.inserted_at)) AS note,
    argMax(incidents.state, (incidents.change, incidents.inserted_at)) AS state,
    argMax(incidents.severity, (incidents.change, incidents.inserted_at)) AS severity,
    argMax(incidents.opened_at, (incidents.change, incidents.inserted_at)) AS opened_at,
    argMax(incidents.last_risk_at, (incidents.change, incidents.inserted_at)) AS last_risk_at,
    argMax(incidents.time_zone, (incidents.change, incidents.inserted_at)) AS time_zone,
    argMax(incidents.risks, (incidents.change, incidents.inserted_at)) AS risks,
    argMax(incidents.max_score, (incidents.change, incidents.inserted_at)) AS max_score,
    argMax(incidents.first_risk_id, (incidents.change, incidents.inserted_at)) AS first_risk_id,
    argMax(incidents.last_risk_id, (incidents.change, incidents.inserted_at)) AS last_risk_id,
    argMax(incidents.`reasons.feature`, (incidents.change, incidents.inserted_at)) AS reason_features,
    argMax(incidents.`reasons.share`, (incidents.change, incidents.inserted_at)) AS reason_shares,
    argMax(incidents.sentences, (incidents.change, incidents.inserted_at)) AS sentences,
    argMax(incidents.context, (incidents.change, incidents.inserted_at)) AS context,
    argMax(incidents.model, (incidents.change, incidents.inserted_at)) AS model
FROM incidents
GROUP BY pipeline, domain, entity, id;
