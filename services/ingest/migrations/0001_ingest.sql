-- Ingest's tables: uploaded files, what was wrong with their rows, and which records came from them.
--
-- Events that arrive over HTTP or Kafka leave no trace here; only what is wrong with one on the
-- inbound topic does, as a dead letter.

CREATE TABLE upload (
    upload_id uuid PRIMARY KEY,
    record text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('append', 'replace')),
    state text NOT NULL CHECK (state IN ('receiving', 'received', 'processing', 'processed', 'failed')),
    -- Where processing goes on: checking the file as a whole, publishing rows, publishing the
    -- deletions of a replacing file.
    stage text NOT NULL DEFAULT 'check' CHECK (stage IN ('check', 'publish', 'retract')),
    -- Of every row without one of its own; fixed when the file has been received, so that
    -- processing again publishes the same, and later files are newer ones.
    version bigint,
    -- The day of every effective-dated row of a file without that column.
    day date NOT NULL,
    size bigint NOT NULL DEFAULT 0,
    header text[],
    rows_read bigint NOT NULL DEFAULT 0,
    accepted bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    retracted bigint NOT NULL DEFAULT 0,
    -- The last row of the file whose outcome is committed.
    dealt_with bigint NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL,
    finished_at timestamptz,
    UNIQUE (record, version)
);
CREATE INDEX upload_open ON upload (record, version) WHERE state IN ('received', 'processing');
CREATE INDEX upload_listed ON upload (received_at DESC, upload_id DESC);

-- The file itself, in pieces, until it has been dealt with.
CREATE TABLE upload_part (
    upload_id uuid NOT NULL REFERENCES upload ON DELETE CASCADE,
    part integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (upload_id, part)
);
-- Compressing costs more time than the space is worth for so short a life.
ALTER TABLE upload_part ALTER content SET STORAGE EXTERNAL;

-- What is wrong with the rows of a file; a row has a line for each of its faults. Row 1 is the
-- header and stands for the file.
CREATE TABLE rejected_row (
    upload_id uuid NOT NULL REFERENCES upload ON DELETE CASCADE,
    row bigint NOT NULL,
    fault integer NOT NULL,
    "column" text NOT NULL,
    error text NOT NULL,
    cells text[] NOT NULL,
    PRIMARY KEY (upload_id, row, fault)
);

-- The rows of a file that is checked as a whole before any of it is published. Worth nothing after
-- a crash: checking then begins anew.
CREATE UNLOGGED TABLE checked_row (
    upload_id uuid NOT NULL,
    row bigint NOT NULL,
    key text NOT NULL,
    person text,
    manager text,
    day date
);
CREATE INDEX checked_row_key ON checked_row (upload_id, key);
CREATE INDEX checked_row_person ON checked_row (upload_id, person, day);

-- The records that uploads have told of, by key (canonical JSON), with the upload that named them
-- last: what a replacing file does not name is retracted.
CREATE TABLE uploaded_key (
    record text NOT NULL,
    key text NOT NULL,
    version bigint NOT NULL,
    upload_id uuid NOT NULL,
    PRIMARY KEY (record, key)
);
CREATE INDEX uploaded_key_upload ON uploaded_key (record, upload_id);

-- The accounts that an upload's rows name, for join coverage.
CREATE TABLE account_reference (
    upload_id uuid NOT NULL REFERENCES upload ON DELETE CASCADE,
    account_id text NOT NULL,
    rows bigint NOT NULL,
    PRIMARY KEY (upload_id, account_id)
);
-- The accounts that uploaded rows describe.
CREATE INDEX uploaded_account ON uploaded_key ((key::jsonb ->> 'account_id')) WHERE record = 'crm_account';

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
