-- Where too few people had any collaboration nothing is told of peers, no older split either.
ALTER TABLE peer_split ADD COLUMN too_few boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT peer_split_of_few_is_not_told CHECK (NOT (published AND too_few));
