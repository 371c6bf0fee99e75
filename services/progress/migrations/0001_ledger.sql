-- The ledger: every version of every record, for ever. Activity records and the snapshots of
-- partners, campaigns, strategies and plans alike, so that each figure can be told as it was known.

-- The newest version of each record, of equal numbers the one with the greater body.
CREATE TABLE record (
    known_from timestamptz NOT NULL,
    version bigint NOT NULL,
    day date,
    won_day date,
    deleted boolean NOT NULL,
    record_id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    partner_id text,
    amount numeric,
    currency text,
    deal_type text,
    labels text[],
    campaign_id text,
    activity_type text,
    user_id text,
    subject text,
    body text COLLATE "C" NOT NULL,
    PRIMARY KEY (record_id, kind)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON COLUMN record.known_from IS 'when it was accepted';
COMMENT ON COLUMN record.day IS 'approved, captured, completed or effective on; a strategy''s start';
COMMENT ON COLUMN record.won_day IS 'the day a deal was closed won';
COMMENT ON COLUMN record.labels IS 'a deal''s products, a campaign''s tags';
COMMENT ON COLUMN record.subject IS 'a certification, a field, a plan''s strategy';
COMMENT ON COLUMN record.body IS 'canonical JSON, as it arrived';

CREATE INDEX record_partner ON record (partner_id, kind);
CREATE INDEX record_campaign ON record (record_id) WHERE kind = 'campaign';
CREATE INDEX record_lead_campaign ON record (campaign_id) WHERE campaign_id IS NOT NULL;

-- All other versions, also those that came late and were never the newest.
CREATE TABLE record_history (
    LIKE record,
    digest bytea NOT NULL,
    PRIMARY KEY (record_id, kind, version, digest)
);
COMMENT ON COLUMN record_history.digest IS 'of the body: two bodies of one version are both kept';

-- Which partners a record was told about before: the way to what was theirs at a past moment.
CREATE TABLE former_partner (
    partner_id text NOT NULL,
    record_id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    PRIMARY KEY (partner_id, record_id, kind)
);

-- Versions of which there are two bodies; the greater counts, both are kept.
CREATE TABLE conflict (
    record_id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (record_id, kind, version)
);

-- How far each topic's partitions have been dealt with, written with the effects.
CREATE TABLE consumed (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- Messages that could not be dealt with: looked at, mended and replayed by an operator.
CREATE TABLE dead_letter (
    id uuid PRIMARY KEY,
    event_id text,
    type text,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    key bytea,
    value bytea,
    headers jsonb NOT NULL,
    errors jsonb NOT NULL,
    failed_at timestamptz NOT NULL,
    replayed_at timestamptz,
    UNIQUE (topic, partition, "offset")
);
CREATE INDEX dead_letter_open ON dead_letter (failed_at, id) WHERE replayed_at IS NULL;
