-- Figures: kept in cells, or added up anew from the ledger.

-- name: set_for_recomputing
-- Plans first find their records, then the goals of their kind: as it is written.
SELECT set_config('enable_seqscan', 'on', true), set_config('enable_mergejoin', 'on', true),
    set_config('join_collapse_limit', '1', true), set_config('work_mem', '64MB', true),
    set_config('statement_timeout', '600s', true)

-- name: recompute_cells
-- $1: plans; $2: goals whose records count each by itself, $3: the other goals. What is not there
-- any more is emptied, so that the cells of these goals become what the ledger says.
WITH counted AS (
    SELECT r.partner_id, (r.p).plan_id, g.goal_id, counting_day(g, r.f) AS day,
        counting_amount(g, r.f) AS amount, quarter_of(counting_day(g, r.f), r.p) AS quarter
    FROM (
        SELECT p, r.partner_id, r.kind, ROW(
            r.day, r.won_day, r.amount, r.currency, r.deal_type, r.labels, r.campaign_id,
            r.activity_type, r.subject,
            CASE WHEN t.record_id IS NOT NULL THEN coalesce(t.labels, '{}') END)::fact AS f
        FROM unnest($1::plan[]) p
        JOIN record r ON r.partner_id = p.partner_id AND r.kind = ANY ($4::text[])
        LEFT JOIN record t
            ON t.record_id = r.campaign_id AND t.kind = 'campaign' AND NOT t.deleted
        WHERE p.counts AND NOT r.deleted
    ) r
    JOIN unnest($2::goal[]) g ON g.strategy_id = (r.p).strategy_id AND g.kind = r.kind
    WHERE counting_day(g, r.f) >= (r.p).start_date AND counting_day(g, r.f) < (r.p).end_date
        AND refusal(g, r.f) IS NULL
    UNION ALL
    SELECT partner_id, plan_id, goal_id, day, amount, quarter
    FROM contribution($1::plan[], $3::goal[], 'infinity')
),
figure AS (
    SELECT partner_id, plan_id, goal_id,
        coalesce(sum(amount) FILTER (WHERE quarter = 1), 0) AS q1,
        coalesce(sum(amount) FILTER (WHERE quarter = 2), 0) AS q2,
        coalesce(sum(amount) FILTER (WHERE quarter = 3), 0) AS q3,
        coalesce(sum(amount) FILTER (WHERE quarter = 4), 0) AS q4,
        max(day) AS latest
    FROM counted
    GROUP BY plan_id, goal_id, partner_id
),
emptied AS (
    DELETE FROM cell c
    USING unnest($1::plan[]) p, unnest($2::goal[] || $3::goal[]) g
    WHERE c.plan_id = p.plan_id AND c.goal_id = g.goal_id
        AND NOT EXISTS (
            SELECT FROM figure f WHERE f.plan_id = c.plan_id AND f.goal_id = c.goal_id)
)
MERGE INTO cell AS c
USING (SELECT * FROM figure ORDER BY plan_id, goal_id) AS f
    ON c.plan_id = f.plan_id AND c.goal_id = f.goal_id
WHEN MATCHED AND (c.partner_id, c.q1, c.q2, c.q3, c.q4, c.latest)
    IS DISTINCT FROM (f.partner_id, f.q1, f.q2, f.q3, f.q4, f.latest)
    THEN UPDATE SET partner_id = f.partner_id, q1 = f.q1, q2 = f.q2, q3 = f.q3, q4 = f.q4,
        latest = f.latest
WHEN NOT MATCHED THEN INSERT (partner_id, plan_id, goal_id, q1, q2, q3, q4, latest)
    VALUES (f.partner_id, f.plan_id, f.goal_id, f.q1, f.q2, f.q3, f.q4, f.latest)

-- name: forget_cells
DELETE FROM cell WHERE plan_id = ANY ($1::uuid[])

-- name: find_cells
SELECT plan_id, goal_id, q1, q2, q3, q4, latest FROM cell WHERE plan_id = ANY ($1::uuid[])

-- name: add_up
-- What is in the quarters of plans and goals, up to a day, by what is known at a moment.
SELECT plan_id, goal_id,
    coalesce(sum(amount) FILTER (WHERE quarter = 1), 0) AS q1,
    coalesce(sum(amount) FILTER (WHERE quarter = 2), 0) AS q2,
    coalesce(sum(amount) FILTER (WHERE quarter = 3), 0) AS q3,
    coalesce(sum(amount) FILTER (WHERE quarter = 4), 0) AS q4
