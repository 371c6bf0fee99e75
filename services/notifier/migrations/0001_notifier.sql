-- The notifier's tables: ticks, statements, deliveries, who wants no mail, and who is at work.
--
-- Two times: `received_at`, `planned_at`, `dated_at`, `accepted_at`, `since` are by the stack's
-- clock (what people see); `next_try_at`, `began_at`, `unknown_since`, `alive_until` are by the
-- database's (leases and pauses must not jump when the local stack's clock does, and are the same
-- for all replicas).

-- What became of each due tick. `done` is not stored: a planned tick is done when none of its
-- deliveries is open.
CREATE TABLE tick (
    tick_id text PRIMARY KEY,
    stream text NOT NULL,
    plan_id text NOT NULL,
    strategy_id text NOT NULL,
    partner_id text NOT NULL,
    period text NOT NULL,
    due_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'planned', 'skipped')),
    reason text,
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    claimed_by uuid,
    next_try_at timestamptz NOT NULL DEFAULT '-infinity',
    received_at timestamptz NOT NULL,
    planned_at timestamptz
);
CREATE INDEX tick_waiting ON tick (due_at, tick_id) WHERE state = 'waiting';
CREATE INDEX tick_claimed ON tick (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX tick_plan ON tick (plan_id, period);
CREATE INDEX tick_listed ON tick (due_at DESC, tick_id DESC);

-- What was sent, as progress gave it; a private stream keeps none.
CREATE TABLE statement (
    tick_id text PRIMARY KEY REFERENCES tick,
    content text NOT NULL
);

CREATE TABLE delivery (
    delivery_id uuid PRIMARY KEY,
    tick_id text NOT NULL REFERENCES tick,
    stream text NOT NULL,
    plan_id text NOT NULL,
    period text NOT NULL,
    recipient text NOT NULL,
    recipient_name text NOT NULL,
    message_id text NOT NULL UNIQUE,
    template text NOT NULL,
    due_at timestamptz NOT NULL,
    state text NOT NULL CHECK (
        state IN ('planned', 'claimed', 'sending', 'accepted', 'failed', 'unknown', 'suppressed')
    ),
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    queue_id text,
    fence bigint NOT NULL DEFAULT 0,
    claimed_by uuid,
    next_try_at timestamptz NOT NULL DEFAULT '-infinity',
    began_at timestamptz,
    unknown_since timestamptz,
    planned_at timestamptz NOT NULL,
    dated_at timestamptz,
    accepted_at timestamptz,
    UNIQUE (stream, plan_id, period, recipient)
);
CREATE INDEX delivery_planned ON delivery (due_at, delivery_id) WHERE state = 'planned';
CREATE INDEX delivery_in_hand ON delivery (claimed_by) WHERE state IN ('claimed', 'sending');
CREATE INDEX delivery_unknown ON delivery (unknown_since) WHERE state = 'unknown';
CREATE INDEX delivery_tick ON delivery (tick_id);
CREATE INDEX delivery_plan ON delivery (plan_id, period);
CREATE INDEX delivery_recipient ON delivery (recipient, stream);
CREATE INDEX delivery_listed ON delivery (planned_at DESC, delivery_id DESC);

-- The opaque token in a recipient's unsubscribe links, the same in every mail of a stream.
CREATE TABLE subscription_link (
    token uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    stream text NOT NULL,
    recipient text NOT NULL,
    UNIQUE (stream, recipient)
);

-- Who gets no more mails of a stream, since when and why.
CREATE TABLE suppression (
    stream text NOT NULL,
    recipient text NOT NULL,
    reason text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (stream, recipient)
);

-- The processes at work; what a process holds is free again once it has not been heard of.
CREATE TABLE worker (
    worker_id uuid PRIMARY KEY,
    alive_until timestamptz NOT NULL
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
