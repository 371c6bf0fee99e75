-- name: add_statements
INSERT INTO statement (tick_id, content)
SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (tick_id) DO NOTHING

-- name: add_links
INSERT INTO subscription_link (stream, recipient)
SELECT DISTINCT $1::text, recipient FROM unnest($2::text[]) AS r (recipient)
ON CONFLICT (stream, recipient) DO NOTHING

-- name: add_deliveries
-- What is due to a recipient is due once: a second tick of the same period adds nothing.
INSERT INTO delivery (
    delivery_id, tick_id, stream, plan_id, period, recipient, recipient_name, message_id, template,
    due_at, state, last_error, planned_at, locale
)
SELECT d.delivery_id, d.tick_id, $1, d.plan_id, d.period, d.recipient, d.recipient_name,
    d.message_id, $2, d.due_at,
    CASE WHEN s.recipient IS NULL THEN d.state ELSE 'suppressed' END,
    coalesce(s.reason, d.error), $3, d.locale
FROM unnest(
    $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::timestamptz[], $12::text[], $13::text[], $14::text[]
) AS d (
    delivery_id, tick_id, plan_id, period, recipient, recipient_name, message_id, due_at, state,
    error, locale
)
LEFT JOIN suppression AS s ON s.stream = $1 AND s.recipient = d.recipient
ORDER BY d.delivery_id
ON CONFLICT (stream, plan_id, period, recipient) DO NOTHING
RETURNING delivery_id, tick_id, stream, plan_id, period, state, attempts, message_id, last_error

-- name: claim_deliveries
-- Arrays and subqueries instead of joins: the tables are large, what is claimed is not, and no
-- statistics may have been gathered since they grew.
WITH due AS MATERIALIZED (
    SELECT delivery_id
    FROM delivery
    WHERE state = 'planned' AND next_try_at <= clock_timestamp()
        AND NOT EXISTS (
            SELECT FROM suppression AS s
            WHERE s.stream = delivery.stream AND s.recipient = delivery.recipient
        )
    ORDER BY due_at, delivery_id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE delivery
    SET state = 'claimed', claimed_by = $1, fence = fence + 1
    WHERE delivery_id = ANY (ARRAY(SELECT delivery_id FROM due))
        AND EXISTS (SELECT FROM worker WHERE worker_id = $1 AND alive_until > clock_timestamp())
    RETURNING delivery.*
)
SELECT delivery_id, tick_id, stream, plan_id, period, recipient, recipient_name, message_id,
    attempts, fence, due_at, claimed.locale,
    (SELECT content FROM statement AS s WHERE s.tick_id = claimed.tick_id) AS content,
    link.token, link.locale AS chosen
FROM claimed
LEFT JOIN LATERAL (
    SELECT token, locale FROM subscription_link AS l
    WHERE l.stream = claimed.stream AND l.recipient = claimed.recipient
) AS link ON true
ORDER BY due_at, delivery_id

-- name: mark_sending
-- Committed before DATA. Asking again after a commit whose answer was lost changes nothing.
UPDATE delivery
SET state = 'sending', dated_at = b.dated_at, began_at = clock_timestamp(),
    attempts = attempts + (state = 'claimed')::integer
FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[]) AS b (delivery_id, fence, dated_at)
WHERE delivery.delivery_id = b.delivery_id AND delivery.fence = b.fence
    AND delivery.claimed_by = $1 AND delivery.state IN ('claimed', 'sending')
RETURNING delivery.delivery_id

-- name: record_outcomes
-- Only for the fence that made the attempt: one who was thought dead may still say what it knows
-- of a delivery in doubt, but not overrule one that has been taken up again.
UPDATE delivery
SET state = o.state, queue_id = o.queue_id, last_error = o.error, claimed_by = NULL,
    next_try_at = clock_timestamp() + o.pause,
    accepted_at = CASE WHEN o.state = 'accepted' THEN $1::timestamptz END,
    unknown_since = CASE WHEN o.state = 'unknown' THEN clock_timestamp() END
FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::interval[])
    AS o (delivery_id, fence, state, queue_id, error, pause)
WHERE delivery.delivery_id = o.delivery_id AND delivery.fence = o.fence
    AND delivery.state IN ('claimed', 'sending', 'unknown')
