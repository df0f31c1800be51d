-- How long ago each duty of a host last succeeded, as the host notes it: the log alone cannot be asked.
ALTER TABLE hosts ADD COLUMN duties jsonb NOT NULL DEFAULT '{}';
ALTER TABLE hosts ADD COLUMN duties_at timestamptz;
COMMENT ON COLUMN hosts.duties IS 'By name: real seconds since the last success, and the seconds after which it is overdue';
COMMENT ON COLUMN hosts.duties_at IS 'Real time (database clock) at which the duties were noted';
