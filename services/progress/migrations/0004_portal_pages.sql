-- Pages of the partners' portal that the supplier writes.
CREATE TABLE portal_page (
    page_id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    name text NOT NULL,
    template text NOT NULL,
    content text NOT NULL,
    aside text NOT NULL,
    place text NOT NULL,
    position integer NOT NULL,
    active boolean NOT NULL,
    version integer NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);
COMMENT ON COLUMN portal_page.slug IS 'its address in the portal; stays when the page is renamed';
COMMENT ON COLUMN portal_page.aside IS 'Markdown of the second column, where the template has one';
COMMENT ON COLUMN portal_page.place IS 'where the portal''s navigation shows it';
