"""The control page: the market, its accounts and its faults in a browser, over the control API alone."""
