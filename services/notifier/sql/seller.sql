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
-- Each with one of the ids it was written to under.
SELECT d.recipient, min(t.partner_id) AS participant_id
FROM delivery d
JOIN tick t USING (tick_id)
WHERE t.stream = $1 AND t.partner_id = ANY ($2::text[])
    AND d.recipient <> 'participant ' || t.partner_id
GROUP BY d.recipient

-- name: note_former_participants
INSERT INTO former_participant (participant_id, left_at)
SELECT participant_id, $2 FROM unnest($1::text[]) AS p (participant_id)
ON CONFLICT (participant_id) DO NOTHING

-- name: find_former_participants
SELECT participant_id FROM former_participant WHERE participant_id = ANY ($1::text[])

-- name: find_former_of_ticks
SELECT DISTINCT f.participant_id
FROM tick t
JOIN former_participant f ON f.participant_id = t.partner_id
WHERE t.stream = $1 AND t.tick_id = ANY ($2::text[])

-- name: hold_back_participants
-- What is in doubt, too: nothing is kept that it could be sent again from.
UPDATE delivery d
SET state = 'suppressed', claimed_by = NULL, unknown_since = NULL, fence = fence + 1,
    last_error = CASE d.state WHEN 'unknown' THEN 'left; it may have arrived' ELSE 'left' END
FROM tick t
WHERE t.tick_id = d.tick_id AND t.stream = $1 AND t.partner_id = ANY ($2::text[])
    AND d.state IN ('planned', 'claimed', 'unknown')
RETURNING d.delivery_id, d.tick_id, d.stream, d.plan_id, d.period, d.state, d.attempts,
    d.message_id, d.last_error

-- name: skip_participants
-- Ticks that still wait for their statements.
UPDATE tick SET state = 'skipped', reason = 'left', planned_at = $3, claimed_by = NULL
WHERE stream = $1 AND partner_id = ANY ($2::text[]) AND state = 'waiting'

-- name: forget_recipients
-- The delivery log keeps that and when a mail went out, not to whom. One that is in DATA is dealt
-- with when its outcome is written down.
UPDATE delivery d
SET recipient = 'participant ' || t.partner_id, recipient_name = '', queue_id = NULL, locale = NULL
FROM tick t
WHERE t.tick_id = d.tick_id AND t.stream = $1 AND t.partner_id = ANY ($2::text[])
    AND d.state NOT IN ('sending')

-- name: forget_links
-- The link in the mails goes on to work, for a random id: a second click is no error. Unless
-- somebody has mails under another id of a plan that goes on.
UPDATE subscription_link l
SET recipient = 'participant ' || a.participant_id, locale = NULL
FROM unnest($2::text[], $3::text[]) AS a (recipient, participant_id)
WHERE l.stream = $1 AND l.recipient = a.recipient
    AND NOT EXISTS (
        SELECT FROM delivery d WHERE d.stream = l.stream AND d.recipient = l.recipient)

-- name: forget_suppressions
DELETE FROM suppression s
WHERE s.stream = $1 AND s.recipient = ANY ($2::text[])
    AND NOT EXISTS (
        SELECT FROM delivery d WHERE d.stream = s.stream AND d.recipient = s.recipient)
