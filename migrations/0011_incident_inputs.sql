-- How much of the logs of risks and commands an incident's change has taken in. A replica that lost its partition
-- without knowing it can write a change late, with as high a number as its successor's and fewer risks: the change that
-- has taken in more is the newer one, whenever it was written. Rows from before have 0.
ALTER TABLE incidents
    ADD COLUMN IF NOT EXISTS taken_in Int64 CODEC(Delta, ZSTD(1)) AFTER change,
    MODIFY ORDER BY (pipeline, domain, entity, id, change, taken_in);

CREATE OR REPLACE VIEW incidents_current AS
SELECT
    pipeline,
    domain,
    entity,
    id,
    argMax(incidents.change, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS change,
    argMax(incidents.change_kind, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS change_kind,
    argMax(incidents.changed_at, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS changed_at,
    argMax(incidents.changed_by, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS changed_by,
    argMax(incidents.note, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS note,
    argMax(incidents.state, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS state,
    argMax(incidents.severity, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS severity,
    argMax(incidents.opened_at, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS opened_at,
    argMax(incidents.last_risk_at, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS last_risk_at,
    argMax(incidents.time_zone, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS time_zone,
    argMax(incidents.risks, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS risks,
    argMax(incidents.max_score, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS max_score,
    argMax(incidents.first_risk_id, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS first_risk_id,
    argMax(incidents.last_risk_id, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS last_risk_id,
    argMax(incidents.`reasons.feature`, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS reason_features,
    argMax(incidents.`reasons.share`, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS reason_shares,
    argMax(incidents.sentences, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS sentences,
    argMax(incidents.context, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS context,
    argMax(incidents.model, (incidents.taken_in, incidents.change, incidents.inserted_at)) AS model
FROM incidents
GROUP BY pipeline, domain, entity, id;
