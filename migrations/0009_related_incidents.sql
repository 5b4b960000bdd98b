-- What incidents share and what people said of them; what a webhook told of and until when it was worth telling.
ALTER TABLE incidents
    ADD COLUMN IF NOT EXISTS kind LowCardinality(String) AFTER entity,
    ADD COLUMN IF NOT EXISTS reason LowCardinality(String) AFTER kind,
    ADD COLUMN IF NOT EXISTS parent String CODEC(ZSTD(1)) AFTER reason,
    ADD COLUMN IF NOT EXISTS members Int32 CODEC(ZSTD(1)) AFTER parent,
    ADD COLUMN IF NOT EXISTS labels Array(LowCardinality(String)) AFTER members,
    ADD COLUMN IF NOT EXISTS verdict LowCardinality(String) AFTER labels,
    ADD COLUMN IF NOT EXISTS escalations Int32 CODEC(ZSTD(1)) AFTER verdict;

ALTER TABLE deliveries
    ADD COLUMN IF NOT EXISTS event LowCardinality(String) AFTER change,
    ADD COLUMN IF NOT EXISTS severity LowCardinality(String) AFTER event,
    ADD COLUMN IF NOT EXISTS expires_at Nullable(DateTime64(3, 'UTC')) AFTER next_attempt_at;
