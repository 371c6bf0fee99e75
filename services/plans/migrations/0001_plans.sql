-- Strategies. One is read and written whole, so its goal groups lie in one document:
-- [{"group_id", "name", "goals": [{"goal_id", "type", "name", "options"}]}].
CREATE TABLE strategy (
    strategy_id uuid PRIMARY KEY,
    revision bigint NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL UNIQUE, -- trimmed, case aside: what makes two names the same
    name_order text NOT NULL, -- what names are sorted by
    description text,
    start_date date NOT NULL,
    end_date date NOT NULL CHECK (end_date > start_date),
    partner_groups text[] NOT NULL,
    goal_groups jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE TABLE plan (
    plan_id uuid PRIMARY KEY,
    strategy_id uuid NOT NULL REFERENCES strategy ON DELETE CASCADE,
    partner_id text NOT NULL,
    revision bigint NOT NULL,
    created_at timestamptz NOT NULL,
    label text CHECK (label IN ('new', 'updated')), -- set by an import, until the plan is opened
    labelled_at timestamptz,
    UNIQUE (strategy_id, partner_id)
);
CREATE INDEX plan_of_strategy ON plan (strategy_id, plan_id);
CREATE INDEX plan_of_strategy_by_creation ON plan (strategy_id, created_at, plan_id);
CREATE INDEX plan_of_partner ON plan (partner_id);
CREATE INDEX plan_by_creation ON plan (created_at, plan_id);

-- Figures keep their scale: counts have none, money and numbers two decimals.
CREATE TABLE target (
    plan_id uuid NOT NULL REFERENCES plan ON DELETE CASCADE,
    goal_id uuid NOT NULL,
    annual numeric NOT NULL,
    q1 numeric NOT NULL CHECK (q1 >= 0),
    q2 numeric NOT NULL CHECK (q2 >= 0),
    q3 numeric NOT NULL CHECK (q3 >= 0),
    q4 numeric NOT NULL CHECK (q4 >= 0),
    PRIMARY KEY (plan_id, goal_id),
    CONSTRAINT target_adds_up CHECK (annual = q1 + q2 + q3 + q4)
);

-- The history of targets; old and new are {"annual", "q1", …} as text, NULL = no target.
CREATE TABLE target_change (
    change_id bigint GENERATED ALWAYS AS IDENTITY,
    plan_id uuid NOT NULL REFERENCES plan ON DELETE CASCADE,
    goal_id uuid NOT NULL,
    who text NOT NULL,
    changed_at timestamptz NOT NULL,
    old jsonb,
    new jsonb,
    reason text,
    PRIMARY KEY (plan_id, change_id)
);

-- The dues of a strategy, shared by its plans. `reached` is the last plan that has its tick.
CREATE TABLE due (
    strategy_id uuid NOT NULL REFERENCES strategy ON DELETE CASCADE,
    period text NOT NULL,
    due_at timestamptz NOT NULL,
    reached uuid,
    issued_at timestamptz,
    PRIMARY KEY (strategy_id, due_at)
);
CREATE INDEX due_open ON due (due_at, strategy_id) WHERE issued_at IS NULL;

-- The tick log: one per plan and period, ever. It outlives the plan.
CREATE TABLE tick (
    plan_id uuid NOT NULL,
    period text NOT NULL,
    tick_id uuid NOT NULL UNIQUE,
    due_at timestamptz NOT NULL,
    issued_at timestamptz NOT NULL,
    PRIMARY KEY (plan_id, period)
);

-- An uploaded file of plans and what each of its rows would do.
CREATE TABLE import_file (
    import_id uuid PRIMARY KEY,
    strategy_id uuid, -- NULL: no row names a strategy that is known
    strategy_revision bigint,
    header text[] NOT NULL,
    uploaded_at timestamptz NOT NULL,
    uploaded_by text NOT NULL,
    new integer NOT NULL DEFAULT 0,
    updates integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    errors integer NOT NULL DEFAULT 0,
    committed_at timestamptz
);
CREATE INDEX import_file_by_upload ON import_file (uploaded_at);

CREATE TABLE import_row (
    import_id uuid NOT NULL REFERENCES import_file ON DELETE CASCADE,
    row integer NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('new', 'updates', 'unchanged', 'errors')),
    cells text[] NOT NULL,
    error text,
    partner_id text,
    plan_id uuid, -- the plan it would make or change
    plan_revision bigint, -- of the plan it would change
    changes jsonb, -- [{"goal_id", "old", "new"}]
    PRIMARY KEY (import_id, row)
);

-- The directory: the newest version of each partner and campaign that was heard of.
CREATE TABLE partner (
    partner_id text PRIMARY KEY,
    version bigint NOT NULL,
    body text COLLATE "C" NOT NULL, -- canonical; of one version the greater body counts
    deleted boolean NOT NULL,
    name text NOT NULL,
    name_order text NOT NULL,
    groups text[] NOT NULL,
    active boolean NOT NULL
);
CREATE INDEX partner_by_name ON partner (name_order, partner_id) WHERE NOT deleted;

CREATE TABLE campaign (
    campaign_id text PRIMARY KEY,
    version bigint NOT NULL,
    body text COLLATE "C" NOT NULL,
    deleted boolean NOT NULL,
    tags text[] NOT NULL
);

-- How far the directory has followed its topics.
CREATE TABLE consumed (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- Events on their way to Kafka, written in the transaction that causes them.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL,
    headers jsonb NOT NULL
);

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
