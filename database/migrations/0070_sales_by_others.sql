-- KIS counts costs per stock, side and day: what others' sales of our shares brought is kept by the day of the sale.

CREATE TABLE sales_by_others (
    position_id text NOT NULL REFERENCES positions,
    sold_on date NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (position_id, sold_on)
);
COMMENT ON TABLE sales_by_others IS
    'Of a position''s proceeds, what sales without an order of ours brought, by day. Proceeds in no row count for the day on which the trade was booked';
COMMENT ON COLUMN sales_by_others.sold_on IS 'KST calendar date of the sale, as the broker lists it';
COMMENT ON COLUMN sales_by_others.amount IS 'Whole won, before commission and tax';
CREATE INDEX sales_by_others_of_a_day ON sales_by_others (sold_on);
