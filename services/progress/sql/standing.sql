-- Goals that come to stand on the other side of their target.

-- name: take_crossings
-- One replica looks at a time; the others need not wait for it.
SELECT pg_try_advisory_xact_lock(hashtext('milepost.progress.crossings'))

-- name: list_plans_beyond
-- Plans with cells that reach beyond a day: their figures of that day are in the ledger.
SELECT DISTINCT plan_id FROM cell WHERE plan_id = ANY ($1::uuid[]) AND latest > $2

-- name: find_crossings
-- $1: plans; $2: those of them whose figures stand in $3, $4, $5 and not in the cells. Gives the
-- goals that stand otherwise than was told, and those that did and do no more (`pending` is null).
WITH figure AS (
    SELECT plan_id, goal_id, q1 + q2 + q3 + q4 AS value
    FROM cell
    WHERE plan_id = ANY ($1::uuid[]) AND NOT plan_id = ANY ($2::uuid[])
    UNION ALL
    SELECT * FROM unnest($3::uuid[], $4::uuid[], $5::numeric[])
),
target AS (
    SELECT p.record_id::uuid AS plan_id, t.key::uuid AS goal_id,
        (t.value ->> 'annual')::numeric AS target
    FROM record p
    CROSS JOIN LATERAL jsonb_each(p.body::jsonb -> 'targets') t
    WHERE p.record_id = ANY ($1::uuid[]::text[]) AND p.kind = 'plan' AND NOT p.deleted
),
standing AS (
    SELECT p.plan_id, g.goal_id, coalesce(f.value, 0) AS value, t.target,
        coalesce(s.reached, false) AS told, coalesce(s.turn, 0) AS turn, s.pending_since,
        coalesce(t.target > 0 AND f.value >= t.target, false) AS reached
    FROM plan p
    JOIN goal g ON g.strategy_id = p.strategy_id
    LEFT JOIN figure f ON f.plan_id = p.plan_id AND f.goal_id = g.goal_id
    LEFT JOIN target t ON t.plan_id = p.plan_id AND t.goal_id = g.goal_id
    LEFT JOIN goal_standing s ON s.plan_id = p.plan_id AND s.goal_id = g.goal_id
    WHERE p.plan_id = ANY ($1::uuid[])
)
SELECT plan_id, goal_id, reached, told, turn, value, target,
    clock_timestamp() - pending_since AS pending
FROM standing
WHERE reached <> told OR pending_since IS NOT NULL
ORDER BY plan_id, goal_id

-- name: set_pending
-- Goals seen on the other side: since now, unless since before.
INSERT INTO goal_standing (plan_id, goal_id, reached, turn, pending_since)
SELECT plan_id, goal_id, false, 0, clock_timestamp()
FROM unnest($1::uuid[], $2::uuid[]) AS s (plan_id, goal_id)
ON CONFLICT (plan_id, goal_id) DO UPDATE
SET pending_since = coalesce(goal_standing.pending_since, excluded.pending_since)

-- name: clear_pending
UPDATE goal_standing s
SET pending_since = NULL
FROM unnest($1::uuid[], $2::uuid[]) AS c (plan_id, goal_id)
WHERE s.plan_id = c.plan_id AND s.goal_id = c.goal_id

-- name: cross_over
UPDATE goal_standing s
SET reached = NOT s.reached, turn = s.turn + 1, pending_since = NULL
FROM unnest($1::uuid[], $2::uuid[]) AS c (plan_id, goal_id)
WHERE s.plan_id = c.plan_id AND s.goal_id = c.goal_id

-- name: forget_standings
-- Of plans and goals that are gone.
DELETE FROM goal_standing s
WHERE NOT EXISTS (
    SELECT FROM plan p
    JOIN goal g ON g.strategy_id = p.strategy_id
    WHERE p.plan_id = s.plan_id AND g.goal_id = s.goal_id
)
