-- name: add_dead_letter
INSERT INTO dead_letter (id, event_id, type, topic, partition, "offset", key, value, headers, errors, failed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (topic, partition, "offset") DO NOTHING

-- name: list_dead_letters
SELECT id, event_id, type, topic, partition, "offset", errors, failed_at, replayed_at
FROM dead_letter
WHERE ($1::boolean OR replayed_at IS NULL) AND ($2::timestamptz IS NULL OR (failed_at, id) > ($2, $3))
ORDER BY failed_at, id
LIMIT $4

-- name: find_dead_letter
SELECT id, event_id, type, topic, key, value, headers, errors, failed_at, replayed_at FROM dead_letter WHERE id = $1

-- name: mark_replayed
UPDATE dead_letter SET replayed_at = $2 WHERE id = $1
