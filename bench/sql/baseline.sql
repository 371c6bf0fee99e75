-- The baseline: what a consumer with one transaction per event does in it. Newest version wins,
-- superseded versions are kept, five goals have their cells moved.

-- name: make_tables
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
CREATE TABLE bench.deal (
    deal_id text PRIMARY KEY,
    version bigint NOT NULL,
    partner_id text NOT NULL,
    body jsonb NOT NULL
);
CREATE TABLE bench.superseded (
    deal_id text NOT NULL,
    version bigint NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (deal_id, version)
);
CREATE TABLE bench.cell (
    partner_id text NOT NULL,
    goal integer NOT NULL,
    quarter integer NOT NULL,
    value numeric NOT NULL,
    PRIMARY KEY (partner_id, goal, quarter)
);
CREATE TABLE bench.consumed (
    partition integer PRIMARY KEY,
    next_offset bigint NOT NULL
);

-- name: drop_tables
DROP SCHEMA IF EXISTS bench CASCADE;

-- name: find_deal
SELECT version, body FROM bench.deal WHERE deal_id = $1 FOR UPDATE;

-- name: keep_superseded
INSERT INTO bench.superseded (deal_id, version, body) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING;

-- name: put_deal
INSERT INTO bench.deal (deal_id, version, partner_id, body) VALUES ($1, $2, $3, $4)
ON CONFLICT (deal_id) DO UPDATE
    SET version = excluded.version, partner_id = excluded.partner_id, body = excluded.body;

-- name: move_cells
INSERT INTO bench.cell (partner_id, goal, quarter, value)
SELECT $1, moved.goal, moved.quarter, moved.amount
FROM unnest($2::integer[], $3::integer[], $4::numeric[]) AS moved (goal, quarter, amount)
ORDER BY moved.goal, moved.quarter
ON CONFLICT (partner_id, goal, quarter) DO UPDATE SET value = cell.value + excluded.value;

-- name: move_position
INSERT INTO bench.consumed (partition, next_offset) VALUES ($1, $2)
ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset;
