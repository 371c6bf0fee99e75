-- Plans and goals as they stand now, and the kept sums of what counts for them. All of it follows
-- from the ledger and could be dropped and made again without changing a figure.

CREATE TABLE plan (
    plan_id uuid PRIMARY KEY,
    partner_id text NOT NULL,
    strategy_id uuid NOT NULL,
    start_date date,
    q2 date,
    q3 date,
    q4 date,
    end_date date,
    counts boolean NOT NULL
);
COMMENT ON COLUMN plan.counts IS 'strategy and partner are known and not deleted';
CREATE INDEX plan_partner ON plan (partner_id);
CREATE INDEX plan_strategy ON plan (strategy_id);

CREATE TABLE goal (
    strategy_id uuid NOT NULL,
    goal_id uuid NOT NULL,
    type text NOT NULL,
    kind text NOT NULL,
    deal_types text[],
    labels text[],
    activity_types text[],
    currency text,
    subject text,
    count_earlier boolean NOT NULL,
    PRIMARY KEY (strategy_id, goal_id)
);
COMMENT ON COLUMN goal.kind IS 'of the records that it counts';
COMMENT ON COLUMN goal.labels IS 'products of a deal, tags of a campaign; null asks for none';
COMMENT ON COLUMN goal.subject IS 'the certification or the field';

-- One row a plan and goal, a cell a quarter. Cells hold everything inside the plan's year, also
-- what is dated in the future; `latest` says up to which day they reach at most.
CREATE TABLE cell (
    partner_id text NOT NULL,
    plan_id uuid NOT NULL,
    goal_id uuid NOT NULL,
    q1 numeric NOT NULL,
    q2 numeric NOT NULL,
    q3 numeric NOT NULL,
    q4 numeric NOT NULL,
    latest date NOT NULL,
    PRIMARY KEY (plan_id, goal_id)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

-- Due ticks that were heard, and the statements given for them: frozen when first rendered.
CREATE TABLE tick (
    tick_id uuid PRIMARY KEY,
    plan_id uuid NOT NULL,
    period text NOT NULL,
    due_at timestamptz NOT NULL
);

CREATE TABLE statement (
    tick_id uuid PRIMARY KEY REFERENCES tick,
    body bytea NOT NULL
);