RETURNING delivery.delivery_id, tick_id, stream, plan_id, period, delivery.state, attempts,
    message_id, last_error

-- name: put_deliveries_back
UPDATE delivery
SET state = 'planned', claimed_by = NULL
FROM unnest($2::uuid[], $3::bigint[]) AS b (delivery_id, fence)
WHERE delivery.delivery_id = b.delivery_id AND delivery.fence = b.fence
    AND delivery.claimed_by = $1 AND delivery.state = 'claimed'

-- name: free_own_deliveries
UPDATE delivery SET state = 'planned', claimed_by = NULL WHERE claimed_by = $1 AND state = 'claimed'

-- name: take_from_the_dead
-- Claimed ones were not begun; of those in DATA nobody here knows whether they arrived.
UPDATE delivery
SET state = CASE state WHEN 'sending' THEN 'unknown' ELSE 'planned' END,
    unknown_since = CASE state WHEN 'sending' THEN clock_timestamp() END,
    last_error = CASE state
        WHEN 'sending' THEN 'the process ended while the mail was being handed over'
        ELSE last_error
    END,
    claimed_by = NULL
WHERE state IN ('claimed', 'sending')
    AND NOT EXISTS (
        SELECT FROM worker WHERE worker_id = claimed_by AND alive_until > clock_timestamp()
    )
RETURNING delivery_id, tick_id, stream, plan_id, period, state, attempts, message_id, last_error

-- name: deliveries_in_doubt
SELECT delivery_id, message_id, fence, began_at, clock_timestamp() - unknown_since AS age
FROM delivery
WHERE state = 'unknown'
ORDER BY unknown_since
LIMIT $1

-- name: settle_doubt
UPDATE delivery
SET state = r.state, unknown_since = NULL, next_try_at = '-infinity',
    accepted_at = CASE WHEN r.state = 'accepted' THEN $1::timestamptz END,
    last_error = r.note
FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[]) AS r (delivery_id, fence, state, note)
WHERE delivery.delivery_id = r.delivery_id AND delivery.fence = r.fence
    AND delivery.state = 'unknown'
RETURNING delivery.delivery_id, tick_id, stream, plan_id, period, delivery.state, attempts,
    message_id, last_error

-- name: send_again
-- Where what it says is still kept: of a private stream that is over with the first ending.
UPDATE delivery
SET state = 'planned', next_try_at = '-infinity', unknown_since = NULL, last_error = $2
WHERE delivery_id = $1 AND state IN ('failed', 'unknown')
    AND EXISTS (SELECT FROM statement s WHERE s.tick_id = delivery.tick_id)
RETURNING delivery_id

-- name: confirm_arrival
UPDATE delivery
SET state = 'accepted', accepted_at = $2, unknown_since = NULL, last_error = $3
WHERE delivery_id = $1 AND state = 'unknown'
RETURNING delivery_id, tick_id, stream, plan_id, period, state, attempts, message_id, last_error

-- name: find_delivery
SELECT delivery_id, tick_id, stream, plan_id, period, recipient, state, attempts, due_at,
    planned_at, accepted_at, message_id, queue_id, last_error
FROM delivery WHERE delivery_id = $1

-- name: list_deliveries
SELECT delivery_id, tick_id, stream, plan_id, period, recipient, state, attempts, due_at,
    planned_at, accepted_at, message_id, queue_id, last_error
FROM delivery
WHERE ($1::text IS NULL OR plan_id = $1)
    AND ($2::text IS NULL OR period = $2)
    AND ($3::text IS NULL OR state = $3)
    AND ($4::timestamptz IS NULL OR (planned_at, delivery_id) < ($4, $5::uuid))
ORDER BY planned_at DESC, delivery_id DESC
LIMIT $6

-- name: list_deliveries_to
SELECT stream, plan_id, period, state, attempts, due_at, accepted_at
FROM delivery
WHERE recipient = $1
ORDER BY planned_at DESC, delivery_id DESC

-- name: summarize_deliveries
SELECT state, count(*) AS number FROM delivery GROUP BY state

-- name: measure_deliveries
SELECT state, count(*) AS number FROM delivery
WHERE state IN ('planned', 'claimed', 'sending', 'unknown')
GROUP BY state
