-- Sellers' mails: what is kept of them goes as soon as it is not needed.

-- name: forget_statements
-- Of a private stream nothing is kept once its mails have ended.
DELETE FROM statement s
USING tick t
WHERE s.tick_id = t.tick_id AND t.tick_id = ANY ($1::text[]) AND t.stream = $2
    AND NOT EXISTS (
        SELECT FROM delivery d
        WHERE d.tick_id = t.tick_id AND d.state NOT IN ('accepted', 'failed', 'suppressed'))

-- name: list_unfinished
SELECT t.tick_id
FROM tick t
WHERE t.stream = $1 AND t.finished_at IS NULL AND (
    t.state = 'skipped' OR t.state = 'planned' AND NOT EXISTS (
        SELECT FROM delivery d
        WHERE d.tick_id = t.tick_id AND d.state NOT IN ('accepted', 'failed', 'suppressed')))
ORDER BY t.due_at, t.tick_id
LIMIT $2

-- name: mark_finished
UPDATE tick SET finished_at = $2 WHERE tick_id = ANY ($1::text[])

-- name: find_participants
-- Whose random ids a recipient has had mails under.
SELECT DISTINCT t.partner_id
FROM delivery d
JOIN tick t USING (tick_id)
WHERE d.stream = $1 AND d.recipient = $2

-- name: find_addresses
SELECT DISTINCT d.recipient
FROM delivery d
JOIN tick t USING (tick_id)
WHERE t.stream = $1 AND t.partner_id = ANY ($2::text[])

-- name: hold_back_participants
UPDATE delivery d
SET state = 'suppressed', claimed_by = NULL, fence = fence + 1, last_error = 'left'
FROM tick t
WHERE t.tick_id = d.tick_id AND t.stream = $1 AND t.partner_id = ANY ($2::text[])
    AND d.state IN ('planned', 'claimed')
RETURNING d.delivery_id, d.tick_id, d.stream, d.plan_id, d.period, d.state, d.attempts,
    d.message_id, d.last_error

-- name: skip_participants
-- Ticks that still wait for their statements.
UPDATE tick SET state = 'skipped', reason = 'left', planned_at = $3, claimed_by = NULL
WHERE stream = $1 AND partner_id = ANY ($2::text[]) AND state = 'waiting'

-- name: forget_recipients
-- The delivery log keeps that and when a mail went out, not to whom.
UPDATE delivery d
SET recipient = 'participant ' || t.partner_id, recipient_name = ''
FROM tick t
WHERE t.tick_id = d.tick_id AND t.stream = $1 AND t.partner_id = ANY ($2::text[])
    AND d.state NOT IN ('sending')

-- name: forget_links
-- Unless somebody has mails under another id of a plan that goes on.
DELETE FROM subscription_link l
WHERE l.stream = $1 AND l.recipient = ANY ($2::text[])
    AND NOT EXISTS (
        SELECT FROM delivery d WHERE d.stream = l.stream AND d.recipient = l.recipient)

-- name: forget_suppressions
DELETE FROM suppression s
WHERE s.stream = $1 AND s.recipient = ANY ($2::text[])
    AND NOT EXISTS (
        SELECT FROM delivery d WHERE d.stream = s.stream AND d.recipient = s.recipient)
