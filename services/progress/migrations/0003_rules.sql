-- The seven goal types as rules: which record counts, on which day, for how much, and why not.
-- Everything that moves, recomputes or explains a figure asks these functions and nothing else.
-- They are plain expressions, so that PostgreSQL writes them into the statements that use them.

-- What a rule looks at in a record. `tags` are those of the lead's campaign, null if not known.
CREATE TYPE fact AS (
    day date,
    won_day date,
    amount numeric,
    currency text,
    deal_type text,
    labels text[],
    campaign_id text,
    activity_type text,
    subject text,
    tags text[]
);

CREATE FUNCTION counting_day(g goal, f fact) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE g.type WHEN 'closed_won_total_deals_amount' THEN f.won_day ELSE f.day END;

-- A field's amount is its value: how it differs from the one before is for the contributions.
CREATE FUNCTION counting_amount(g goal, f fact) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE g.kind
    WHEN 'partner_field' THEN f.amount
    WHEN 'deal' THEN CASE g.type WHEN 'closed_won_total_deals_amount' THEN f.amount ELSE 1 END
    ELSE 1
END;

-- Why a record of the goal's kind does not count, whatever the day; null when nothing is wrong.
CREATE FUNCTION refusal(g goal, f fact) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN g.type = 'approved_registered_deals' AND f.day IS NULL THEN 'The deal is not approved.'
    WHEN g.type = 'closed_won_total_deals_amount' AND f.won_day IS NULL
        THEN 'The deal is not closed won.'
    WHEN g.type = 'closed_won_total_deals_amount' AND f.amount IS NULL
        THEN 'The deal has no amount.'
    WHEN g.type = 'closed_won_total_deals_amount' AND (f.currency = g.currency) IS NOT TRUE
        THEN 'The deal is in another currency than the goal.'
    WHEN g.kind = 'deal' AND g.deal_types IS NOT NULL
        AND (f.deal_type = ANY (g.deal_types)) IS NOT TRUE
        THEN 'The deal is of a type that the goal does not count.'
    WHEN g.kind = 'deal' AND g.labels IS NOT NULL AND (f.labels && g.labels) IS NOT TRUE
        THEN 'The deal names none of the goal''s products.'
    WHEN g.type = 'approved_accounts' AND f.day IS NULL THEN 'The account is not approved.'
    WHEN g.type = 'campaign_leads' AND f.campaign_id IS NULL THEN 'The lead has no campaign.'
    WHEN g.type = 'campaign_leads' AND f.tags IS NULL THEN 'The lead''s campaign is not known.'
    WHEN g.type = 'campaign_leads' AND g.labels IS NOT NULL AND NOT f.tags && g.labels
        THEN 'The lead''s campaign carries none of the goal''s tags.'
    WHEN g.type = 'campaign_leads' AND g.activity_types IS NOT NULL
        AND (f.activity_type = ANY (g.activity_types)) IS NOT TRUE
        THEN 'The lead comes from an activity that the goal does not count.'
    WHEN g.type = 'registered_leads' AND f.campaign_id IS NOT NULL
        THEN 'The lead belongs to a campaign.'
    WHEN g.kind = 'certification' AND f.subject <> g.subject
        THEN 'The goal counts another certification.'
    WHEN g.kind = 'partner_field' AND f.subject <> g.subject THEN 'The goal counts another field.'
END;

-- Whether completions before the plan, and values carried into it, count on its first day.
CREATE FUNCTION counts_earlier(g goal) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN g.kind = 'partner_field' OR (g.kind = 'certification' AND g.count_earlier);

CREATE FUNCTION refusal_of_day(g goal, p plan, day date) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN NOT p.counts THEN 'The partner is not known.'
    WHEN day < p.start_date AND NOT counts_earlier(g)
        THEN 'It is dated ' || day || ', before the plan begins.'
    WHEN day >= p.end_date THEN 'It is dated ' || day || ', after the plan has ended.'
END;

CREATE FUNCTION quarter_of(day date, p plan) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN day < p.q2 THEN 1 WHEN day < p.q3 THEN 2 WHEN day < p.q4 THEN 3 ELSE 4 END;