FROM contribution($1::plan[], $2::goal[], $3)
WHERE day <= $4
GROUP BY plan_id, goal_id

-- name: list_contributions
SELECT name_of(kind, record_id) AS record, version, day, amount, quarter
FROM contribution($1::plan[], $2::goal[], $3)
WHERE day <= $4
    AND ($5::date IS NULL OR (day, name_of(kind, record_id) COLLATE "C") > ($5, $6::text))
ORDER BY day, name_of(kind, record_id) COLLATE "C"
LIMIT $7

-- name: judge
-- What the goals make of one record.
SELECT goal_id, day, amount, quarter, refusal
FROM appraisal($1::plan[], $2::goal[], $3)
WHERE kind = $4 AND record_id = $5

-- name: find_record
-- A record as known at a moment; of a deleted one the partner that it was last told about.
SELECT r.version, r.deleted, coalesce(r.partner_id, (
    SELECT h.partner_id
    FROM record_history h
    WHERE h.record_id = r.record_id AND h.kind = $1 AND h.known_from <= $3
        AND h.partner_id IS NOT NULL
    ORDER BY h.version DESC, h.body DESC
    LIMIT 1
)) AS partner_id
FROM known_record($1, ARRAY[$2::text], $3) r

-- name: compare
-- Cells of some plans against the ledger, added up anew: the plans with figures that differ.
WITH figure AS (
    SELECT plan_id, goal_id,
        coalesce(sum(amount) FILTER (WHERE quarter = 1), 0) AS q1,
        coalesce(sum(amount) FILTER (WHERE quarter = 2), 0) AS q2,
        coalesce(sum(amount) FILTER (WHERE quarter = 3), 0) AS q3,
        coalesce(sum(amount) FILTER (WHERE quarter = 4), 0) AS q4,
        max(day) AS latest
    FROM contribution($1::plan[], $2::goal[], 'infinity')
    GROUP BY plan_id, goal_id
),
kept AS (
    SELECT plan_id, goal_id, q1, q2, q3, q4, latest FROM cell WHERE plan_id = ANY ($3::uuid[])
)
SELECT plan_id, sum(differences) AS differences
FROM (
    SELECT coalesce(k.plan_id, f.plan_id) AS plan_id,
        (coalesce(k.q1, 0) <> coalesce(f.q1, 0))::integer
        + (coalesce(k.q2, 0) <> coalesce(f.q2, 0))::integer
        + (coalesce(k.q3, 0) <> coalesce(f.q3, 0))::integer
        + (coalesce(k.q4, 0) <> coalesce(f.q4, 0))::integer
        + (k.latest < f.latest IS TRUE)::integer AS differences
    FROM figure f
    FULL JOIN kept k ON k.plan_id = f.plan_id AND k.goal_id = f.goal_id
) d
WHERE differences > 0
GROUP BY plan_id

-- name: list_stale_plans
-- Plans that stand otherwise than their snapshots, strategies and partners say.
SELECT coalesce(w.plan_id, p.plan_id) AS plan_id
FROM (
    SELECT p.record_id::uuid AS plan_id, p.partner_id, p.subject::uuid AS strategy_id,
        s.day AS start_date, s.deleted IS FALSE AND c.deleted IS FALSE AS counts
    FROM record p
    LEFT JOIN record s ON s.record_id = p.subject AND s.kind = 'strategy'
    LEFT JOIN record c ON c.record_id = p.partner_id AND c.kind = 'partner'
    WHERE p.kind = 'plan' AND NOT p.deleted
) w
FULL JOIN plan p ON p.plan_id = w.plan_id
WHERE (w.plan_id, w.partner_id, w.strategy_id, w.start_date, w.counts)
    IS DISTINCT FROM (p.plan_id, p.partner_id, p.strategy_id, p.start_date, p.counts)

-- name: count_misplaced_versions
-- Versions in the history that are not below the one that counts.
SELECT count(*)
FROM record_history h
JOIN record r ON r.record_id = h.record_id AND r.kind = h.kind
WHERE (h.version, h.body) > (r.version, r.body)
