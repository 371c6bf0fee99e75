-- Seller plans. A draft has candidates; once it is started it has participants.
CREATE TABLE seller_plan (
    seller_plan_id uuid PRIMARY KEY,
    revision bigint NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL UNIQUE, -- trimmed, case aside: what makes two names the same
    name_order text NOT NULL, -- what names are sorted by
    cadence text NOT NULL CHECK (cadence IN ('monthly', 'weekly')),
    start_date date NOT NULL,
    end_date date NOT NULL CHECK (end_date > start_date),
    created_at timestamptz NOT NULL,
    scheduled_at timestamptz, -- NULL: a draft
    stopped_at timestamptz CHECK (stopped_at IS NULL OR scheduled_at IS NOT NULL)
);
CREATE INDEX seller_plan_by_creation ON seller_plan (created_at, seller_plan_id);

-- Who qualified for a draft. Whoever failed a check is nowhere.
CREATE TABLE candidate (
    seller_plan_id uuid NOT NULL REFERENCES seller_plan ON DELETE CASCADE,
    person text NOT NULL,
    PRIMARY KEY (seller_plan_id, person)
);
CREATE INDEX candidate_by_person ON candidate (person);

-- A participation under a random id. Nobody else knows whose it is: the address goes when it ends.
CREATE TABLE participant (
    participant_id uuid PRIMARY KEY,
    seller_plan_id uuid NOT NULL REFERENCES seller_plan,
    person text,
    version bigint NOT NULL,
    joined_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text CHECK (ended_by IN ('left', 'opted_out', 'replaced')),
    CONSTRAINT participant_goes_with_its_address CHECK ((person IS NULL) = (ended_at IS NOT NULL)),
    CONSTRAINT participant_ended_somehow CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX participant_once ON participant (seller_plan_id, person)
    WHERE person IS NOT NULL;
CREATE INDEX participant_by_person ON participant (person) WHERE person IS NOT NULL;
CREATE INDEX participant_of_plan ON participant (seller_plan_id, participant_id)
    WHERE person IS NOT NULL;

-- Opting out, as a keyed hash of the address. Who opts in again keeps a row, so that what was told
-- before does not count any more.
CREATE TABLE opt_out (
    hash bytea PRIMARY KEY,
    opted_out boolean NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE TABLE opt_out_key (
    inner_key bytea NOT NULL,
    outer_key bytea NOT NULL
);
CREATE UNIQUE INDEX opt_out_key_is_one ON opt_out_key ((true));
INSERT INTO opt_out_key
SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || '\x01'),
       sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || '\x02');

CREATE FUNCTION hash_of(address text) RETURNS bytea LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT sha256(outer_key || sha256(inner_key || convert_to(address, 'UTF8'))) FROM opt_out_key;
END;

-- The dues of a seller plan, shared by its participants; `reached` is the last that has its tick.
CREATE TABLE seller_due (
    seller_plan_id uuid NOT NULL REFERENCES seller_plan ON DELETE CASCADE,
    period text NOT NULL, -- what the mail is about: the month, or the Sunday its week began on
    due_at timestamptz NOT NULL,
    reached uuid,
    issued_at timestamptz,
    PRIMARY KEY (seller_plan_id, due_at)
);
CREATE INDEX seller_due_open ON seller_due (due_at, seller_plan_id) WHERE issued_at IS NULL;

-- The log of seller ticks: one per participant and period, ever.
CREATE TABLE seller_tick (
    participant_id uuid NOT NULL,
    period text NOT NULL,
    tick_id uuid NOT NULL UNIQUE,
    due_at timestamptz NOT NULL,
    issued_at timestamptz NOT NULL,
    PRIMARY KEY (participant_id, period)
);

-- The directory: the newest version of each row about a person, by the day from which it holds.
CREATE TABLE person_row (
    person text NOT NULL,
    effective_on date NOT NULL,
    version bigint NOT NULL,
    body text COLLATE "C" NOT NULL, -- canonical; of one version the greater body counts
    deleted boolean NOT NULL,
    manager text,
    organization text,
    level text,
    function text,
    time_zone text,
    attributes jsonb NOT NULL,
    licensed boolean NOT NULL,
    opted_out boolean NOT NULL,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (person, effective_on)
);
CREATE INDEX person_row_opted_out ON person_row (effective_on) WHERE opted_out AND NOT deleted;

-- The row about a person that is in force on a day: the latest from before, else the first.
CREATE FUNCTION people_on(day date) RETURNS SETOF person_row
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT DISTINCT ON (person) *
    FROM person_row
    WHERE NOT deleted
    ORDER BY person, effective_on <= day DESC,
             CASE WHEN effective_on <= day THEN effective_on END DESC, effective_on;
END;

CREATE FUNCTION person_on(address text, day date) RETURNS SETOF person_row
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT *
    FROM person_row
    WHERE person = address AND NOT deleted
    ORDER BY effective_on <= day DESC,
             CASE WHEN effective_on <= day THEN effective_on END DESC, effective_on
    LIMIT 1;
END;

-- Which CRM records there are; nothing of what they say. A deletion's body is always the greater
-- one, so that of one version the deletion counts.
CREATE TABLE crm_record (
    kind text NOT NULL CHECK (kind IN ('crm_account', 'crm_contact')),
    record_id text NOT NULL,
    version bigint NOT NULL,
    deleted boolean NOT NULL,
    PRIMARY KEY (kind, record_id)
);
CREATE INDEX crm_record_present ON crm_record (kind) WHERE NOT deleted;
