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
