-- name: add_seller_dues
INSERT INTO seller_due (seller_plan_id, period, due_at)
SELECT $1, period, due_at FROM unnest($2::text[], $3::timestamptz[]) AS given (period, due_at)
ON CONFLICT (seller_plan_id, due_at) DO NOTHING

-- name: forget_open_seller_dues
DELETE FROM seller_due WHERE seller_plan_id = $1 AND issued_at IS NULL

-- name: forget_seller_dues_ahead
DELETE FROM seller_due WHERE seller_plan_id = $1 AND issued_at IS NULL AND due_at > $2

-- name: is_any_seller_due
SELECT EXISTS (SELECT FROM seller_due WHERE issued_at IS NULL AND due_at < $1)

-- name: next_seller_due
SELECT seller_plan_id, period, due_at, reached
FROM seller_due WHERE issued_at IS NULL AND due_at < $1
ORDER BY due_at, seller_plan_id
LIMIT 1
FOR UPDATE

-- name: seller_dues_of_plan
SELECT seller_plan_id, period, due_at, reached
FROM seller_due WHERE seller_plan_id = $1 AND issued_at IS NULL AND due_at < $2
ORDER BY due_at
FOR UPDATE

-- name: participants_due
-- $1 plan, $2 the last participant that has been looked at, $3 the due time, $4 limit, $5 today.
-- Who joined later is not made up for; who is licensed and has not opted out holds as of today.
SELECT participant_id,
       coalesce(known.licensed AND NOT known.opted_out, false)
       AND NOT EXISTS (SELECT FROM opt_out
                       WHERE hash = hash_of(taker.person) AND opt_out.opted_out) AS entitled
FROM (
    SELECT participant_id, person FROM participant
    WHERE seller_plan_id = $1 AND person IS NOT NULL AND joined_at <= $3
      AND ($2::uuid IS NULL OR participant_id > $2)
    ORDER BY participant_id
    LIMIT $4
) AS taker
LEFT JOIN LATERAL person_on(taker.person, $5::date) AS known ON true
ORDER BY participant_id

-- name: add_seller_ticks
INSERT INTO seller_tick (participant_id, period, tick_id, due_at, issued_at)
SELECT participant_id, $2, tick_id, $4, $5
FROM unnest($1::uuid[], $3::uuid[]) AS given (participant_id, tick_id)
ON CONFLICT (participant_id, period) DO NOTHING
RETURNING participant_id

-- name: note_seller_reached
UPDATE seller_due SET reached = $3, issued_at = $4 WHERE seller_plan_id = $1 AND due_at = $2

-- name: list_plans_with_seller_dues
-- For a mail hour or time zone that was changed in the settings.
SELECT seller_plan_id, array_agg(due_at ORDER BY due_at) AS dues
FROM seller_due
WHERE issued_at IS NULL AND due_at > $1
GROUP BY seller_plan_id
