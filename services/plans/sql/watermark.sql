-- name: last_message
SELECT coalesce(max(id), 0) FROM outbox

-- name: is_relayed
SELECT NOT EXISTS (SELECT FROM outbox WHERE id <= $1)
