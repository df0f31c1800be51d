-- Orders that another program sends by API on this account shut entries until an operator accepts each of them.

CREATE TABLE foreign_api_orders (
    account_id text NOT NULL REFERENCES accounts,
    order_date date NOT NULL,
    branch text NOT NULL,
    order_no text NOT NULL CHECK (order_no <> ''),
    symbol text NOT NULL CHECK (symbol <> ''),
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity bigint NOT NULL,
    first_seen_at timestamptz NOT NULL,
    accepted_by text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, order_date, branch, order_no)
);
COMMENT ON TABLE foreign_api_orders IS 'Orders that came by API and that no intent of ours explains';
COMMENT ON COLUMN foreign_api_orders.order_date IS 'KST calendar date under which the broker numbers the order';
COMMENT ON COLUMN foreign_api_orders.first_seen_at IS 'Market time at which a list first showed it';
COMMENT ON COLUMN foreign_api_orders.accepted_by IS 'Operator who has accepted it; empty while it shuts entries';
COMMENT ON COLUMN foreign_api_orders.reason IS 'Why the operator has accepted it';
