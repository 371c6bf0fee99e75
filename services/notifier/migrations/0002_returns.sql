-- Bounces and complaints that came back, by the digest of the mail: each counts once. Neither the
-- mail nor an address is kept; a bounce names its delivery.
CREATE TABLE returned (
    digest bytea PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('bounced', 'delayed', 'complained')),
    status text NOT NULL,
    said text NOT NULL,
    delivery_id uuid,
    received_at timestamptz NOT NULL
);
CREATE INDEX returned_delivery ON returned (delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX suppression_listed ON suppression (since DESC, stream, recipient);
