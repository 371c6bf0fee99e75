-- On which side of its target each goal stands, as it was last told. A goal without a row was never
-- reached. `pending_since` is by the database's clock, which does not jump: since when the figures
-- say otherwise.
CREATE TABLE goal_standing (
    plan_id uuid NOT NULL,
    goal_id uuid NOT NULL,
    reached boolean NOT NULL,
    turn integer NOT NULL,
    pending_since timestamptz,
    PRIMARY KEY (plan_id, goal_id)
);

-- Events on their way to Kafka, written in the transaction that causes them.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL,
    headers jsonb NOT NULL
);
