-- Policies: what shall be reserved where, who signed it, how far each host is with it.
-- SPDX-License-Identifier: Apache-2.0

CREATE TABLE policies (
    name       TEXT PRIMARY KEY,
    owner      TEXT NOT NULL, -- of the newest revision, as are reason, mode, review_ms, state
    reason     TEXT NOT NULL,
    mode       TEXT NOT NULL,
    review_ms  INTEGER NOT NULL,
    newest     INTEGER NOT NULL,
    state      TEXT NOT NULL,
    live       INTEGER NOT NULL, -- revision that is active, paused or retired; 0 none
    live_state TEXT NOT NULL,    -- '' none
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE policy_revisions (
    policy       TEXT NOT NULL REFERENCES policies (name),
    revision     INTEGER NOT NULL CHECK (revision > 0),
    state        TEXT NOT NULL,
    mode         TEXT NOT NULL,
    document     TEXT NOT NULL, -- JSON, exactly as it is signed
    digest       TEXT NOT NULL,
    author       TEXT NOT NULL,
    envelope     TEXT NOT NULL, -- with the signatures so far; '' not submitted
    why          TEXT NOT NULL,
    created_ms   INTEGER NOT NULL,
    changed_ms   INTEGER NOT NULL,
    submitted_ms INTEGER NOT NULL,
    approved_ms  INTEGER NOT NULL,
    activated_ms INTEGER NOT NULL,
    expires_ms   INTEGER NOT NULL,
    PRIMARY KEY (policy, revision)
);
CREATE INDEX policy_revisions_state ON policy_revisions (state);
-- What was approved must be what is there: a revision is made once.
CREATE TRIGGER policy_revisions_fixed
BEFORE UPDATE OF policy, revision, mode, document, digest, author, created_ms ON policy_revisions
BEGIN
    SELECT RAISE(ABORT, 'a revision never changes');
END;
CREATE TRIGGER policy_revisions_no_delete BEFORE DELETE ON policy_revisions
BEGIN
    SELECT RAISE(ABORT, 'revisions stay');
END;

CREATE TABLE policy_approvals (
    policy   TEXT NOT NULL,
    revision INTEGER NOT NULL,
    key_id   TEXT NOT NULL,
    approver TEXT NOT NULL,
    actor    TEXT NOT NULL,
    comment  TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (policy, revision, key_id),
    FOREIGN KEY (policy, revision) REFERENCES policy_revisions (policy, revision)
) WITHOUT ROWID;
CREATE TRIGGER policy_approvals_no_update BEFORE UPDATE ON policy_approvals
BEGIN
    SELECT RAISE(ABORT, 'approvals are append-only');
END;
CREATE TRIGGER policy_approvals_no_delete BEFORE DELETE ON policy_approvals
BEGIN
    SELECT RAISE(ABORT, 'approvals are append-only');
END;

CREATE TABLE trust_roots (
    version    INTEGER PRIMARY KEY,
    envelope   TEXT NOT NULL,
    actor      TEXT NOT NULL,
    created_ms INTEGER NOT NULL
);
CREATE TRIGGER trust_roots_no_update BEFORE UPDATE ON trust_roots
BEGIN
    SELECT RAISE(ABORT, 'trust roots are append-only');
END;
CREATE TRIGGER trust_roots_no_delete BEFORE DELETE ON trust_roots
BEGIN
    SELECT RAISE(ABORT, 'trust roots are append-only');
END;

-- fleet_id: made once, part of everything that is signed for this fleet.
CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- One row a host and policy: the newest revision that was offered or reported.
CREATE TABLE host_policies (
    id               INTEGER PRIMARY KEY,
    host_id          TEXT NOT NULL,
    policy           TEXT NOT NULL,
    revision         INTEGER NOT NULL,
    mode             TEXT NOT NULL,
    state            TEXT NOT NULL,
    why              TEXT NOT NULL,
    code             TEXT NOT NULL,
    text             TEXT NOT NULL,
    notes            TEXT NOT NULL, -- JSON list; '' none
    repairs          INTEGER NOT NULL,
    offered_ms       INTEGER NOT NULL,
    received_ms      INTEGER NOT NULL,
    applied_ms       INTEGER NOT NULL,
    verified_ms      INTEGER NOT NULL,
    repaired_ms      INTEGER NOT NULL,
    retired_ms       INTEGER NOT NULL,
    failing_since_ms INTEGER NOT NULL,
    changed_ms       INTEGER NOT NULL,
    UNIQUE (host_id, policy)
);
-- All that compliance asks of a row, hosts in their own order: 100,000 are counted in a third of a second.
CREATE INDEX host_policies_policy
ON host_policies (policy, host_id, state, mode, failing_since_ms);

CREATE TABLE exceptions (
    id         TEXT PRIMARY KEY,
    policy     TEXT NOT NULL, -- '' every policy
    host_id    TEXT NOT NULL,
    reason     TEXT NOT NULL CHECK (reason <> ''),
    approver   TEXT NOT NULL CHECK (approver <> ''),
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL CHECK (expires_ms > 0),
    revoked    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX exceptions_host ON exceptions (host_id);

-- Of the newest inventory, one a line; NULL: reported before this column was there.
ALTER TABLE hosts ADD COLUMN services TEXT;
