-- What mails look like. Every change is a version of its own and nothing is ever changed: the newest
-- counts, and all of them together say who changed what, and when.
CREATE TABLE logo (
    digest bytea PRIMARY KEY,
    media_type text NOT NULL CHECK (media_type IN ('image/png', 'image/jpeg')),
    width integer NOT NULL,
    height integer NOT NULL,
    content bytea NOT NULL
);
CREATE TABLE look (
    version integer PRIMARY KEY,
    name text NOT NULL,
    sender_name text NOT NULL,
    sender_address text NOT NULL,
    accent text NOT NULL,
    accent_dark text,
    header text,
    logo bytea REFERENCES logo,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL
);

-- Tests that administrators had sent to themselves. `sent_at` is by the database's clock: it bounds
-- how many there may be.
CREATE TABLE test_mail (
    test_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    who text NOT NULL,
    template text NOT NULL,
    locale text NOT NULL,
    sent_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX test_mail_recent ON test_mail (who, sent_at);
