-- The collector's first schema. Times are milliseconds since 1970 UTC.
-- SPDX-License-Identifier: Apache-2.0

CREATE TABLE agents (
    id            TEXT PRIMARY KEY,
    secret_hash   BLOB NOT NULL,
    state         INTEGER NOT NULL, -- 0 active, 1 cloned, 2 revoked
    join_token_id TEXT NOT NULL,
    created_ms    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE hosts (
    id               TEXT PRIMARY KEY REFERENCES agents (id),
    name             TEXT NOT NULL,
    labels           TEXT NOT NULL, -- JSON list: ["site=paris"]
    os_family        TEXT NOT NULL,
    os_name          TEXT NOT NULL,
    os_version       TEXT NOT NULL,
    agent_version    TEXT NOT NULL,
    first_seen_ms    INTEGER NOT NULL,
    last_seen_ms     INTEGER NOT NULL,
    boot_id          TEXT NOT NULL,
    seq              INTEGER NOT NULL,
    silent_since_ms  INTEGER NOT NULL,
    cloned           INTEGER NOT NULL,
    inventory_digest TEXT NOT NULL,
    findings_digest  TEXT NOT NULL,
    outcome_digest   TEXT NOT NULL,
    verdict          TEXT NOT NULL,
    safe             INTEGER NOT NULL,
    unknown          INTEGER NOT NULL,
    exposed          INTEGER NOT NULL,
    blocked          INTEGER NOT NULL,
    findings_high    INTEGER NOT NULL,
    findings_medium  INTEGER NOT NULL,
    findings_low     INTEGER NOT NULL,
    sample_json      TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX hosts_name ON hosts (name);

-- What a host was, as intervals: the columns of hosts that ?at= answers.
CREATE TABLE host_states (
    host_id         TEXT NOT NULL,
    valid_from_ms   INTEGER NOT NULL,
    valid_to_ms     INTEGER, -- NULL = still
    name            TEXT NOT NULL,
    os_family       TEXT NOT NULL,
    os_name         TEXT NOT NULL,
    os_version      TEXT NOT NULL,
    agent_version   TEXT NOT NULL,
    silent_since_ms INTEGER NOT NULL,
    cloned          INTEGER NOT NULL,
    verdict         TEXT NOT NULL,
    safe            INTEGER NOT NULL,
    unknown         INTEGER NOT NULL,
    exposed         INTEGER NOT NULL,
    blocked         INTEGER NOT NULL,
    findings_high   INTEGER NOT NULL,
    findings_medium INTEGER NOT NULL,
    findings_low    INTEGER NOT NULL,
    PRIMARY KEY (host_id, valid_from_ms)
) WITHOUT ROWID;

-- Bodies, once each: hosts share them, history costs little.
CREATE TABLE documents (
    digest     TEXT PRIMARY KEY, -- "blake2b-256:<64 hex>" over exactly these bytes
    kind       TEXT NOT NULL,
    body       BLOB NOT NULL,
    created_ms INTEGER NOT NULL
);

CREATE TABLE host_documents (
    host_id       TEXT NOT NULL,
    kind          TEXT NOT NULL, -- inventory, findings, outcome
    valid_from_ms INTEGER NOT NULL,
    valid_to_ms   INTEGER,
    digest        TEXT NOT NULL REFERENCES documents (digest),
    PRIMARY KEY (host_id, kind, valid_from_ms)
) WITHOUT ROWID;
CREATE INDEX host_documents_digest ON host_documents (digest);

CREATE TABLE verdicts (
    id            INTEGER PRIMARY KEY,
    host_id       TEXT NOT NULL,
    valid_from_ms INTEGER NOT NULL,
    valid_to_ms   INTEGER,
    judged_by     TEXT NOT NULL, -- agent, collector
    product       TEXT NOT NULL,
    requirement   TEXT NOT NULL,
    title         TEXT NOT NULL,
    protocol      TEXT NOT NULL,
    ports         TEXT NOT NULL,
    kind          TEXT NOT NULL,
    origin        TEXT NOT NULL,
    state         TEXT NOT NULL,
    reason        TEXT NOT NULL,
    odds          REAL,
    holder        TEXT, -- program
    body          TEXT NOT NULL -- the verdict whole, as in schema/wire
);
CREATE INDEX verdicts_open ON verdicts (host_id) WHERE valid_to_ms IS NULL;
CREATE INDEX verdicts_state ON verdicts (state, id) WHERE valid_to_ms IS NULL;
CREATE INDEX verdicts_past ON verdicts (valid_to_ms) WHERE valid_to_ms IS NOT NULL;

CREATE TABLE findings (
    id            INTEGER PRIMARY KEY,
    host_id       TEXT NOT NULL,
    valid_from_ms INTEGER NOT NULL,
    valid_to_ms   INTEGER,
    kind          TEXT NOT NULL,
    severity      TEXT NOT NULL,
    subject       TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    needs_reboot  INTEGER NOT NULL,
    body          TEXT NOT NULL
);
CREATE INDEX findings_open ON findings (host_id) WHERE valid_to_ms IS NULL;
CREATE INDEX findings_severity ON findings (severity, id) WHERE valid_to_ms IS NULL;
CREATE INDEX findings_past ON findings (valid_to_ms) WHERE valid_to_ms IS NOT NULL;

-- Append-only; hash chains each row to the one before it.
CREATE TABLE events (
    id        INTEGER PRIMARY KEY, -- 1, 2, 3 … without gaps
    at_ms     INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    host_id   TEXT NOT NULL,
    host_name TEXT NOT NULL,
    actor     TEXT NOT NULL,
    peer      TEXT NOT NULL,
    "before"  TEXT NOT NULL,
    "after"   TEXT NOT NULL,
    why       TEXT NOT NULL,
    hash      TEXT NOT NULL
);
CREATE INDEX events_host ON events (host_id, id);
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

CREATE TABLE tokens (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL, -- join, operator
    name        TEXT NOT NULL,
    role        TEXT NOT NULL,
    labels      TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    created_ms  INTEGER NOT NULL,
    expires_ms  INTEGER NOT NULL,
    uses_left   INTEGER NOT NULL,
    revoked     INTEGER NOT NULL
) WITHOUT ROWID;

-- One row that /readyz writes, to see that writing works.
CREATE TABLE probe (
    id    INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL
);
