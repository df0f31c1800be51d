-- What is still to be told outside: one row a channel and event, written in the event's own transaction, so that
-- nothing is announced that was not committed, and nothing committed is forgotten.
CREATE TABLE alert_channels (
    account_id text NOT NULL REFERENCES accounts,
    channel text NOT NULL CHECK (channel <> ''),
    levels text[] NOT NULL,
    tells_days boolean NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    owner text NOT NULL DEFAULT '',
    leased_until timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    trouble text NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, channel)
);
COMMENT ON COLUMN alert_channels.channel IS 'Digest of the address; the address itself is a secret and never stored';
COMMENT ON COLUMN alert_channels.levels IS 'Levels of events that this channel is told';
COMMENT ON COLUMN alert_channels.tells_days IS 'Whether it is told each day''s result';
COMMENT ON COLUMN alert_channels.owner IS 'The process that sends, or sent last';
COMMENT ON COLUMN alert_channels.leased_until IS 'Real time (database clock) from which another process may send';
COMMENT ON COLUMN alert_channels.next_try_at IS 'Real time (database clock) before which nobody tries again';
COMMENT ON COLUMN alert_channels.trouble IS 'Why the last attempt failed, if it did';

CREATE TABLE alerts (
    account_id text NOT NULL,
    channel text NOT NULL,
    event_id bigint NOT NULL REFERENCES events,
    sent_at timestamptz,
    PRIMARY KEY (account_id, channel, event_id)
);
COMMENT ON TABLE alerts IS 'The outbox: what each channel is to be told';
COMMENT ON COLUMN alerts.sent_at IS 'Real time (database clock) at which the channel had taken it; null while it has not';
CREATE INDEX unsent_alerts ON alerts (account_id, channel, event_id) WHERE sent_at IS NULL;

CREATE FUNCTION put_into_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alerts (account_id, channel, event_id)
    SELECT account_id, channel, NEW.event_id FROM alert_channels
    WHERE account_id = NEW.account_id AND is_active
        AND (NEW.level = ANY (levels) OR (tells_days AND NEW.kind = 'day_summed_up'));
    RETURN NULL;
END
$$;
CREATE TRIGGER alerts_follow_events AFTER INSERT ON events
    FOR EACH ROW WHEN (NEW.level <> 'info' OR NEW.kind = 'day_summed_up') EXECUTE FUNCTION put_into_outbox();