-- How explanations name a record. The parts of a field's id are kept apart by a character that
-- no id holds, so that a slash in one of them makes no two records the same.
CREATE FUNCTION name_of(kind text, record_id text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN kind || '/' || replace(record_id, E'\x1f', '/');

-- Records of a kind as known at a moment: the newest of the versions accepted until then.
CREATE FUNCTION known_record(of_kind text, ids text[], known_at timestamptz)
RETURNS TABLE (
    record_id text, version bigint, deleted boolean, partner_id text, subject text, body text
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT r.record_id, r.version, r.deleted, r.partner_id, r.subject, r.body
    FROM record r
    WHERE r.record_id = ANY (ids) AND r.kind = of_kind AND r.known_from <= known_at
    UNION ALL
    (
        SELECT DISTINCT ON (h.record_id)
            h.record_id, h.version, h.deleted, h.partner_id, h.subject, h.body
        FROM record r
        JOIN record_history h ON h.record_id = r.record_id AND h.kind = r.kind
        WHERE known_at < 'infinity' AND r.record_id = ANY (ids) AND r.kind = of_kind
            AND r.known_from > known_at AND h.known_from <= known_at
        ORDER BY h.record_id, h.version DESC, h.body DESC
    );
END;

-- The tags of a campaign known at a moment and not deleted.
CREATE FUNCTION known_tags(of_campaign text, known_at timestamptz) RETURNS TABLE (tags text[])
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(r.labels, '{}')
    FROM record r
    WHERE r.record_id = of_campaign AND r.kind = 'campaign' AND r.known_from <= known_at
        AND NOT r.deleted
    UNION ALL
    SELECT coalesce(h.labels, '{}')
    FROM record r
    JOIN record_history h ON h.record_id = r.record_id AND h.kind = r.kind
    WHERE known_at < 'infinity' AND r.record_id = of_campaign AND r.kind = 'campaign'
        AND r.known_from > known_at AND h.known_from <= known_at AND NOT h.deleted
        AND NOT EXISTS (
            SELECT FROM record_history n
            WHERE n.record_id = h.record_id AND n.kind = h.kind AND n.known_from <= known_at
                AND (n.version, n.body) > (h.version, h.body)
        );
END;

-- A partner's records of a kind as known at a moment, deleted ones left out.
-- What is newest now and was known then was newest then, too; only of what came later the
-- history has to be asked, and of records that were another partner's.
CREATE FUNCTION known_activity(of_partner text, of_kind text, known_at timestamptz)
RETURNS TABLE (
    record_id text, version bigint, user_id text, day date, won_day date, amount numeric,
    currency text, deal_type text, labels text[], campaign_id text, activity_type text,
    subject text
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT r.record_id, r.version, r.user_id, r.day, r.won_day, r.amount, r.currency,
        r.deal_type, r.labels, r.campaign_id, r.activity_type, r.subject
    FROM record r
    WHERE r.partner_id = of_partner AND r.kind = of_kind AND r.known_from <= known_at
        AND NOT r.deleted
    UNION ALL
    SELECT h.record_id, h.version, h.user_id, h.day, h.won_day, h.amount, h.currency,
        h.deal_type, h.labels, h.campaign_id, h.activity_type, h.subject
    FROM (
        SELECT r.record_id, r.kind
        FROM record r
        WHERE known_at < 'infinity' AND r.partner_id = of_partner AND r.kind = of_kind
            AND r.known_from > known_at
        UNION
        SELECT f.record_id, f.kind
        FROM former_partner f
        JOIN record r ON r.record_id = f.record_id AND r.kind = f.kind
        WHERE known_at < 'infinity' AND f.partner_id = of_partner AND f.kind = of_kind
            AND r.known_from > known_at
    ) k
    JOIN record_history h ON h.record_id = k.record_id AND h.kind = k.kind
    WHERE known_at < 'infinity' AND h.known_from <= known_at AND NOT h.deleted
        AND h.partner_id = of_partner
        AND NOT EXISTS (
            SELECT FROM record_history n
            WHERE n.record_id = h.record_id AND n.kind = h.kind AND n.known_from <= known_at
                AND (n.version, n.body) > (h.version, h.body)
        );
END;

-- Every record of the plans' partners held against every goal of its kind: on which day, for how
-- much, or why not. Takes plans and goals as they are to be looked at: as they stand now or as
-- they were known at a past moment.
CREATE FUNCTION appraisal(plans plan[], goals goal[], known_at timestamptz)
RETURNS TABLE (
    partner_id text, plan_id uuid, goal_id uuid, record_id text, kind text, version bigint,
    day date, amount numeric, quarter integer, refusal text
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    -- Each record counts by itself.
    SELECT p.partner_id, p.plan_id, g.goal_id, a.record_id, g.kind, a.version,
        counting_day(g, a.f), counting_amount(g, a.f), quarter_of(counting_day(g, a.f), p),
        coalesce(refusal(g, a.f), refusal_of_day(g, p, counting_day(g, a.f)))
    FROM unnest(plans) p
    JOIN (SELECT DISTINCT g.strategy_id, g.kind FROM unnest(goals) g) k
        ON k.strategy_id = p.strategy_id AND k.kind IN ('account', 'deal', 'lead')
    CROSS JOIN LATERAL (
        SELECT a.record_id, a.version, ROW(
            a.day, a.won_day, a.amount, a.currency, a.deal_type, a.labels, a.campaign_id,
            a.activity_type, a.subject, t.tags)::fact AS f
        FROM known_activity(p.partner_id, k.kind, known_at) a
        LEFT JOIN LATERAL known_tags(a.campaign_id, known_at) t ON true
    ) a
    JOIN unnest(goals) g ON g.strategy_id = p.strategy_id AND g.kind = k.kind
    UNION ALL
    -- A user's completions: the first one inside the plan counts.
    SELECT c.partner_id, c.plan_id, c.goal_id, c.record_id, c.kind, c.version, c.day, c.amount,
        quarter_of(c.day, c.p), coalesce(c.refusal, CASE WHEN c.place > 1
            THEN 'The user''s completion ' || name_of(c.kind, c.first) || ' counts already.' END)
    FROM (
        SELECT c.*, row_number() OVER completions AS place,
            first_value(c.record_id) OVER completions AS first
        FROM (
            SELECT p.partner_id, p.plan_id, p, g.goal_id, a.record_id, g.kind, a.version,
                greatest(a.day, p.start_date) AS day, 1::numeric AS amount, a.user_id,
                a.day AS completed_on,
                coalesce(refusal(g, a.f), refusal_of_day(g, p, a.day)) AS refusal
            FROM unnest(plans) p
            JOIN unnest(goals) g ON g.strategy_id = p.strategy_id AND g.kind = 'certification'
            CROSS JOIN LATERAL (
                SELECT a.record_id, a.version, a.user_id, a.day, ROW(
                    a.day, NULL, NULL, NULL, NULL, NULL, NULL, NULL, a.subject, NULL)::fact AS f
                FROM known_activity(p.partner_id, 'certification', known_at) a
            ) a
        ) c
        WINDOW completions AS (
            PARTITION BY c.plan_id, c.goal_id, c.user_id, c.refusal IS NULL
            ORDER BY c.completed_on, c.record_id
        )
    ) c
    UNION ALL
    -- A field's values: the one carried into the plan, then each by what it differs from the last.
    SELECT c.partner_id, c.plan_id, c.goal_id, c.record_id, c.kind, c.version, c.day,
        c.amount - CASE WHEN c.is_carried THEN 0 ELSE coalesce(c.amount_before, 0) END,
        quarter_of(c.day, c.p), coalesce(c.refusal, CASE WHEN c.is_carried AND c.is_replaced
            THEN 'A later value was in force when the plan began.' END)
    FROM (
        SELECT c.*, c.effective_on <= c.start_date AS is_carried,
            lead(c.effective_on) OVER changes <= c.start_date AS is_replaced,
            lag(c.amount) OVER changes AS amount_before
        FROM (
            SELECT p.partner_id, p.plan_id, p, p.start_date, g.goal_id, a.record_id, g.kind,
                a.version, greatest(a.day, p.start_date) AS day, a.amount,
                a.day AS effective_on,
                coalesce(refusal(g, a.f), refusal_of_day(g, p, a.day)) AS refusal
            FROM unnest(plans) p
            JOIN unnest(goals) g ON g.strategy_id = p.strategy_id AND g.kind = 'partner_field'
            CROSS JOIN LATERAL (
                SELECT a.record_id, a.version, a.day, a.amount, ROW(
                    a.day, NULL, a.amount, NULL, NULL, NULL, NULL, NULL, a.subject, NULL)::fact AS f
                FROM known_activity(p.partner_id, 'partner_field', known_at) a
            ) a
        ) c
        WINDOW changes AS (
            PARTITION BY c.plan_id, c.goal_id, c.refusal IS NULL ORDER BY c.effective_on
        )
    ) c;
END;

-- What counts for the goals of plans; a goal's value is the sum.
CREATE FUNCTION contribution(plans plan[], goals goal[], known_at timestamptz)
RETURNS TABLE (
    partner_id text, plan_id uuid, goal_id uuid, record_id text, kind text, version bigint,
    day date, amount numeric, quarter integer
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT a.partner_id, a.plan_id, a.goal_id, a.record_id, a.kind, a.version, a.day, a.amount,
        a.quarter
    FROM appraisal(plans, goals, known_at) a
    WHERE a.refusal IS NULL;
END;
