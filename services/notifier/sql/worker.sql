-- name: beat
INSERT INTO worker (worker_id, alive_until) VALUES ($1, clock_timestamp() + $2)
ON CONFLICT (worker_id) DO UPDATE SET alive_until = excluded.alive_until

-- name: forget_dead_workers
DELETE FROM worker WHERE alive_until < clock_timestamp()

-- name: sign_off
DELETE FROM worker WHERE worker_id = $1

-- name: tell_time
SELECT clock_timestamp()

-- name: ping
SELECT EXISTS (SELECT FROM tick)

-- name: walk_the_index
-- A claim takes the first few of very many: without statistics, which a table that has just grown
-- has not, the planner would sort all of them each time.
SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_seqscan', 'off', true)
