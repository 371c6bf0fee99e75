-- Due ticks and their statements.

-- name: note_ticks
INSERT INTO tick (tick_id, plan_id, period, due_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
ON CONFLICT DO NOTHING

-- name: find_ticks
SELECT t.tick_id, t.plan_id, t.period, t.due_at, s.body
FROM tick t
LEFT JOIN statement s ON s.tick_id = t.tick_id
WHERE t.tick_id = ANY ($1::uuid[])

-- name: freeze_statements
-- Whoever renders a statement first decides what it says, for ever.
INSERT INTO statement (tick_id, body, went_out)
SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::boolean[])
ON CONFLICT DO NOTHING

-- name: find_sent_before
-- Of each plan the latest statement before a moment that went out.
SELECT sent.body
FROM unnest($1::uuid[]) AS wanted (plan_id)
CROSS JOIN LATERAL (
    SELECT s.body
    FROM tick t
    JOIN statement s ON s.tick_id = t.tick_id AND s.went_out
    WHERE t.plan_id = wanted.plan_id AND t.due_at < $2
    ORDER BY t.due_at DESC
    LIMIT 1
) AS sent

-- name: list_sent
-- A plan's statements that went out, the latest first, from behind one.
SELECT s.body
FROM tick t
JOIN statement s ON s.tick_id = t.tick_id AND s.went_out
WHERE t.plan_id = $1 AND ($2::timestamptz IS NULL OR (t.due_at, t.tick_id) < ($2, $3::uuid))
ORDER BY t.due_at DESC, t.tick_id DESC
LIMIT $4

-- name: add_up_to_days
-- What is in the quarters of plans and goals, each plan up to a day of its own.
SELECT plan_id, goal_id,
    coalesce(sum(amount) FILTER (WHERE quarter = 1), 0) AS q1,
    coalesce(sum(amount) FILTER (WHERE quarter = 2), 0) AS q2,
    coalesce(sum(amount) FILTER (WHERE quarter = 3), 0) AS q3,
    coalesce(sum(amount) FILTER (WHERE quarter = 4), 0) AS q4
FROM contribution($1::plan[], $2::goal[], $3)
JOIN unnest($4::uuid[], $5::date[]) AS asked (plan_id, until) USING (plan_id)
WHERE day <= until
GROUP BY plan_id, goal_id

-- name: explain_corrections
-- Which records make a figure another than it was: $1 plans and $2 goals as known at $3, $4 and $5
-- as known at $6, both up to a day and, where one is named, in one quarter. Of each figure the $11
-- records that moved it most, and how many there are. A record is called what it was called then,
-- or what it is called now where it did not count then: since it may be another partner's today.
WITH asked AS (
    SELECT plan_id, goal_id, until, quarter
    FROM unnest($7::uuid[], $8::uuid[], $9::date[], $10::integer[])
        AS a (plan_id, goal_id, until, quarter)
),
counted_then AS (
    SELECT c.plan_id, c.goal_id, c.kind, c.record_id, c.amount
    FROM contribution($1::plan[], $2::goal[], $3) c
    JOIN asked a ON a.plan_id = c.plan_id AND a.goal_id = c.goal_id
    WHERE c.day <= a.until AND (a.quarter IS NULL OR c.quarter = a.quarter)
),
counts_now AS (
    SELECT c.plan_id, c.goal_id, c.kind, c.record_id, c.amount
    FROM contribution($4::plan[], $5::goal[], $6) c
    JOIN asked a ON a.plan_id = c.plan_id AND a.goal_id = c.goal_id
    WHERE c.day <= a.until AND (a.quarter IS NULL OR c.quarter = a.quarter)
),
moved AS (
    SELECT plan_id, goal_id, kind, record_id, t.amount AS was, n.amount AS is_now,
        row_number() OVER (
            PARTITION BY plan_id, goal_id
            ORDER BY abs(coalesce(n.amount, 0) - coalesce(t.amount, 0)) DESC,
                name_of(kind, record_id) COLLATE "C"
        ) AS place,
        count(*) OVER (PARTITION BY plan_id, goal_id) AS number
    FROM counted_then t
    FULL JOIN counts_now n USING (plan_id, goal_id, kind, record_id)
    WHERE coalesce(t.amount, 0) <> coalesce(n.amount, 0)
)
SELECT plan_id, goal_id, name_of(kind, record_id) AS record, was, is_now, number,
    (
        SELECT k.body::jsonb ->> 'name'
        FROM known_record(kind, ARRAY[record_id], CASE WHEN was IS NULL THEN $6 ELSE $3 END) k
        WHERE kind IN ('account', 'deal')
    ) AS name,
    was IS NULL AND NOT EXISTS (
        SELECT FROM record r
        WHERE r.record_id = moved.record_id AND r.kind = moved.kind AND r.known_from <= $3
    ) AND NOT EXISTS (
        SELECT FROM record_history h
        WHERE h.record_id = moved.record_id AND h.kind = moved.kind AND h.known_from <= $3
    ) AS came_late
FROM moved
WHERE place <= $11
ORDER BY plan_id, goal_id, place
