-- What must not be called safe as facts are missing: the services that do not run, the listeners.
-- SPDX-License-Identifier: Apache-2.0

ALTER TABLE hosts ADD COLUMN incomplete INTEGER NOT NULL DEFAULT 0;
ALTER TABLE host_states ADD COLUMN incomplete INTEGER NOT NULL DEFAULT 0;
