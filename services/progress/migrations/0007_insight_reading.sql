-- Domains of addresses: of our own people, and of the customers' contacts.
CREATE FUNCTION domain_of(address text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN substring(address FROM '[^@]*$');

CREATE INDEX person_row_domain ON person_row (domain_of(person));
CREATE INDEX contact_row_domain ON contact_row (domain_of(email));
