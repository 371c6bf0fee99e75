-- The hot path: a batch of versions becomes one COPY and one statement that moves the ledger, the
-- cells and the positions together. `newest` marks the newest of its record within the batch.

-- name: make_staging
CREATE TEMPORARY TABLE IF NOT EXISTS staging (
    known_from timestamptz,
    version bigint,
    day date,
    won_day date,
    deleted boolean,
    record_id text COLLATE "C",
    kind text,
    partner_id text,
    amount text,
    currency text,
    deal_type text,
    labels text,
    campaign_id text,
    activity_type text,
    user_id text,
    subject text,
    body text COLLATE "C",
    newest boolean,
    contested boolean
) ON COMMIT DELETE ROWS

-- name: set_for_batches
-- The staging table has no statistics and the ledger has millions of rows: every join with it goes
-- by its key, in the order that is written.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_mergejoin', 'off', true),
    set_config('join_collapse_limit', '1', true), set_config('work_mem', '64MB', true)

-- name: share_ledger
-- Batches of events run side by side; what changes goals runs alone.
SELECT pg_advisory_xact_lock_shared(7216452101)

-- name: take_ledger
SELECT pg_advisory_xact_lock(7216452101)

-- name: take_recompute
-- Two batches never recompute side by side: neither would see what the other changed.
SELECT pg_advisory_xact_lock(7216452102)

