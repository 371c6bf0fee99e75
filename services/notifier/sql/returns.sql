-- name: add_returned
INSERT INTO returned (digest, kind, status, delivery_id, received_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
RETURNING true

-- name: find_bounced
-- The recipient of a delivery, in every stream that writes to it: the address is what is wrong.
SELECT DISTINCT l.stream, l.recipient
FROM delivery AS d
JOIN subscription_link AS l USING (recipient)
WHERE d.delivery_id = $1

-- name: list_suppressions
SELECT stream, recipient, reason, since FROM suppression
WHERE $1::timestamptz IS NULL OR (since, stream, recipient) < ($1, $2, $3)
ORDER BY since DESC, stream DESC, recipient DESC
LIMIT $4

-- name: find_suppression
SELECT reason FROM suppression WHERE stream = $1 AND recipient = $2

-- name: lift_suppression
DELETE FROM suppression
WHERE stream = $1 AND recipient = $2 AND starts_with(reason, 'bounced')
RETURNING true
