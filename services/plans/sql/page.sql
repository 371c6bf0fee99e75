-- What only the pages ask for.

-- name: search_plans
-- $1 day, $2 status, $3 strategy, $4 part of a partner's or strategy's name in order form,
-- $5 sort key, $6 and $7 the last item's key and id, $8 whether down, $9 limit
-- Names are looked through once; the plans are held against what was found.
WITH called AS MATERIALIZED (
    SELECT partner_id FROM partner WHERE NOT deleted AND strpos(name_order, $4) > 0
),
found AS (
    SELECT * FROM (
        SELECT plan.plan_id, plan.strategy_id, plan.partner_id, plan.created_at, plan.label,
            plan.labelled_at,
            CASE $5::text WHEN 'strategy_name' THEN strategy.name_order
                WHEN 'start_date' THEN strategy.start_date::text
                WHEN 'end_date' THEN strategy.end_date::text
                ELSE (plan.created_at AT TIME ZONE 'UTC')::text
            END AS sort_key
        FROM plan
        JOIN strategy USING (strategy_id)
        WHERE ($3::uuid IS NULL OR plan.strategy_id = $3)
            AND ($2::text IS NULL
                OR $2 = CASE WHEN start_date > $1::date THEN 'upcoming'
                             WHEN end_date > $1::date THEN 'in_progress' ELSE 'ended' END)
            AND (plan.partner_id IN (SELECT partner_id FROM called)
                OR strpos(strategy.name_order, $4) > 0 OR lower(plan.partner_id) = $4)
    ) AS plan
    WHERE $6::text IS NULL
        OR CASE WHEN $8::boolean THEN (sort_key, plan_id) < ($6, $7::uuid)
                ELSE (sort_key, plan_id) > ($6, $7::uuid) END
    ORDER BY CASE WHEN $8 THEN sort_key END DESC, CASE WHEN $8 THEN plan_id END DESC,
        CASE WHEN NOT $8 THEN sort_key END, CASE WHEN NOT $8 THEN plan_id END
    LIMIT $9
)
SELECT found.*, partner.name AS partner_name
FROM found
LEFT JOIN partner ON partner.partner_id = found.partner_id AND NOT partner.deleted
ORDER BY CASE WHEN $8 THEN sort_key END DESC, CASE WHEN $8 THEN plan_id END DESC,
    CASE WHEN NOT $8 THEN sort_key END, CASE WHEN NOT $8 THEN plan_id END

-- name: search_eligible_partners
-- $1 strategy, $2 its groups, $3 part of a name in order form, $4 limit: those without a plan
SELECT partner_id, name FROM partner
WHERE NOT deleted AND active AND ($2::text[] = '{}' OR groups && $2)
    AND ($3 = '' OR strpos(name_order, $3) > 0 OR lower(partner_id) = $3)
    AND NOT EXISTS (
        SELECT FROM plan WHERE plan.partner_id = partner.partner_id AND plan.strategy_id = $1)
ORDER BY name_order, partner_id
LIMIT $4

-- name: list_partner_groups
SELECT DISTINCT one FROM partner, unnest(groups) AS one WHERE NOT deleted ORDER BY one LIMIT $1

-- name: count_plans_of_strategy
SELECT count(*) FROM plan WHERE strategy_id = $1

-- name: count_targets_of_goals
SELECT count(*) FROM target JOIN plan USING (plan_id)
WHERE strategy_id = $1 AND goal_id = ANY ($2::uuid[])
