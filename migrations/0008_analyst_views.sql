-- Questions that analysts ask. Views with {parameters} are called like functions:
--   SELECT * FROM risks_daily_by_domain(time_zone = 'Asia/Shanghai')
-- Days are counted on the rows, not on the hourly rollup: some zones are half an hour off the full hour.
CREATE OR REPLACE VIEW risks_daily_by_domain AS
SELECT
    toDate(event_time, {time_zone:String}) AS day,
    pipeline,
    domain,
    count() AS risks,
    countIf(severity >= 'high') AS severe_risks,
    uniqExact(entity) AS entities,
    max(score) AS max_score
FROM risks FINAL
GROUP BY day, pipeline, domain;

-- The entities with most risks between two hours: top_entities(from = '2026-01-01 00:00:00', to = '2026-02-01 00:00:00')
CREATE OR REPLACE VIEW top_entities AS
SELECT
    pipeline,
    domain,
    entity,
    uniqExactMerge(risk_ids) AS risks,
    uniqExactIfMerge(severe_ids) AS severe_risks,
    max(risks_hourly.max_score) AS max_score,
    max(risks_hourly.last_event_time) AS last_event_time
FROM risks_hourly
WHERE hour >= toDateTime({from:String}, 'UTC') AND hour < toDateTime({to:String}, 'UTC')
GROUP BY pipeline, domain, entity
ORDER BY risks DESC, max_score DESC;

-- What drives the risks of a pipeline: how often each feature is among the reasons, and its mean share.
CREATE OR REPLACE VIEW reasons_by_feature AS
SELECT
    pipeline,
    domain,
    feature,
    direction,
    count() AS risks,
    avg(share) AS mean_share
FROM risks FINAL
ARRAY JOIN reasons.feature AS feature, reasons.direction AS direction, reasons.share AS share
GROUP BY pipeline, domain, feature, direction;

-- How long people took: seconds from an incident's opening change to its first acknowledgement and first closing.
CREATE OR REPLACE VIEW incident_response_times AS
SELECT
    pipeline,
    domain,
    entity,
    id,
    minIf(changed_at, change_kind = 'opened') AS reported_at,
    if(countIf(change_kind = 'acknowledged') = 0, NULL,
        dateDiff('second', minIf(changed_at, change_kind = 'opened'), minIf(changed_at, change_kind = 'acknowledged'))) AS seconds_to_acknowledge,
    if(countIf(change_kind = 'closed') = 0, NULL,
        dateDiff('second', minIf(changed_at, change_kind = 'opened'), minIf(changed_at, change_kind = 'closed'))) AS seconds_to_close,
    argMax(incidents.severity, (incidents.change, incidents.inserted_at)) AS severity
FROM incidents
GROUP BY pipeline, domain, entity, id;

CREATE OR REPLACE VIEW deliveries_by_endpoint AS
SELECT
    endpoint,
    toDate(created_at) AS day,
    count() AS deliveries,
    countIf(state = 'succeeded') AS succeeded,
    countIf(state = 'parked') AS parked,
    countIf(state = 'pending') AS pending,
    countIf(state = 'dropped') AS dropped,
    quantile(0.5)(dateDiff('millisecond', created_at, updated_at)) AS median_ms,
    quantile(0.99)(dateDiff('millisecond', created_at, updated_at)) AS p99_ms
FROM deliveries_current
GROUP BY endpoint, day;

CREATE OR REPLACE VIEW dead_letters_by_reason AS
SELECT pipeline, kafka_topic, reason, toDate(dead_at) AS day, count() AS letters, max(dead_at) AS last_dead_at
FROM dead_letters FINAL
GROUP BY pipeline, kafka_topic, reason, day;
