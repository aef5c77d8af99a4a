-- That somebody was erased, by whom and when, and never who it was.
CREATE TABLE IF NOT EXISTS erasures{{onCluster}}
(
    request_id String COMMENT 'one run of an erasure, id',
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'when it came to this, milliseconds UTC',
    state LowCardinality(String) COMMENT 'begun, done, or left when it ended before all was erased',
    actor String COMMENT 'who asked for it, name',
    client_kind LowCardinality(String) COMMENT 'what the client was recognised by: key, user or ip',
    `rows` Map(LowCardinality(String), UInt64) COMMENT 'begun: rows that held the client, by table, count; else: rows that still do, by table, count'
)
ENGINE = {{replicated}}MergeTree
ORDER BY at
SETTINGS {{dedupWindow}}
COMMENT 'erasures of clients';
