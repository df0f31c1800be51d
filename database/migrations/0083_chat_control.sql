-- Commands by chat: which host polls, which updates are answered, and which confirmations are open or used.
CREATE TABLE chat_pollers (
    account_id text PRIMARY KEY REFERENCES accounts,
    owner text NOT NULL CHECK (owner <> ''),
    leased_until timestamptz NOT NULL
);
COMMENT ON TABLE chat_pollers IS 'Telegram allows one poller a bot: the host that holds the lease';
COMMENT ON COLUMN chat_pollers.leased_until IS 'Real time (database clock) from which another host may poll';

CREATE TABLE chat_updates (
    account_id text NOT NULL REFERENCES accounts,
    bot text NOT NULL,
    update_id bigint NOT NULL,
    done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, bot, update_id)
);
COMMENT ON TABLE chat_updates IS 'Updates that are answered: Telegram delivers one again until it is acknowledged';
COMMENT ON COLUMN chat_updates.bot IS 'The public number of the bot';
COMMENT ON COLUMN chat_updates.done_at IS 'Real time (database clock) of the answer';

CREATE TABLE chat_plans (
    account_id text NOT NULL REFERENCES accounts,
    digest text NOT NULL CHECK (digest <> ''),
    chat_id bigint NOT NULL,
    act text NOT NULL,
    worker text NOT NULL,
    expires_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (account_id, digest),
    CONSTRAINT only_confirmed_plans_end CHECK (ended_at IS NULL OR confirmed_at IS NOT NULL)
);
COMMENT ON TABLE chat_plans IS 'Commands that wait for their confirmation; each is carried out at most once';
COMMENT ON COLUMN chat_plans.digest IS 'SHA-256 of the one-time code; the code itself is only in the chat';
COMMENT ON COLUMN chat_plans.expires_at IS 'Real time (database clock) after which it cannot be confirmed';
COMMENT ON COLUMN chat_plans.confirmed_at IS 'Real time (database clock); set before the command is sent';
COMMENT ON COLUMN chat_plans.ended_at IS 'Real time (database clock) at which its outcome was known or given up';
