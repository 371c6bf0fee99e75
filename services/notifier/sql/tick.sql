-- name: add_ticks
-- A tick that is known already stays as it is, whatever the repetition says.
INSERT INTO tick (tick_id, stream, plan_id, strategy_id, partner_id, period, due_at, received_at)
SELECT tick_id, $2, plan_id, strategy_id, partner_id, period, due_at, $3
FROM unnest($1::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
    AS t (tick_id, plan_id, strategy_id, partner_id, period, due_at)
ON CONFLICT (tick_id) DO NOTHING
RETURNING tick_id

-- name: claim_ticks
-- Ticks of one due time, the earliest: progress is complete to a time or is not, so that a batch
-- of several times would wait for its latest.
WITH free AS MATERIALIZED (
    SELECT tick_id
    FROM tick
    WHERE state = 'waiting' AND claimed_by IS NULL AND next_try_at <= clock_timestamp()
        AND due_at = (
            SELECT due_at
            FROM tick
            WHERE state = 'waiting' AND claimed_by IS NULL AND next_try_at <= clock_timestamp()
            ORDER BY due_at
            LIMIT 1
        )
    ORDER BY due_at, tick_id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE tick
SET claimed_by = $1, attempts = attempts + 1
WHERE tick_id = ANY (ARRAY(SELECT tick_id FROM free))
    AND EXISTS (SELECT FROM worker WHERE worker_id = $1 AND alive_until > clock_timestamp())
RETURNING tick_id, attempts

-- name: put_ticks_back
UPDATE tick
SET claimed_by = NULL, last_error = $4, next_try_at = clock_timestamp() + pause
FROM unnest($2::text[], $3::interval[]) AS p (tick_id, pause)
WHERE tick.tick_id = p.tick_id AND tick.claimed_by = $1 AND tick.state = 'waiting'

-- name: lock_waiting_ticks
SELECT tick_id, stream FROM tick
WHERE tick_id = ANY ($1::text[]) AND state = 'waiting'
ORDER BY tick_id
FOR UPDATE

-- name: mark_ticks_decided
UPDATE tick
SET state = d.state, reason = d.reason, planned_at = $4, claimed_by = NULL, last_error = NULL
FROM unnest($1::text[], $2::text[], $3::text[]) AS d (tick_id, state, reason)
WHERE tick.tick_id = d.tick_id

-- name: free_ticks_of_the_dead
UPDATE tick
SET claimed_by = NULL
WHERE claimed_by IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM worker WHERE worker_id = claimed_by AND alive_until > clock_timestamp()
    )

-- name: free_own_ticks
UPDATE tick SET claimed_by = NULL WHERE claimed_by = $1

-- name: list_ticks
-- Latest due first.
SELECT shown.*, coalesce(found.states, '{}'::jsonb) AS deliveries
FROM (
    SELECT tick_id, stream, plan_id, strategy_id, partner_id, period, due_at, state, reason,
        attempts, last_error, received_at, planned_at
    FROM tick_standing
    WHERE ($1::text IS NULL OR plan_id = $1)
        AND ($2::text IS NULL OR period = $2)
        AND ($3::text IS NULL OR state = $3)
        AND ($4::timestamptz IS NULL OR (due_at, tick_id) < ($4, $5::text))
    ORDER BY due_at DESC, tick_id DESC
    LIMIT $6
) AS shown
LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(state, number) AS states
    FROM (
        SELECT state, count(*) AS number FROM delivery
        WHERE delivery.tick_id = shown.tick_id GROUP BY state
    ) AS by_state
) AS found ON true
ORDER BY due_at DESC, tick_id DESC

-- name: summarize_ticks
SELECT state, count(*) AS number FROM tick_standing GROUP BY state

-- name: measure_ticks
SELECT count(*) AS waiting, min(due_at) AS oldest_due_at FROM tick WHERE state = 'waiting'
