-- What the doors for sellers need of the owner's rights: about ticks, never about people.

-- How many of the participants of some ticks take part, and are not resolved yet.
CREATE FUNCTION unresolved_of_ticks(ticks uuid[]) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = progress, pg_temp
AS $body$
    SELECT count(*)
    FROM progress.seller_tick t
    JOIN progress.participant p ON p.seller_plan_id = t.seller_plan_id
    WHERE t.tick_id = ANY (ticks) AND p.taking_part AND p.person IS NULL
        AND p.known_from <= t.due_at
$body$;

-- Ticks that were dealt with are not answered again.
CREATE FUNCTION finish_seller_ticks(ticks uuid[], at timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = progress, pg_temp
AS $body$
    WITH finished AS (
        UPDATE progress.seller_tick SET done_at = at
        WHERE tick_id = ANY (ticks) AND done_at IS NULL
        RETURNING tick_id
    )
    SELECT count(*) FROM finished
$body$;

REVOKE ALL ON FUNCTION unresolved_of_ticks(uuid[]), finish_seller_ticks(uuid[], timestamptz)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unresolved_of_ticks(uuid[]), finish_seller_ticks(uuid[], timestamptz)
    TO milepost_progress;
