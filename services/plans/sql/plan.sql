-- name: add_plan
INSERT INTO plan (plan_id, strategy_id, partner_id, revision, created_at)
VALUES ($1, $2, $3, $4, $5)

-- name: delete_plan
DELETE FROM plan WHERE plan_id = $1

-- name: find_plan
SELECT plan.*, partner.name AS partner_name
FROM plan LEFT JOIN partner ON partner.partner_id = plan.partner_id AND NOT partner.deleted
WHERE plan_id = $1

-- name: find_plan_to_change
SELECT * FROM plan WHERE plan_id = $1 FOR UPDATE

-- name: find_strategy_of_plan
SELECT strategy_id FROM plan WHERE plan_id = $1

-- name: find_plan_of_partner
SELECT plan_id FROM plan WHERE strategy_id = $1 AND partner_id = $2

-- name: advance_plan
UPDATE plan SET revision = $2 WHERE plan_id = $1

-- name: open_plan
-- Whoever opens a plan takes its label away.
UPDATE plan SET label = NULL, labelled_at = NULL WHERE plan_id = $1 AND label IS NOT NULL

-- name: find_targets
SELECT plan_id, goal_id, q1, q2, q3, q4 FROM target WHERE plan_id = ANY ($1::uuid[])

-- name: put_target
INSERT INTO target (plan_id, goal_id, annual, q1, q2, q3, q4) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (plan_id, goal_id) DO UPDATE
SET annual = excluded.annual, q1 = excluded.q1, q2 = excluded.q2, q3 = excluded.q3, q4 = excluded.q4

-- name: clear_targets
DELETE FROM target WHERE plan_id = $1 AND goal_id = ANY ($2::uuid[])

-- name: add_target_change
INSERT INTO target_change (plan_id, goal_id, who, changed_at, old, new, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: list_target_changes
SELECT change_id, goal_id, who, changed_at, old, new, reason
FROM target_change
WHERE plan_id = $1 AND ($2::bigint IS NULL OR change_id < $2)
ORDER BY change_id DESC
LIMIT $3

-- name: plan_each_time
-- The filters below are optional: each combination wants a plan of its own.
SET LOCAL plan_cache_mode = force_custom_plan

-- name: list_plans_by_strategy_up
-- $1 day, $2 status, $3 strategy, $4 partner, $5 sort key, $6 $7 $8 the last item's key, strategy
-- and plan, $9 limit. Strategies are few and plans are many: each strategy gives at most a page.
SELECT page.*, sorted.sort_key, partner.name AS partner_name
FROM (
    SELECT * FROM (
        SELECT strategy_id, CASE $5::text WHEN 'strategy_name' THEN name_order
               WHEN 'start_date' THEN start_date::text ELSE end_date::text END AS sort_key
        FROM strategy
        WHERE ($3::uuid IS NULL OR strategy_id = $3)
          AND ($2::text IS NULL
               OR $2 = CASE WHEN start_date > $1::date THEN 'upcoming'
                            WHEN end_date > $1::date THEN 'in_progress' ELSE 'ended' END)
    ) AS keyed
    WHERE $6::text IS NULL OR (sort_key, strategy_id) >= ($6, $7::uuid)
    ORDER BY sort_key, strategy_id
) AS sorted
CROSS JOIN LATERAL (
    SELECT * FROM plan
    WHERE plan.strategy_id = sorted.strategy_id
      AND ($4::text IS NULL OR plan.partner_id = $4)
      AND (sorted.strategy_id IS DISTINCT FROM $7 OR plan.plan_id > $8::uuid)
    ORDER BY plan.plan_id
    LIMIT $9
) AS page
LEFT JOIN partner ON partner.partner_id = page.partner_id AND NOT partner.deleted
ORDER BY sorted.sort_key, sorted.strategy_id, page.plan_id
LIMIT $9

-- name: list_plans_by_strategy_down
SELECT page.*, sorted.sort_key, partner.name AS partner_name
FROM (
    SELECT * FROM (
        SELECT strategy_id, CASE $5::text WHEN 'strategy_name' THEN name_order
               WHEN 'start_date' THEN start_date::text ELSE end_date::text END AS sort_key
        FROM strategy
        WHERE ($3::uuid IS NULL OR strategy_id = $3)
          AND ($2::text IS NULL
               OR $2 = CASE WHEN start_date > $1::date THEN 'upcoming'
                            WHEN end_date > $1::date THEN 'in_progress' ELSE 'ended' END)
    ) AS keyed
    WHERE $6::text IS NULL OR (sort_key, strategy_id) <= ($6, $7::uuid)
    ORDER BY sort_key DESC, strategy_id DESC
) AS sorted
CROSS JOIN LATERAL (
    SELECT * FROM plan
    WHERE plan.strategy_id = sorted.strategy_id
      AND ($4::text IS NULL OR plan.partner_id = $4)
      AND (sorted.strategy_id IS DISTINCT FROM $7 OR plan.plan_id < $8::uuid)
    ORDER BY plan.plan_id DESC
    LIMIT $9
) AS page
LEFT JOIN partner ON partner.partner_id = page.partner_id AND NOT partner.deleted
ORDER BY sorted.sort_key DESC, sorted.strategy_id DESC, page.plan_id DESC
LIMIT $9

-- name: list_plans_by_creation_up
-- $1 day, $2 status, $3 strategy, $4 partner, $5 $6 the last item's creation and id, $7 limit
SELECT plan.*, partner.name AS partner_name
FROM plan
JOIN strategy USING (strategy_id)
LEFT JOIN partner ON partner.partner_id = plan.partner_id AND NOT partner.deleted
WHERE ($3::uuid IS NULL OR plan.strategy_id = $3)
  AND ($4::text IS NULL OR plan.partner_id = $4)
  AND ($2::text IS NULL
       OR $2 = CASE WHEN start_date > $1::date THEN 'upcoming'
                    WHEN end_date > $1::date THEN 'in_progress' ELSE 'ended' END)
  AND ($5::timestamptz IS NULL OR (plan.created_at, plan.plan_id) > ($5, $6::uuid))
ORDER BY plan.created_at, plan.plan_id
LIMIT $7

-- name: list_plans_by_creation_down
SELECT plan.*, partner.name AS partner_name
FROM plan
JOIN strategy USING (strategy_id)
LEFT JOIN partner ON partner.partner_id = plan.partner_id AND NOT partner.deleted
WHERE ($3::uuid IS NULL OR plan.strategy_id = $3)
  AND ($4::text IS NULL OR plan.partner_id = $4)
  AND ($2::text IS NULL
       OR $2 = CASE WHEN start_date > $1::date THEN 'upcoming'
                    WHEN end_date > $1::date THEN 'in_progress' ELSE 'ended' END)
  AND ($5::timestamptz IS NULL OR (plan.created_at, plan.plan_id) < ($5, $6::uuid))
ORDER BY plan.created_at DESC, plan.plan_id DESC
LIMIT $7
