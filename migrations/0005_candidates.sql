-- What a candidate policy would have come to, and whether spends in other slots of a cluster were taken back. Rows that are
-- there already, and those of older emitters, say that there was neither.
ALTER TABLE decisions_raw{{onCluster}}
    ADD COLUMN IF NOT EXISTS candidate_outcome LowCardinality(String) COMMENT 'outcome with each candidate in its live policy''s place: allowed, denied, or empty without one' CODEC(ZSTD(1)) AFTER shadow_denied,
    ADD COLUMN IF NOT EXISTS compensated UInt8 COMMENT 'whether spends in other slots were taken back, 0 or 1' AFTER candidate_outcome;
