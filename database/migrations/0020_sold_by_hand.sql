-- What the account's owner has sold of a position by hand, booked as soon as it is proven.

ALTER TABLE positions
    ADD COLUMN taken_quantity bigint NOT NULL DEFAULT 0,
    ADD COLUMN taken_amount bigint NOT NULL DEFAULT 0 CHECK (taken_amount >= 0),
    ADD COLUMN taken_on date,
    ADD CONSTRAINT taken_is_part_of_sold CHECK (taken_quantity BETWEEN 0 AND sold_quantity),
    ADD CONSTRAINT taken_has_a_day CHECK ((taken_quantity > 0) = (taken_on IS NOT NULL));
COMMENT ON COLUMN positions.taken_quantity IS 'Of the sold shares, those that went without an order of ours while the position lived';
COMMENT ON COLUMN positions.taken_amount IS 'Whole won that these brought, before commission and tax; not part of proceeds. 0: nobody knows of any';
COMMENT ON COLUMN positions.taken_on IS 'KST calendar date on which the last of them was booked';
