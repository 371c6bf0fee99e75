-- name: take_write_lock
-- Before a change reads the clock, so that whoever holds the lock alone has seen every stamp
-- that lies before its own look at the clock.
SELECT pg_advisory_xact_lock_shared($1)

-- name: wait_briefly
-- A long change must not make the others queue behind whoever waits to be alone.
SET LOCAL lock_timeout = '100ms'

-- name: take_write_lock_alone
SELECT pg_advisory_xact_lock($1)

-- name: add_strategy
INSERT INTO strategy (strategy_id, revision, name, name_key, name_order, description, start_date,
                      end_date, partner_groups, goal_groups, created_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- name: replace_strategy
UPDATE strategy
SET revision = $2, name = $3, name_key = $4, name_order = $5, description = $6, start_date = $7,
    end_date = $8, partner_groups = $9, goal_groups = $10, created_at = $11, changed_at = $12
WHERE strategy_id = $1

-- name: delete_strategy
DELETE FROM strategy WHERE strategy_id = $1

-- name: find_strategy
SELECT * FROM strategy WHERE strategy_id = $1

-- name: find_strategy_to_change
SELECT * FROM strategy WHERE strategy_id = $1 FOR UPDATE

-- name: find_strategy_to_rely_on
-- Its plans change while it stays as it is.
SELECT * FROM strategy WHERE strategy_id = $1 FOR SHARE

-- name: find_strategies
SELECT * FROM strategy WHERE strategy_id = ANY ($1::uuid[])

-- name: list_strategies_up
-- $1 day, $2 status, $3 sort key, $4 and $5 the last item's key and id, $6 limit
SELECT * FROM (
    SELECT *, CASE $3::text WHEN 'name' THEN name_order WHEN 'start_date' THEN start_date::text
              ELSE end_date::text END AS sort_key
    FROM strategy
    WHERE $2::text IS NULL
       OR $2 = CASE WHEN start_date > $1::date THEN 'upcoming'
                    WHEN end_date > $1::date THEN 'in_progress' ELSE 'ended' END
) AS sorted
WHERE $4::text IS NULL OR (sort_key, strategy_id) > ($4, $5::uuid)
ORDER BY sort_key, strategy_id
LIMIT $6

-- name: list_strategies_down
SELECT * FROM (
    SELECT *, CASE $3::text WHEN 'name' THEN name_order WHEN 'start_date' THEN start_date::text
              ELSE end_date::text END AS sort_key
    FROM strategy
    WHERE $2::text IS NULL
       OR $2 = CASE WHEN start_date > $1::date THEN 'upcoming'
                    WHEN end_date > $1::date THEN 'in_progress' ELSE 'ended' END
) AS sorted
WHERE $4::text IS NULL OR (sort_key, strategy_id) < ($4, $5::uuid)
ORDER BY sort_key DESC, strategy_id DESC
LIMIT $6

-- name: drop_targets_of_goals
-- Targets go with their goals; the history keeps what they were.
WITH dropped AS (
    DELETE FROM target USING plan
    WHERE plan.strategy_id = $1 AND target.plan_id = plan.plan_id AND goal_id = ANY ($2::uuid[])
    RETURNING target.*
)
INSERT INTO target_change (plan_id, goal_id, who, changed_at, old)
SELECT plan_id, goal_id, $3, $4,
       jsonb_build_object('annual', annual::text, 'q1', q1::text, 'q2', q2::text,
                          'q3', q3::text, 'q4', q4::text)
FROM dropped
ORDER BY plan_id, goal_id