-- name: take_batch
-- $1, $2, $3: topics, partitions and the offsets after what is in the staging table.
-- Gives what became of the records, and of those that are not counted by differences (all but
-- deals, accounts and leads) which ones changed.
WITH moved AS (
    INSERT INTO consumed AS c (topic, partition, next_offset)
    SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[]) ORDER BY 1, 2
    ON CONFLICT (topic, partition)
        DO UPDATE SET next_offset = greatest(c.next_offset, excluded.next_offset)
),
merged AS (
    MERGE INTO record AS r
    USING (
        SELECT s.known_from, s.version, s.day, s.won_day, s.deleted, s.record_id, s.kind,
            s.partner_id, s.amount::numeric AS amount, s.currency, s.deal_type,
            s.labels::text[] AS labels, s.campaign_id, s.activity_type, s.user_id, s.subject, s.body
        FROM staging s
        WHERE s.newest
    ) AS s ON r.record_id = s.record_id AND r.kind = s.kind
    WHEN MATCHED AND (s.version, s.body) > (r.version, r.body) THEN UPDATE SET
        known_from = s.known_from, version = s.version, day = s.day, won_day = s.won_day,
        deleted = s.deleted, partner_id = s.partner_id, amount = s.amount, currency = s.currency,
        deal_type = s.deal_type, labels = s.labels, campaign_id = s.campaign_id,
        activity_type = s.activity_type, user_id = s.user_id, subject = s.subject, body = s.body
    WHEN MATCHED AND s.version = r.version AND s.body = r.body AND s.known_from < r.known_from
        THEN UPDATE SET known_from = s.known_from
    WHEN NOT MATCHED THEN INSERT (
        known_from, version, day, won_day, deleted, record_id, kind, partner_id, amount, currency,
        deal_type, labels, campaign_id, activity_type, user_id, subject, body
    ) VALUES (
        s.known_from, s.version, s.day, s.won_day, s.deleted, s.record_id, s.kind, s.partner_id,
        s.amount, s.currency, s.deal_type, s.labels, s.campaign_id, s.activity_type, s.user_id,
        s.subject, s.body
    )
    RETURNING new.record_id, new.kind, new.version, new.day, new.won_day, new.deleted,
        new.partner_id, new.amount, new.currency, new.deal_type, new.labels, new.campaign_id,
        new.activity_type, new.subject,
        old.known_from AS was_known_from, old.version AS was_version, old.day AS was_day,
        old.won_day AS was_won_day, old.deleted AS was_deleted, old.partner_id AS was_partner_id,
        old.amount AS was_amount, old.currency AS was_currency, old.deal_type AS was_deal_type,
        old.labels AS was_labels, old.campaign_id AS was_campaign_id,
        old.activity_type AS was_activity_type, old.user_id AS was_user_id,
        old.subject AS was_subject, old.body AS was_body,
        old.version IS NULL AS is_new,
        old.version = new.version AND old.body = new.body AS is_same
),
late AS (
    -- Newest of the batch and neither newer than the ledger nor the same.
    SELECT s.*, r.version AS newest_version, r.partner_id AS partner_now
    FROM (
        SELECT s.*
        FROM staging s
        WHERE s.newest AND NOT EXISTS (
            SELECT FROM merged m WHERE m.record_id = s.record_id AND m.kind = s.kind)
        OFFSET 0
    ) s
    JOIN record r ON r.record_id = s.record_id AND r.kind = s.kind
    WHERE (s.version, s.body) <> (r.version, r.body)
),
superseded AS (
    SELECT was_known_from AS known_from, was_version AS version, was_day AS day,
        was_won_day AS won_day, was_deleted AS deleted, record_id, kind,
        was_partner_id AS partner_id, was_amount AS amount, was_currency AS currency,
        was_deal_type AS deal_type, was_labels AS labels, was_campaign_id AS campaign_id,
        was_activity_type AS activity_type, was_user_id AS user_id, was_subject AS subject,
        was_body AS body, was_version = version AS contested, partner_id AS partner_now,
        false AS came_late
    FROM merged
    WHERE NOT is_new AND NOT is_same
    UNION ALL
    SELECT s.known_from, s.version, s.day, s.won_day, s.deleted, s.record_id, s.kind, s.partner_id,
        s.amount::numeric, s.currency, s.deal_type, s.labels::text[], s.campaign_id, s.activity_type,
        s.user_id, s.subject, s.body, s.contested OR s.version = s.newest_version, s.partner_now,
        true
    FROM late s
    UNION ALL
    SELECT s.known_from, s.version, s.day, s.won_day, s.deleted, s.record_id, s.kind, s.partner_id,
        s.amount::numeric, s.currency, s.deal_type, s.labels::text[], s.campaign_id, s.activity_type,
        s.user_id, s.subject, s.body, s.contested,
        CASE WHEN m.record_id IS NULL THEN r.partner_id ELSE m.partner_id END, true
    FROM (SELECT * FROM staging s WHERE NOT s.newest OFFSET 0) s
    LEFT JOIN merged m ON m.record_id = s.record_id AND m.kind = s.kind
    LEFT JOIN record r ON r.record_id = s.record_id AND r.kind = s.kind
),
once AS (
    SELECT DISTINCT ON (s.record_id, s.kind, s.version, s.digest) s.*
    FROM (SELECT s.*, substring(sha256(convert_to(s.body, 'UTF8')), 1, 16) AS digest
        FROM superseded s) s
    ORDER BY s.record_id, s.kind, s.version, s.digest, s.known_from
),
kept AS (
    MERGE INTO record_history AS h
    USING once AS s ON h.record_id = s.record_id AND h.kind = s.kind AND h.version = s.version
        AND h.digest = s.digest
    WHEN MATCHED AND s.known_from < h.known_from THEN UPDATE SET known_from = s.known_from
    WHEN NOT MATCHED THEN INSERT VALUES (
        s.known_from, s.version, s.day, s.won_day, s.deleted, s.record_id, s.kind, s.partner_id,
        s.amount, s.currency, s.deal_type, s.labels, s.campaign_id, s.activity_type, s.user_id,
        s.subject, s.body, s.digest
    )
    RETURNING merge_action() AS action
),
left_behind AS (
    INSERT INTO former_partner (partner_id, record_id, kind)
    SELECT DISTINCT s.partner_id, s.record_id, s.kind
    FROM once s
    WHERE s.partner_id IS NOT NULL AND s.partner_id IS DISTINCT FROM s.partner_now
    ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING
),
disagreeing AS (
    INSERT INTO conflict (record_id, kind, version)
    SELECT s.record_id, s.kind, s.version
    FROM once s
    WHERE s.contested
    UNION
    SELECT s.record_id, s.kind, s.version
    FROM once s
    GROUP BY 1, 2, 3
    HAVING count(*) > 1
    UNION
    SELECT s.record_id, s.kind, s.version
    FROM once s
    JOIN record_history h ON h.record_id = s.record_id AND h.kind = s.kind
        AND h.version = s.version AND h.digest <> s.digest
    WHERE s.came_late
    ON CONFLICT DO NOTHING
    RETURNING record_id
),
change AS (
    SELECT -1 AS sign, was_partner_id AS partner_id, kind, was_day AS day, was_won_day AS won_day,
        was_amount AS amount, was_currency AS currency, was_deal_type AS deal_type,
        was_labels AS labels, was_campaign_id AS campaign_id, was_activity_type AS activity_type,
        was_subject AS subject
    FROM merged
    WHERE NOT is_new AND NOT is_same AND NOT was_deleted AND kind IN ('deal', 'account', 'lead')
    UNION ALL
    SELECT 1, partner_id, kind, day, won_day, amount, currency, deal_type, labels, campaign_id,
        activity_type, subject
    FROM merged
    WHERE is_same IS NOT TRUE AND NOT deleted AND kind IN ('deal', 'account', 'lead')
),
difference AS (
    SELECT p.partner_id, p.plan_id, g.goal_id, quarter_of(counting_day(g, c.f), p) AS quarter,
        counting_day(g, c.f) AS day, c.sign * counting_amount(g, c.f) AS amount
    FROM (
        SELECT c.sign, c.partner_id, c.kind, ROW(
            c.day, c.won_day, c.amount, c.currency, c.deal_type, c.labels, c.campaign_id,
            c.activity_type, c.subject, CASE WHEN t.deleted THEN NULL
                WHEN t.record_id IS NULL THEN NULL ELSE coalesce(t.labels, '{}') END)::fact AS f
        FROM change c
        LEFT JOIN record t ON t.record_id = c.campaign_id AND t.kind = 'campaign'
    ) c
    JOIN plan p ON p.partner_id = c.partner_id
    JOIN goal g ON g.strategy_id = p.strategy_id AND g.kind = c.kind
    WHERE p.counts AND counting_day(g, c.f) >= p.start_date
        AND counting_day(g, c.f) < p.end_date AND refusal(g, c.f) IS NULL
),
figure AS (
    SELECT partner_id, plan_id, goal_id,
        coalesce(sum(amount) FILTER (WHERE quarter = 1), 0) AS q1,
        coalesce(sum(amount) FILTER (WHERE quarter = 2), 0) AS q2,
        coalesce(sum(amount) FILTER (WHERE quarter = 3), 0) AS q3,
        coalesce(sum(amount) FILTER (WHERE quarter = 4), 0) AS q4,
        max(day) AS latest
    FROM difference
    GROUP BY plan_id, goal_id, partner_id
),
counted AS (
    MERGE INTO cell AS c
    USING (SELECT * FROM figure ORDER BY plan_id, goal_id) AS f
        ON c.plan_id = f.plan_id AND c.goal_id = f.goal_id
    WHEN MATCHED THEN UPDATE SET q1 = c.q1 + f.q1, q2 = c.q2 + f.q2, q3 = c.q3 + f.q3,
        q4 = c.q4 + f.q4, latest = greatest(c.latest, f.latest)
    WHEN NOT MATCHED THEN INSERT (partner_id, plan_id, goal_id, q1, q2, q3, q4, latest)
        VALUES (f.partner_id, f.plan_id, f.goal_id, f.q1, f.q2, f.q3, f.q4, f.latest)
)
SELECT
    (SELECT count(*) FROM merged WHERE is_new) AS added,
    (SELECT count(*) FROM merged WHERE NOT is_new AND NOT is_same) AS changed,
    (SELECT count(*) FROM kept WHERE action = 'INSERT') AS superseded,
    (SELECT count(*) FROM disagreeing) AS conflicts,
    (SELECT jsonb_agg(jsonb_build_array(kind, record_id, partner_id, was_partner_id,
            labels IS DISTINCT FROM was_labels OR deleted IS DISTINCT FROM was_deleted))
        FROM merged
        WHERE is_same IS NOT TRUE AND kind NOT IN ('deal', 'account', 'lead')) AS others

-- name: find_positions
SELECT topic, partition, next_offset FROM consumed

-- name: has_staging
SELECT to_regclass('pg_temp.staging') IS NOT NULL

-- name: give_staging_memory
-- Before the first use of a temporary table in a session: a batch fits in.
SET temp_buffers = '32MB'

-- name: list_conflicts
SELECT c.record_id, c.kind, c.version, v.bodies
FROM (
    SELECT c.record_id, c.kind, c.version
    FROM conflict c
    WHERE $1::text IS NULL
        OR (c.record_id, c.kind, c.version) > ($1::text COLLATE "C", $2::text, $3::bigint)
    ORDER BY c.record_id, c.kind, c.version
    LIMIT $4
) c
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('body', b.body, 'known_from', b.known_from,
        'counts', b.counts) ORDER BY b.body DESC) AS bodies
    FROM (
        SELECT r.body, r.known_from, true AS counts
        FROM record r
        WHERE r.record_id = c.record_id AND r.kind = c.kind AND r.version = c.version
        UNION ALL
        SELECT h.body, h.known_from, false
        FROM record_history h
        WHERE h.record_id = c.record_id AND h.kind = c.kind AND h.version = c.version
    ) b
) v
ORDER BY c.record_id, c.kind, c.version
