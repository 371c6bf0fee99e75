-- How far the consumer under test has brought a topic into its database.
-- name: consumed
SELECT partition, next_offset FROM progress.consumed WHERE topic = $1;

-- The ticks of a seller plan that progress has heard of.
-- name: seller_ticks
SELECT t.tick_id, t.due_at, t.period, p.person
FROM progress.seller_tick t
JOIN progress.participant p USING (participant_id)
WHERE t.seller_plan_id = $1
ORDER BY t.tick_id;

-- Let the split of a seller plan be found anew.
-- name: forget_splits
DELETE FROM progress.peer_split WHERE seller_plan_id = $1;

-- name: count_records
SELECT count(*) FROM progress.record;
