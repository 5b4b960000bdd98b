-- What a label says beside its event: the secondary entities that it counts for, and how strange the event was.
ALTER TABLE feedback
    ADD COLUMN IF NOT EXISTS secondary Map(LowCardinality(String), String) AFTER event_id,
    ADD COLUMN IF NOT EXISTS surprise Float64 CODEC(ZSTD(1)) AFTER secondary;
