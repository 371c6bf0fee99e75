-- name: note_partners
-- The newest version counts, whatever the order; of one version the greater body.
INSERT INTO partner (partner_id, version, body, deleted, name, name_order, groups, active)
SELECT DISTINCT ON (heard.partner_id)
       heard.partner_id, heard.version, heard.body, heard.deleted, heard.name, heard.name_order,
       heard.groups, heard.active
FROM jsonb_to_recordset($1) AS heard (partner_id text, version bigint, body text, deleted boolean,
                                      name text, name_order text, groups text[], active boolean)
ORDER BY heard.partner_id, heard.version DESC, heard.body COLLATE "C" DESC
ON CONFLICT (partner_id) DO UPDATE
SET version = excluded.version, body = excluded.body, deleted = excluded.deleted,
    name = excluded.name, name_order = excluded.name_order, groups = excluded.groups,
    active = excluded.active
WHERE (partner.version, partner.body) < (excluded.version, excluded.body COLLATE "C")

-- name: note_campaigns
INSERT INTO campaign (campaign_id, version, body, deleted, tags)
SELECT DISTINCT ON (heard.campaign_id)
       heard.campaign_id, heard.version, heard.body, heard.deleted, heard.tags
FROM jsonb_to_recordset($1) AS heard (campaign_id text, version bigint, body text, deleted boolean,
                                      tags text[])
ORDER BY heard.campaign_id, heard.version DESC, heard.body COLLATE "C" DESC
ON CONFLICT (campaign_id) DO UPDATE
SET version = excluded.version, body = excluded.body, deleted = excluded.deleted,
    tags = excluded.tags
WHERE (campaign.version, campaign.body) < (excluded.version, excluded.body COLLATE "C")

-- name: note_positions
INSERT INTO consumed (topic, partition, next_offset)
SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[])
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset
WHERE consumed.next_offset < excluded.next_offset

-- name: find_positions
SELECT topic, partition, next_offset FROM consumed

-- name: find_partner
SELECT partner_id, name, groups, active FROM partner WHERE partner_id = $1 AND NOT deleted

-- name: list_eligible_partners
-- $1 strategy, $2 its groups, $3 $4 the last item's name order and id, $5 limit
SELECT partner.partner_id, name, name_order, plan_id IS NOT NULL AS has_plan
FROM partner LEFT JOIN plan ON plan.partner_id = partner.partner_id AND plan.strategy_id = $1
WHERE NOT deleted AND active AND ($2::text[] = '{}' OR groups && $2)
  AND ($3::text IS NULL OR (name_order, partner.partner_id) > ($3, $4))
ORDER BY name_order, partner.partner_id
LIMIT $5

-- name: list_campaign_tags
SELECT DISTINCT tag FROM campaign, unnest(tags) AS tag
WHERE NOT deleted AND ($1::text IS NULL OR tag > $1)
ORDER BY tag
LIMIT $2
