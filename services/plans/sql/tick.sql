-- name: add_dues
INSERT INTO due (strategy_id, period, due_at)
SELECT $1, period, due_at FROM unnest($2::text[], $3::timestamptz[]) AS given (period, due_at)
ON CONFLICT (strategy_id, due_at) DO NOTHING

-- name: forget_open_dues
-- Of a strategy whose start moves: those to come follow the new start.
DELETE FROM due WHERE strategy_id = $1 AND issued_at IS NULL

-- name: is_anything_due
SELECT EXISTS (SELECT FROM due WHERE issued_at IS NULL AND due_at < $1)

-- name: take_the_schedule
-- One replica issues ticks at a time.
SELECT pg_try_advisory_xact_lock($1)

-- name: next_due
SELECT strategy_id, period, due_at, reached
FROM due WHERE issued_at IS NULL AND due_at < $1
ORDER BY due_at, strategy_id
LIMIT 1
FOR UPDATE

-- name: dues_of_strategy
SELECT strategy_id, period, due_at, reached
FROM due WHERE strategy_id = $1 AND issued_at IS NULL AND due_at < $2
ORDER BY due_at
FOR UPDATE

-- name: plans_due
-- $1 strategy, $2 the last plan that has its tick, $3 the due time, $4 limit. A plan made after
-- the due time is not made up for.
SELECT plan_id, partner_id
FROM plan
WHERE strategy_id = $1 AND ($2::uuid IS NULL OR plan_id > $2) AND created_at <= $3
ORDER BY plan_id
LIMIT $4

-- name: add_ticks
INSERT INTO tick (plan_id, period, tick_id, due_at, issued_at)
SELECT plan_id, $2, tick_id, $4, $5
FROM unnest($1::uuid[], $3::uuid[]) AS given (plan_id, tick_id)
ON CONFLICT (plan_id, period) DO NOTHING
RETURNING plan_id

-- name: note_reached
UPDATE due SET reached = $3, issued_at = $4 WHERE strategy_id = $1 AND due_at = $2

-- name: starts_with_open_dues
-- For a mail hour or time zone that was changed in the settings.
SELECT strategy_id, start_date, array_agg(due_at ORDER BY due_at) AS dues
FROM due JOIN strategy USING (strategy_id)
WHERE issued_at IS NULL AND due_at > $1
GROUP BY strategy_id, start_date

-- name: forget_dues_ahead
DELETE FROM due WHERE strategy_id = $1 AND issued_at IS NULL AND due_at > $2
