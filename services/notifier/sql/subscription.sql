-- name: find_link
SELECT l.stream, l.recipient, s.since, l.locale
FROM subscription_link AS l
LEFT JOIN suppression AS s USING (stream, recipient)
WHERE l.token = $1

-- name: add_suppression
INSERT INTO suppression (stream, recipient, reason, since)
VALUES ($1, $2, $3, $4)
ON CONFLICT (stream, recipient) DO NOTHING

-- name: hold_back_mails
-- Those planned while the suppression was being written are found too: the claim skips them.
UPDATE delivery
SET state = 'suppressed', claimed_by = NULL, fence = fence + 1, last_error = s.reason
FROM suppression AS s
WHERE s.stream = delivery.stream AND s.recipient = delivery.recipient
    AND delivery.state IN ('planned', 'claimed')
RETURNING delivery_id, tick_id, delivery.stream, plan_id, period, state, attempts, message_id,
    last_error

-- name: list_streams
SELECT l.stream, s.since, l.locale
FROM subscription_link AS l
LEFT JOIN suppression AS s USING (stream, recipient)
WHERE l.recipient = $1
ORDER BY l.stream

-- name: begin_again
DELETE FROM suppression WHERE stream = $1 AND recipient = $2

-- name: choose_language
UPDATE subscription_link SET locale = $2 WHERE recipient = $1
