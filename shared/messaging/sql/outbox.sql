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

-- name: measure_outbox
SELECT (SELECT count(*) FROM outbox) AS waiting,
    (SELECT headers ->> 'ce_acceptedat' FROM outbox ORDER BY id LIMIT 1) AS oldest,
    (SELECT min(id) FROM outbox) AS first
