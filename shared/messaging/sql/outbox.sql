-- name: add_message
INSERT INTO outbox (topic, key, value, headers) VALUES ($1, $2, $3, $4)

-- name: take_leadership
SELECT pg_try_advisory_lock($1)

-- name: give_up_leadership
SELECT pg_advisory_unlock($1)

-- name: next_messages
SELECT id, topic, key, value, headers FROM outbox ORDER BY id LIMIT $1

-- name: forget_messages
DELETE FROM outbox WHERE id = ANY ($1::bigint[])

-- name: is_empty
SELECT NOT EXISTS (SELECT FROM outbox)

-- name: age_of_outbox
SELECT count(*) FROM (SELECT FROM outbox LIMIT 100000) AS waiting
