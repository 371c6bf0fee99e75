-- Webhooks out. `planned_at`, `occurred_at`, `created_at`, `at` are by the stack's clock; pauses and
-- `former_until` by the database's, as those of mails are.
CREATE TABLE webhook (
    webhook_id uuid PRIMARY KEY,
    url text NOT NULL,
    events text[] NOT NULL,
    description text NOT NULL,
    secret bytea NOT NULL,
    former_secret bytea,
    former_until timestamptz,
    failures integer NOT NULL DEFAULT 0,
    quiet_until timestamptz NOT NULL DEFAULT '-infinity',
    created_by text NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON COLUMN webhook.failures IS 'in a row: one that fails is given more and more peace';

-- What happened, as it is told: every try sends these bytes.
CREATE TABLE webhook_event (
    event_id uuid PRIMARY KEY,
    type text NOT NULL,
    body text NOT NULL,
    occurred_at timestamptz NOT NULL
);

-- An event on its way to a webhook.
CREATE TABLE webhook_call (
    webhook_id uuid NOT NULL REFERENCES webhook ON DELETE CASCADE,
    event_id uuid NOT NULL REFERENCES webhook_event,
    state text NOT NULL DEFAULT 'planned'
        CHECK (state IN ('planned', 'claimed', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    claimed_by uuid,
    next_try_at timestamptz NOT NULL DEFAULT '-infinity',
    planned_at timestamptz NOT NULL,
    PRIMARY KEY (webhook_id, event_id)
);
CREATE INDEX webhook_call_planned ON webhook_call (webhook_id, next_try_at, planned_at)
    WHERE state = 'planned';
CREATE INDEX webhook_call_in_hand ON webhook_call (webhook_id, claimed_by) WHERE state = 'claimed';
CREATE INDEX webhook_call_listed ON webhook_call (webhook_id, planned_at DESC, event_id DESC);

-- Every try of a call and what came of it; never what the other side said.
CREATE TABLE webhook_attempt (
    attempt_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id uuid NOT NULL,
    event_id uuid NOT NULL,
    at timestamptz NOT NULL,
    milliseconds integer NOT NULL,
    status integer,
    error text,
    FOREIGN KEY (webhook_id, event_id) REFERENCES webhook_call ON DELETE CASCADE
);
CREATE INDEX webhook_attempt_listed ON webhook_attempt (webhook_id, attempt_id DESC);
CREATE INDEX webhook_attempt_call ON webhook_attempt (webhook_id, event_id);
