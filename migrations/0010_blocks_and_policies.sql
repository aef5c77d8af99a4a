-- What the change log of blocks and the gates' policy records say, row by row, exactly once: for audit. Time, emitter,
-- partition and seq identify a row, as in decisions_raw.
CREATE TABLE IF NOT EXISTS blocks{{onCluster}}
(
    time DateTime64(3, 'UTC') COMMENT 'when the block changed, milliseconds UTC' CODEC(Delta(8), ZSTD(1)),
    emitter LowCardinality(String) COMMENT 'change log that says so, name' CODEC(ZSTD(1)),
    `partition` UInt32 COMMENT 'partition of the event log, number from 0' CODEC(T64, ZSTD(1)),
    seq UInt64 COMMENT 'position among the changes of this emitter and partition, number from 1' CODEC(Delta(8), ZSTD(1)),
    block_id String COMMENT 'block, id' CODEC(ZSTD(1)),
    version UInt64 COMMENT 'version of the block that this change made, number from 1' CODEC(T64, ZSTD(1)),
    state LowCardinality(String) COMMENT 'state after the change: proposed, active, confirmed, lifted, expired or superseded' CODEC(ZSTD(1)),
    client_kind LowCardinality(String) COMMENT 'what the client was recognised by: key, user or ip' CODEC(ZSTD(1)),
    client String COMMENT 'client, id within its kind' CODEC(ZSTD(1)),
    tenant LowCardinality(String) COMMENT 'tenant, name' CODEC(ZSTD(1)),
    rule LowCardinality(String) COMMENT 'rule that concluded it, name' CODEC(ZSTD(1)),
    rule_hash LowCardinality(String) COMMENT 'content of the rule, hex digits' CODEC(ZSTD(1)),
    verdict_id String COMMENT 'verdict, id' CODEC(ZSTD(1)),
    blocked_at DateTime64(3, 'UTC') COMMENT 'when the block began, milliseconds UTC' CODEC(Delta(8), ZSTD(1)),
    expires_at DateTime64(3, 'UTC') COMMENT 'when the block ends by itself, milliseconds UTC' CODEC(Delta(8), ZSTD(1)),
    strikes UInt32 COMMENT 'active strikes of the client, this one included, count' CODEC(T64, ZSTD(1)),
    actor LowCardinality(String) COMMENT 'who or what made the change, name' CODEC(ZSTD(1)),
    reason String COMMENT 'why, reason code or note' CODEC(ZSTD(1)),
    evidence String COMMENT 'what the verdict rests on, JSON' CODEC(ZSTD(3)),
    ingested_at DateTime('UTC') DEFAULT now('UTC') COMMENT 'when the row was stored, seconds UTC' CODEC(Delta(4), ZSTD(1))
)
ENGINE = {{replicated}}MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (time, emitter, seq)
{{blocksTtl}}
SETTINGS {{dedupWindow}}
COMMENT 'every change of a block, exactly once';

CREATE TABLE IF NOT EXISTS policies{{onCluster}}
(
    time DateTime64(3, 'UTC') COMMENT 'when the gate loaded them, milliseconds UTC' CODEC(Delta(8), ZSTD(1)),
    emitter LowCardinality(String) COMMENT 'process that says so, for as long as it lives' CODEC(ZSTD(1)),
    `partition` UInt32 COMMENT 'partition of the event log, number from 0' CODEC(T64, ZSTD(1)),
    seq UInt64 COMMENT 'position among the loads of this emitter and partition, number from 1' CODEC(Delta(8), ZSTD(1)),
    gate LowCardinality(String) COMMENT 'gate, id for as long as it lives' CODEC(ZSTD(1)),
    region LowCardinality(String) COMMENT 'region of the gate, name' CODEC(ZSTD(1)),
    service LowCardinality(String) COMMENT 'service that the gate stands in front of, name, or empty' CODEC(ZSTD(1)),
    version LowCardinality(String) COMMENT 'version of the policy file, 12 hex digits' CODEC(ZSTD(1)),
    policy_count UInt64 COMMENT 'policies in the file, count' CODEC(T64, ZSTD(1)),
    policies String COMMENT 'the policies, JSON, or empty when they are too many for one record' CODEC(ZSTD(3)),
    ingested_at DateTime('UTC') DEFAULT now('UTC') COMMENT 'when the row was stored, seconds UTC' CODEC(Delta(4), ZSTD(1))
)
ENGINE = {{replicated}}MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (time, emitter, seq)
{{policiesTtl}}
SETTINGS {{dedupWindow}}
COMMENT 'every load of policies by a gate, exactly once';
