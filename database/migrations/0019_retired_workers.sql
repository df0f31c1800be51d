-- Who was stopped holds nothing at the next close, and needs no time to sell it.

ALTER TABLE workers ADD COLUMN retired boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN workers.retired IS 'Stopped by an operator, and not registered since: the close plans no sale for it beyond the position that it has';
