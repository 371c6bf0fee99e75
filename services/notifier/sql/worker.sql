-- name: beat
INSERT INTO worker (worker_id, alive_until) VALUES ($1, clock_timestamp() + $2)
ON CONFLICT (worker_id) DO UPDATE SET alive_until = excluded.alive_until

-- name: forget_dead_workers
DELETE FROM worker WHERE alive_until < clock_timestamp()

-- name: sign_off
DELETE FROM worker WHERE worker_id = $1

-- name: ping
SELECT EXISTS (SELECT FROM tick)
