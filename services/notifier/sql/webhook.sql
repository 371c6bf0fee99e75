-- name: add_webhook
-- Several at once could be one too many: the lock lets them in one by one.
WITH turn AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(hashtext('milepost.notifier.webhooks'))
)
INSERT INTO webhook (webhook_id, url, events, description, secret, created_by, created_at)
SELECT $1, $2, $3, $4, $5, $6, $7
FROM turn
WHERE (SELECT count(*) FROM webhook) < $8
RETURNING true

-- name: list_webhooks
SELECT webhook_id, url, events, description, failures, created_by, created_at,
    CASE WHEN former_until > clock_timestamp() THEN former_until END AS former_until
FROM webhook
ORDER BY created_at, webhook_id

-- name: find_webhook
SELECT EXISTS (SELECT FROM webhook WHERE webhook_id = $1)

-- name: delete_webhook
DELETE FROM webhook WHERE webhook_id = $1 RETURNING true

-- name: change_secret
UPDATE webhook
SET former_secret = secret, former_until = clock_timestamp() + $3, secret = $2
WHERE webhook_id = $1
RETURNING former_until

-- name: add_webhook_events
-- What nobody wants to hear is not kept; what was told before is not told again. A webhook that is
-- being deleted meanwhile is waited for.
WITH wanted AS (
    SELECT e.event_id, e.type, e.body, w.webhook_id
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS e (event_id, type, body)
    JOIN webhook w ON e.type = ANY (w.events)
    FOR KEY SHARE OF w
),
added AS (
    INSERT INTO webhook_event (event_id, type, body, occurred_at)
    SELECT DISTINCT event_id, type, body, $4::timestamptz FROM wanted
    ON CONFLICT DO NOTHING
    RETURNING event_id
)
INSERT INTO webhook_call (webhook_id, event_id, planned_at)
SELECT webhook_id, event_id, $4 FROM wanted WHERE event_id IN (SELECT event_id FROM added)
ON CONFLICT DO NOTHING

-- name: claim_calls
-- Some of each webhook, $2 less those in hand anywhere, so that a slow one holds up no other one.
WITH due AS MATERIALIZED (
    SELECT c.webhook_id, c.event_id
    FROM webhook w
    CROSS JOIN LATERAL (
        SELECT p.webhook_id, p.event_id, p.next_try_at, p.planned_at
        FROM webhook_call p
        WHERE p.webhook_id = w.webhook_id AND p.state = 'planned'
            AND p.next_try_at <= clock_timestamp()
        ORDER BY p.next_try_at, p.planned_at
        LIMIT greatest($2 - (
            SELECT count(*) FROM webhook_call h
            WHERE h.webhook_id = w.webhook_id AND h.state = 'claimed'), 0)
        FOR UPDATE SKIP LOCKED
    ) c
    WHERE w.quiet_until <= clock_timestamp()
    ORDER BY c.next_try_at, c.planned_at
    LIMIT $3
),
claimed AS (
    UPDATE webhook_call c
    SET state = 'claimed', claimed_by = $1, fence = c.fence + 1, attempts = c.attempts + 1
    FROM due
    WHERE c.webhook_id = due.webhook_id AND c.event_id = due.event_id
        AND EXISTS (SELECT FROM worker WHERE worker_id = $1 AND alive_until > clock_timestamp())
    RETURNING c.webhook_id, c.event_id, c.attempts, c.fence
)
SELECT c.webhook_id, c.event_id, c.attempts, c.fence, e.body, w.url, w.secret,
    CASE WHEN w.former_until > clock_timestamp() THEN w.former_secret END AS former_secret
FROM claimed c
JOIN webhook_event e USING (event_id)
JOIN webhook w USING (webhook_id)

-- name: add_attempt
-- Of a webhook that was deleted meanwhile nothing is kept.
INSERT INTO webhook_attempt (webhook_id, event_id, at, milliseconds, status, error)
SELECT $1, $2, $3, $4, $5, $6
FROM webhook_call
WHERE webhook_id = $1 AND event_id = $2
FOR KEY SHARE

-- name: record_call
-- Only under the fence that made the attempt.
UPDATE webhook_call
SET state = $4, claimed_by = NULL, next_try_at = clock_timestamp() + $5::interval
WHERE webhook_id = $1 AND event_id = $2 AND fence = $3 AND state = 'claimed'

-- name: note_success
UPDATE webhook
SET failures = 0, quiet_until = '-infinity'
WHERE webhook_id = $1 AND failures > 0

-- name: note_failure
-- Peace of two seconds, four, and so on to a minute.
UPDATE webhook
SET failures = failures + 1,
    quiet_until = clock_timestamp() + least(interval '1 minute',
        interval '1 second' * (1 << least(failures + 1, 6)))
WHERE webhook_id = $1

-- name: free_calls_of_the_dead
UPDATE webhook_call
SET state = 'planned', claimed_by = NULL
WHERE state = 'claimed' AND NOT EXISTS (
    SELECT FROM worker WHERE worker_id = claimed_by AND alive_until > clock_timestamp()
)

-- name: free_own_calls
UPDATE webhook_call SET state = 'planned', claimed_by = NULL
WHERE claimed_by = $1 AND state = 'claimed'

-- name: replay_call
UPDATE webhook_call
SET state = 'planned', attempts = 0, next_try_at = '-infinity'
WHERE webhook_id = $1 AND event_id = $2 AND state IN ('delivered', 'failed')
RETURNING true

-- name: find_call
SELECT c.event_id, e.type, c.state, c.attempts, e.occurred_at, c.planned_at
FROM webhook_call c
JOIN webhook_event e USING (event_id)
WHERE c.webhook_id = $1 AND c.event_id = $2

-- name: list_calls
SELECT c.event_id, e.type, c.state, c.attempts, e.occurred_at, c.planned_at
FROM webhook_call c
JOIN webhook_event e USING (event_id)
WHERE c.webhook_id = $1 AND ($2::text IS NULL OR c.state = $2)
    AND ($3::timestamptz IS NULL OR (c.planned_at, c.event_id) < ($3, $4::uuid))
ORDER BY c.planned_at DESC, c.event_id DESC
LIMIT $5

-- name: list_attempts
SELECT a.attempt_id, a.event_id, e.type, a.at, a.milliseconds, a.status, a.error
FROM webhook_attempt a
JOIN webhook_event e USING (event_id)
WHERE a.webhook_id = $1 AND ($2::bigint IS NULL OR a.attempt_id < $2)
ORDER BY a.attempt_id DESC
LIMIT $3
