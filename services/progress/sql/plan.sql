-- Plans, goals and their snapshots: as they stand now, and as they were known.

-- name: find_snapshots
-- The records of a kind as known at a moment, deleted ones left out.
SELECT record_id, version, partner_id, body
FROM known_record($1, $2::text[], $3)
WHERE NOT deleted

-- name: settle_plans
-- $1: plans whose own snapshot, strategy or partner changed. Gives those that changed by it.
WITH wanted AS (
    SELECT p.record_id::uuid AS plan_id, p.partner_id, p.subject::uuid AS strategy_id,
        s.day AS start_date, (s.day + interval '3 months')::date AS q2,
        (s.day + interval '6 months')::date AS q3, (s.day + interval '9 months')::date AS q4,
        (s.day + interval '12 months')::date AS end_date,
        s.deleted IS FALSE AND c.deleted IS FALSE AS counts
    FROM record p
    LEFT JOIN record s ON s.record_id = p.subject AND s.kind = 'strategy'
    LEFT JOIN record c ON c.record_id = p.partner_id AND c.kind = 'partner'
    WHERE p.record_id = ANY ($1::text[]) AND p.kind = 'plan' AND NOT p.deleted
),
gone AS (
    DELETE FROM plan p
    WHERE p.plan_id = ANY ($1::text[]::uuid[])
        AND NOT EXISTS (SELECT FROM wanted w WHERE w.plan_id = p.plan_id)
    RETURNING p.plan_id
),
settled AS (
    MERGE INTO plan AS p
    USING wanted AS w ON p.plan_id = w.plan_id
    WHEN MATCHED AND p IS DISTINCT FROM w THEN UPDATE SET partner_id = w.partner_id,
        strategy_id = w.strategy_id, start_date = w.start_date, q2 = w.q2, q3 = w.q3, q4 = w.q4,
        end_date = w.end_date, counts = w.counts
    WHEN NOT MATCHED THEN INSERT VALUES (w.plan_id, w.partner_id, w.strategy_id, w.start_date,
        w.q2, w.q3, w.q4, w.end_date, w.counts)
    RETURNING p.plan_id
)
SELECT plan_id FROM settled UNION ALL SELECT plan_id FROM gone

-- name: settle_goals
-- $1: strategies, $2: the goals that they have now. Gives those that are new or have new rules.
WITH gone AS (
    DELETE FROM goal g
    WHERE g.strategy_id = ANY ($1::uuid[]) AND NOT EXISTS (
        SELECT FROM unnest($2::goal[]) w
        WHERE w.strategy_id = g.strategy_id AND w.goal_id = g.goal_id)
    RETURNING g.strategy_id, g.goal_id
),
emptied AS (
    DELETE FROM cell c
    USING gone g, plan p
    WHERE p.strategy_id = g.strategy_id AND c.plan_id = p.plan_id AND c.goal_id = g.goal_id
)
MERGE INTO goal AS g
USING unnest($2::goal[]) AS w ON g.strategy_id = w.strategy_id AND g.goal_id = w.goal_id
WHEN MATCHED AND g IS DISTINCT FROM w THEN UPDATE SET type = w.type, kind = w.kind,
    deal_types = w.deal_types, labels = w.labels, activity_types = w.activity_types,
    currency = w.currency, subject = w.subject, count_earlier = w.count_earlier
WHEN NOT MATCHED THEN INSERT VALUES (w.strategy_id, w.goal_id, w.type, w.kind, w.deal_types,
    w.labels, w.activity_types, w.currency, w.subject, w.count_earlier)
RETURNING g.strategy_id, g.goal_id

-- name: find_plans
SELECT plan_id, partner_id, strategy_id, start_date, q2, q3, q4, end_date, counts
FROM plan
WHERE plan_id = ANY ($1::uuid[])
ORDER BY plan_id

-- name: find_plans_of_strategies
SELECT plan_id FROM plan WHERE strategy_id = ANY ($1::uuid[])

-- name: find_plans_of_partners
SELECT plan_id FROM plan WHERE partner_id = ANY ($1::text[])

-- name: find_plans_of_campaigns
-- Plans of partners that ever had a lead of one of the campaigns, and a goal that counts some.
SELECT DISTINCT p.plan_id
FROM record l
JOIN plan p ON p.partner_id = l.partner_id
WHERE l.campaign_id = ANY ($1::text[])
    AND EXISTS (
        SELECT FROM goal g WHERE g.strategy_id = p.strategy_id AND g.type = 'campaign_leads')

-- name: find_goals
SELECT strategy_id, goal_id, type, kind, deal_types, labels, activity_types, currency, subject,
    count_earlier
FROM goal
WHERE strategy_id = ANY ($1::uuid[])
ORDER BY goal_id

-- name: list_plans_of_partner
SELECT plan_id
FROM plan
WHERE partner_id = $1 AND start_date IS NOT NULL
ORDER BY start_date DESC, plan_id

-- name: is_partner_heard_of
SELECT EXISTS (SELECT FROM record WHERE record_id = $1 AND kind = 'partner' AND NOT deleted)
    OR EXISTS (SELECT FROM plan WHERE partner_id = $1)

-- name: list_plans
SELECT plan_id FROM plan WHERE plan_id > $1 AND start_date IS NOT NULL ORDER BY plan_id LIMIT $2
