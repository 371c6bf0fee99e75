-- Rebuilding: what the topics tell, read again into a table beside the ledger and held against it.
-- The tables are the session's own: nobody sees them, and they go with it.

-- name: make_beside
-- Versions as they are staged for a batch.
CREATE TEMPORARY TABLE IF NOT EXISTS beside (LIKE staging)

-- name: make_suspects
-- Records that topics and ledger do not agree on; `lacking` when all that is wrong is that the
-- ledger has not got some versions.
CREATE TEMPORARY TABLE IF NOT EXISTS suspect (
    record_id text COLLATE "C",
    kind text,
    lacking boolean
)

-- name: set_for_comparing
-- The session's own tables have hardly any statistics: both sides are read whole and hashed.
SELECT set_config('work_mem', '256MB', true), set_config('hash_mem_multiplier', '2', true),
    set_config('statement_timeout', '600s', true)

-- name: note_suspects
-- A version is told by its number and body; what rules look at has to be what is read of the body
-- today, and it has to be known since when it was first told.
WITH told AS (
    SELECT record_id, kind, version, digest, min(known_from) AS known_from, min(facts) AS facts
    FROM (
        SELECT record_id, kind, version, md5(body) AS digest, known_from, hash_record_extended(ROW(
            day, won_day, deleted, partner_id, amount::numeric, currency, deal_type,
            labels::text[], campaign_id, activity_type, user_id, subject), 0) AS facts
        FROM beside
    ) b
    GROUP BY record_id, kind, version, digest
),
kept AS (
    SELECT record_id, kind, version, md5(body) AS digest, known_from, hash_record_extended(ROW(
        day, won_day, deleted, partner_id, amount, currency, deal_type, labels, campaign_id,
        activity_type, user_id, subject), 0) AS facts
    FROM record
    UNION ALL
    SELECT record_id, kind, version, md5(body), known_from, hash_record_extended(ROW(
        day, won_day, deleted, partner_id, amount, currency, deal_type, labels, campaign_id,
        activity_type, user_id, subject), 0)
    FROM record_history
),
wrong AS (
    SELECT coalesce(t.record_id, k.record_id) AS record_id, coalesce(t.kind, k.kind) AS kind,
        k.record_id IS NULL AS lacking
    FROM told t
    FULL JOIN kept k ON k.record_id = t.record_id AND k.kind = t.kind AND k.version = t.version
        AND k.digest = t.digest
    WHERE k.record_id IS NULL OR t.record_id IS NULL OR k.known_from <> t.known_from
        OR k.facts <> t.facts
    UNION ALL
    -- In the history although it should count, or without anything that counts.
    SELECT h.record_id, h.kind, false
    FROM record_history h
    LEFT JOIN record r ON r.record_id = h.record_id AND r.kind = h.kind
    WHERE r.record_id IS NULL OR (h.version, h.body) >= (r.version, r.body)
)
INSERT INTO suspect (record_id, kind, lacking)
SELECT record_id, kind, bool_and(lacking) FROM wrong GROUP BY record_id, kind

-- name: count_told
SELECT count(*) FROM beside

-- name: index_beside
CREATE INDEX IF NOT EXISTS beside_record ON beside (record_id, kind)

-- name: list_suspects
SELECT record_id, kind FROM suspect WHERE lacking = $1 ORDER BY kind, record_id

-- name: find_told
-- All versions that the topics tell of some records.
SELECT b.known_from, b.version, b.day, b.won_day, b.deleted, b.record_id, b.kind, b.partner_id,
    b.amount, b.currency, b.deal_type, b.labels, b.campaign_id, b.activity_type, b.user_id,
    b.subject, b.body
FROM unnest($1::text[], $2::text[]) AS s (record_id, kind)
JOIN beside b ON b.record_id = s.record_id AND b.kind = s.kind

-- name: forget_records
-- Gives the partners that some version of them was told about.
WITH chosen AS (
    SELECT * FROM unnest($1::text[], $2::text[]) AS s (record_id, kind)
),
newest AS (
    DELETE FROM record r USING chosen c
    WHERE r.record_id = c.record_id AND r.kind = c.kind
    RETURNING r.partner_id
),
older AS (
    DELETE FROM record_history h USING chosen c
    WHERE h.record_id = c.record_id AND h.kind = c.kind
    RETURNING h.partner_id
),
former AS (
    DELETE FROM former_partner f USING chosen c
    WHERE f.record_id = c.record_id AND f.kind = c.kind
),
disagreeing AS (
    DELETE FROM conflict d USING chosen c WHERE d.record_id = c.record_id AND d.kind = c.kind
)
SELECT partner_id FROM newest WHERE partner_id IS NOT NULL
UNION
SELECT partner_id FROM older WHERE partner_id IS NOT NULL

-- name: list_strategies
SELECT record_id FROM record WHERE kind = 'strategy'
UNION
SELECT strategy_id::text FROM goal
