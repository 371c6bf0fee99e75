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
INSERT INTO statement (tick_id, body)
SELECT * FROM unnest($1::uuid[], $2::bytea[])
ON CONFLICT DO NOTHING
